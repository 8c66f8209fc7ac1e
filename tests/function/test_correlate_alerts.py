"""External alerts in the incidents of `correlate`."""

from itertools import permutations

from tests.function.test_correlate import Rig
from tests.property.correlate_world import START, alert, anomaly, detected, tick


def test_an_alert_joins_the_incident_of_anomalies_of_the_same_service():
    rig = Rig()
    rig.give(anomaly("b", 0))
    counts = rig.give(alert("b", 60))
    assert counts == {"accepted": 1, "published": 1}
    assert rig.only.anomalies == 2
    assert {piece.peak.detector for piece in rig.only.evidence} == {"static", "alertmanager"}


def test_an_alert_whose_rule_waited_joins_what_began_before_it_fires():
    rig = Rig()
    rig.give(anomaly("b", 0))
    rig.give(alert("b", 290))
    assert rig.only.anomalies == 2
    rig.give(alert("b", 900))
    assert len(rig.told) == 2


def test_an_alert_that_names_no_service_is_one_incident_however_long_its_rule_waited():
    rig = Rig(bucket=90)
    rig.give(alert("unknown", 600, labels={}, reason="no idea"))
    assert (rig.only.anomalies, rig.only.services) == (1, ("unknown",))


def test_an_alert_keeps_an_incident_open_until_it_is_resolved_and_the_quiet_time_is_over():
    rig = Rig(alert_hold=86_400)
    rig.give(anomaly("b", 0), alert("b", 60))
    rig.deliver(tick(3_600))
    assert rig.only.status == "open"
    counts = rig.deliver(detected([alert("b", 60, ended=3_700)], 9, START + 3_710_000))
    assert counts == {"duplicate": 1, "retold": 1, "published": 1}
    rig.deliver(tick(3_820))
    assert rig.only.status == "open"
    rig.deliver(tick(3_821))
    assert (rig.only.status, rig.only.resolved_at) == ("resolved", START + 3_820_000)


def test_an_alert_whose_end_never_comes_expires():
    rig = Rig(alert_hold=600)
    rig.give(alert("b", 0))
    rig.deliver(tick(720))
    assert rig.only.status == "open"
    rig.deliver(tick(721))
    assert rig.only.resolved_at == START + 720_000


def test_notifications_of_one_alert_in_one_event_are_all_heard():
    rig = Rig()
    counts = rig.give(alert("b", 0), alert("b", 0, ended=30), second=40)
    assert counts == {"accepted": 1, "published": 1}
    rig.deliver(tick(200))
    assert rig.only.resolved_at == START + 150_000


def test_an_alert_that_is_told_again_changes_nothing_and_publishes_nothing():
    rig = Rig()
    rig.give(alert("b", 0))
    assert rig.give(alert("b", 0)) == {"duplicate": 1}


def test_the_end_of_an_alert_of_a_merged_incident_is_that_of_the_survivor():
    rig = Rig()
    rig.give(anomaly("a", 0))
    rig.give(alert("c", 10))
    rig.give(anomaly("b", 20))
    rig.deliver(detected([alert("c", 10, ended=40)], 9, START + 60_000))
    rig.deliver(tick(300))
    assert rig.only.resolved_at == START + 160_000


def test_an_end_that_lies_in_the_future_is_not_believed():
    rig = Rig()
    assert rig.give(alert("b", 0, ended=900)) == {"future": 1}


def test_any_order_of_anomalies_and_notifications_ends_in_the_same_incident():
    unordered = {"id": "", "version": 0, "joins": (), "root_cause_at_notification": ()}
    told = [
        anomaly("b", 0),
        anomaly("c", 40),
        alert("b", 60, reason="1 %"),
        alert("b", 60, ended=100, reason="0 %"),
    ]
    ends = set()
    for order in permutations(told):
        rig = Rig()
        for one in order:
            rig.give(one, second=200)
        rig.deliver(tick(1_000))
        ends.add(rig.only.model_copy(update=unordered).model_dump_json())
    assert len(ends) == 1
