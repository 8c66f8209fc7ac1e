"""The handler of `correlate` over its twins: what it promises, by name."""

import json
import random
import re
from collections import Counter
from copy import deepcopy
from dataclasses import fields, replace
from uuid import uuid4

import pytest

from aiops import topics
from aiops.adapters.memory_broker import MemoryPublisher
from aiops.adapters.memory_incidents import MemoryIncidents
from aiops.call_table import charted, tabled
from aiops.clock import ManualClock
from aiops.errors import Misconfigured, Rejected, Unavailable
from aiops.events import (
    Call,
    ChangeObserved,
    CommandGiven,
    Incident,
    TopologyObserved,
    WorkDue,
)
from aiops.ports import Event
from aiops.settings import Settings
from aiops.topology import Topology
from functions.correlate.assembly import assemble
from functions.correlate.config import CorrelateConfig
from functions.correlate.wiring import build
from tests.property.correlate_world import CONFIG, START, anomaly, changed, detected, make, tick


class Rig:
    """A handler and everything around it."""

    def __init__(self, **config):
        self.clock = ManualClock(START)
        self.store, self.publisher = MemoryIncidents(), MemoryPublisher()
        config = CONFIG.model_copy(update=config)
        self.handler = make(self.store, self.publisher, self.clock, config)

    def give(self, *anomalies, second=None):
        """Deliver anomalies at the time of the latest of them."""
        latest = max((one.time for one in anomalies), default=START)
        now = latest if second is None else START + second * 1000
        self.clock.ms = max(self.clock.ms, now)
        return self.handler(detected(anomalies, len(self.log), now))

    def deliver(self, event):
        self.clock.ms = max(self.clock.ms, event.time)
        return self.handler(event)

    @property
    def log(self):
        return self.publisher.topics[topics.INCIDENTS]

    @property
    def words(self):
        return [message.event.type.split(".")[3] for message in self.log]

    @property
    def told(self):
        """The last snapshot of each incident."""
        snapshots = (Incident.model_validate_json(message.event.data) for message in self.log)
        last = {}
        for snapshot in sorted(snapshots, key=lambda one: one.version):
            last[snapshot.id] = snapshot
        return last

    @property
    def only(self):
        """The one incident there is."""
        (snapshot,) = (one for one in self.told.values() if one.status != "merged")
        return snapshot


def fact(data, second=0, **extensions):
    return Event(
        "e1", "test", data.type, START + second * 1000, data.model_dump_json().encode(),
        extensions=extensions,
    )  # fmt: skip


def command(incident, word, second):
    given = CommandGiven(
        incident=incident, command=word, given_by="ann", given_at=START + second * 1000
    )
    return fact(given, second)


def test_an_anomaly_opens_an_incident_that_is_published_in_full():
    rig = Rig()
    counts = rig.give(anomaly("a", 0))
    assert counts == {"accepted": 1, "published": 1}
    assert rig.words == ["opened"]
    assert (rig.only.services, rig.only.anomalies, rig.only.status) == (("a",), 1, "open")
    assert rig.only.root_cause[0].service == "a"
    message = rig.log[0]
    assert message.key == message.event.extensions["correlationid"] == rig.only.id
    assert message.event.extensions["severitynumber"] == str(rig.only.severity)


def test_anomalies_of_services_that_call_each_other_are_one_incident_with_the_reason():
    rig = Rig()
    rig.give(anomaly("a", 0), anomaly("b", 30))
    assert rig.only.services == ("a", "b")
    assert [(join.service, join.linked_to, join.reason) for join in rig.only.joins] == [
        ("b", "a", "a calls b, 30 s apart")
    ]


def test_anomalies_that_share_nothing_but_the_time_are_apart():
    rig = Rig()
    rig.give(anomaly("a", 0), anomaly("f", 0))
    assert len(rig.told) == 2


def test_an_anomaly_that_bridges_two_incidents_merges_them_into_the_oldest():
    rig = Rig()
    rig.give(anomaly("a", 0))
    rig.give(anomaly("c", 10))
    assert len(rig.told) == 2
    rig.give(anomaly("b", 20))
    merged = next(one for one in rig.told.values() if one.status == "merged")
    assert rig.only.opened_at == START
    assert rig.only.services == ("a", "b", "c")
    assert merged.merged_into == rig.only.id
    assert sorted(rig.words) == ["merged", "opened", "opened", "updated"]


def test_a_duplicate_after_a_merge_is_answered_by_the_survivor():
    rig = Rig()
    for one in (early := anomaly("c", 10), anomaly("a", 0), anomaly("b", 20)):
        rig.give(one)
    before = rig.only
    assert rig.give(early) == {"duplicate": 1}
    assert rig.only == before


def test_an_event_delivered_again_changes_nothing_and_publishes_nothing():
    rig = Rig()
    rig.give(anomaly("a", 0), anomaly("b", 0))
    before = rig.only
    assert rig.give(anomaly("a", 0), anomaly("b", 0)) == {"duplicate": 2}
    assert (rig.only, len(rig.log)) == (before, 1)


def test_an_anomaly_listed_twice_in_one_event_counts_once():
    rig = Rig()
    rig.give(anomaly("a", 0), anomaly("a", 0))
    assert rig.only.anomalies == 1


def test_an_event_without_anomalies_is_taken():
    assert Rig().give() == {}


def test_any_order_of_arrival_ends_in_the_same_snapshot():
    anomalies = [anomaly(name, n * 20, n % 3, 1.2 + n) for n, name in enumerate("abcabdecba")]
    ends = set()
    for seed in range(20):
        rig = Rig()
        shuffled = random.Random(seed).sample(anomalies, len(anomalies))
        for one in shuffled:
            rig.give(one, second=600)
        rig.deliver(tick(601, processed=0))
        parts = (one for one in rig.told.values() if one.status != "merged")
        ends.add(
            tuple(
                sorted((p.services, p.anomalies, p.opened_at, p.severity, p.title) for p in parts)
            )
        )
    assert len(ends) == 1


def test_a_quiet_incident_is_resolved_by_the_clock_only_up_to_what_was_processed():
    rig = Rig()
    rig.give(anomaly("a", 0))
    rig.deliver(tick(600, processed=110))
    assert rig.only.status == "open"
    unknown = WorkDue(stage="correlate", now=START + 600_000, processed_until=None)
    rig.deliver(fact(unknown, 600))
    assert rig.only.status == "open"
    assert rig.deliver(tick(601, processed=121)) == {"resolved": 1, "published": 1}
    assert (rig.only.status, rig.only.resolved_at) == ("resolved", START + 120_000)
    assert rig.words[-1] == "resolved"


def test_more_incidents_than_fit_one_commit_are_all_resolved_by_one_tick():
    rig = Rig()
    rig.give(*(anomaly(f"alone-{n}", 0) for n in range(150)))
    assert rig.deliver(tick(500))["resolved"] == 150


def test_the_same_symptom_soon_after_reopens_and_later_is_a_new_incident():
    rig = Rig()
    rig.give(anomaly("a", 0))
    rig.deliver(tick(130))
    rig.give(anomaly("a", 175))
    assert (rig.only.status, rig.only.generation, rig.words[-1]) == ("open", 2, "opened")
    rig.deliver(tick(400))
    rig.give(anomaly("a", 420))
    assert sorted(one.status for one in rig.told.values()) == ["open", "resolved"]


def test_another_symptom_after_the_window_is_a_new_incident():
    rig = Rig()
    rig.give(anomaly("a", 0, measure=1))
    rig.give(anomaly("a", 100, measure=2))
    assert len(rig.told) == 2


def test_an_incident_past_its_greatest_age_takes_no_more():
    rig = Rig(max_age=60)
    for second in (0, 50, 100, 110):
        rig.give(anomaly("a", second))
    assert sorted(one.anomalies for one in rig.told.values()) == [2, 2]


def test_people_are_told_a_while_after_opening_by_the_clock():
    rig = Rig()
    rig.give(anomaly("a", 0), anomaly("b", 0))
    assert rig.only.notified_at is None
    rig.deliver(tick(29))
    assert rig.only.notified_at is None
    rig.deliver(tick(60))
    assert rig.only.notified_at == START + 60_000
    assert rig.only.root_cause_at_notification == rig.only.root_cause


@pytest.mark.parametrize(("series", "told"), [(3, False), (4, True)])
def test_where_many_series_agree_nobody_waits(series, told):
    rig = Rig(group_wait=30, group_series=4)
    rig.give(*(anomaly("a", 0, measure, 1.2) for measure in range(series)))
    assert (rig.only.notified_at is not None) == told


def test_people_are_told_by_any_later_event_of_the_domain():
    rig = Rig()
    rig.give(anomaly("a", 0), anomaly("b", 0))
    rig.deliver(fact(ChangeObserved(service="x", kind="deploy", observed_at=1), 31))
    assert rig.only.notified_at == START + 31_000


def test_what_people_were_told_first_does_not_change():
    rig = Rig()
    rig.give(anomaly("a", 0), anomaly("b", 0))
    rig.deliver(tick(31))
    first = rig.only.root_cause_at_notification
    rig.give(anomaly("c", 40, 0, ratio=40.0), anomaly("b", 40))
    assert rig.only.root_cause[0].service == "c"
    assert rig.only.root_cause_at_notification == first


def test_what_is_over_before_the_clock_comes_is_still_told():
    rig = Rig()
    rig.give(anomaly("a", 0), anomaly("b", 0))
    rig.deliver(tick(500))
    assert (rig.only.notified_at, rig.only.status) == (START + 500_000, "resolved")


def test_commands_are_obeyed_and_find_the_survivor_of_a_merge():
    rig = Rig()
    rig.give(anomaly("c", 10))
    (loser,) = rig.told
    rig.give(anomaly("a", 0))
    rig.give(anomaly("b", 20))
    assert rig.told[loser].status == "merged"
    assert rig.deliver(command(loser, "acknowledge", 30)) == {"commands": 1, "published": 1}
    assert rig.only.status == "acknowledged"
    rig.deliver(command(rig.only.id, "resolve", 40))
    assert (rig.only.status, rig.only.resolved_at) == ("resolved", START + 40_000)
    rig.deliver(command(rig.only.id, "reopen", 50))
    assert (rig.only.status, rig.only.generation) == ("open", 2)


def test_a_command_given_twice_is_one_command():
    rig = Rig()
    rig.give(anomaly("a", 0))
    rig.deliver(command(rig.only.id, "acknowledge", 30))
    assert rig.deliver(command(rig.only.id, "acknowledge", 30)) == {"commands": 1}


def test_a_command_for_an_unknown_incident_is_counted():
    assert Rig().deliver(command("nobody's", "resolve", 1)) == {"unknown_incident": 1}


def observed(second, *calls, domain="test"):
    made = tuple(
        Call(client=client, server=server, traffic=traffic[0] if traffic else None)
        for client, server, *traffic in calls
    )
    return fact(
        TopologyObserved(domain=domain, calls=made, observed_at=START + second * 1000), second
    )


def test_an_observed_topology_takes_the_place_of_the_file():
    rig = Rig()
    assert rig.deliver(observed(0, ("a", "f"))) == {"topology": 1}
    rig.give(anomaly("a", 10), anomaly("f", 10))
    assert rig.only.services == ("a", "f")
    assert rig.deliver(observed(20, ("a", "f"))) == {"unchanged_topology": 1}
    assert rig.deliver(observed(20)) == {"empty_topology": 1}


def test_other_traffic_over_the_same_calls_makes_no_other_topology():
    rig = Rig()
    calls = [("a", "f", 5.0)]
    assert rig.deliver(observed(0, *calls)) == {"topology": 1}
    assert rig.deliver(observed(300, ("a", "f", 50.0))) == {"unchanged_topology": 1}
    view = rig.handler.domain.look(START)
    assert len(view.topologies) == 1
    assert [survey.observed_at - START for survey in view.surveys] == [0, 300_000]


def test_a_topology_delivered_again_or_later_than_a_newer_one_changes_nothing():
    rig = Rig()
    rig.deliver(observed(0, ("a", "f", 5.0)))
    rig.deliver(observed(300, ("a", "f", 50.0)))
    before = rig.handler.domain.look(START)
    assert rig.deliver(observed(300, ("a", "f", 50.0))) == {"known_topology": 1}
    assert rig.deliver(observed(200, ("a", "f"), ("f", "g"))) == {"known_topology": 1}
    assert rig.handler.domain.look(START) == before


def test_an_incident_names_those_first_whose_traffic_depends_on_the_suspect():
    rig = Rig()
    rig.deliver(observed(0, ("far", "near", 9.0), ("near", "f", 2.0), ("all", "f", 5.0)))
    rig.give(anomaly("f", 60))
    assert rig.only.blast_radius == ("all", "near", "far")
    # By then hardly any request to `near` needs it; the earlier anomaly was judged by its time.
    rig.deliver(observed(300, ("far", "near", 9.0), ("near", "f", 0.01), ("all", "f", 5.0)))
    rig.give(anomaly("f", 65))
    assert rig.only.blast_radius == ("all", "near", "far")
    rig.give(anomaly("f", 900))
    assert {one.opened_at: one.blast_radius for one in rig.told.values()} == {
        START + 60_000: ("all", "near", "far"),
        START + 900_000: ("all",),
    }


def test_thousands_of_calls_fit_into_one_event_as_columns():
    calls = [
        Call(
            client=f"service-{k}", server=f"service-{k * 7 % 4_000}", traffic=k / 3, source="tempo"
        )
        for k in range(4_000)
    ] * 4
    fact_ = TopologyObserved(domain="test", observed_at=START, table=tabled(calls, START))
    event = fact(fact_, 0)
    assert len(event.data) < 700_000
    rig = Rig()
    assert rig.deliver(event) == {"topology": 1}
    known = rig.handler.domain.store.topology(rig.handler.domain.look(START).topologies[0][1])
    assert known == charted(calls)


def test_a_new_topology_holds_only_for_times_not_seen_yet():
    rig = Rig(topology_delay=100)
    rig.deliver(observed(0, ("a", "b")))
    rig.deliver(observed(10, ("a", "f")))
    rig.give(anomaly("a", 60), anomaly("f", 60))
    assert len(rig.told) == 2
    rig.give(anomaly("a", 170), anomaly("f", 170))
    assert ("a", "f") in {one.services for one in rig.told.values()}


def test_a_deploy_shortly_before_is_told_among_the_reasons_also_when_it_is_known_later():
    rig = Rig()
    rig.give(anomaly("a", 60), anomaly("f", 60))
    versions = {one.services: one.version for one in rig.told.values()}
    assert rig.deliver(changed("a", 0)) == {"changes": 1, "published": 1}
    told = {one.services: one for one in rig.told.values()}
    assert any("deploy 1 min" in reason for reason in told[("a",)].root_cause[0].reasons)
    assert told[("a",)].version > versions[("a",)]
    assert told[("f",)].version == versions[("f",)]


def test_anomalies_a_day_before_the_latest_are_counted_not_taken():
    rig = Rig()
    rig.give(anomaly("a", 86_500))
    assert rig.give(anomaly("a", 90), second=86_500) == {"too_old": 1}
    assert rig.give(anomaly("a", 110), second=86_500)["accepted"] == 1


def test_an_anomaly_from_the_future_does_not_move_the_time():
    rig = Rig()
    counts = rig.give(anomaly("a", 0), anomaly("b", 4_000_000), second=0)
    assert counts == {"accepted": 1, "future": 1, "published": 1}
    assert rig.store.watermark == START


class Broken(MemoryPublisher):
    """A broker that is away."""

    def publish(self, messages):
        raise Unavailable("broker: away")


def test_what_could_not_be_published_is_published_by_whoever_comes_next():
    rig = Rig()
    broken = make(rig.store, Broken(), rig.clock)
    with pytest.raises(Unavailable):
        broken(detected([anomaly("a", 0)], time=START))
    rig.clock.ms = START + 4_999
    rig.give(anomaly("f", 1))
    assert len(rig.told) == 1
    rig.clock.ms = START + 5_000
    rig.deliver(tick(6))
    assert {one.services for one in rig.told.values()} == {("a",), ("f",)}


def test_however_much_was_left_unpublished_the_next_tick_publishes_all_of_it():
    rig = Rig()
    broken = make(rig.store, Broken(), rig.clock)
    with pytest.raises(Unavailable):
        broken(detected([anomaly(f"alone-{n}", 0) for n in range(300)], time=START))
    rig.clock.ms = START + 5_000
    assert rig.deliver(tick(6))["published"] == 300
    assert len(rig.told) == 300


def test_ticks_that_were_missed_are_caught_up_by_those_that_come():
    rig = Rig()
    for hour in range(5):
        rig.give(*(anomaly(f"alone-{hour}-{n}", 3_600 * hour) for n in range(300)))
    caught_up = [rig.deliver(tick(6 * 3_600 + 60 * minute))["resolved"] for minute in range(3)]
    assert caught_up == [1_024, 476, 0]


def test_what_could_not_be_published_is_published_with_the_redelivery():
    rig = Rig()
    broken = make(rig.store, Broken(), rig.clock)
    event = detected([anomaly("a", 0)], time=START)
    with pytest.raises(Unavailable):
        broken(event)
    assert rig.handler(event) == {"duplicate": 1, "published": 1}


class Raced(MemoryIncidents):
    """A store somebody else changes once, just before suspects are committed."""

    raced = False

    def commit(self, commit):
        if commit.records and not self.raced:
            self.raced = True
            self.revision += 1
        return MemoryIncidents.commit(self, commit)


def test_suspects_ranked_on_what_has_changed_are_ranked_again():
    store, publisher = Raced(), MemoryPublisher()
    make(store, publisher)(detected([anomaly("a", 0)], time=START))
    (message,) = publisher.topics[topics.INCIDENTS]
    assert store.raced
    assert Incident.model_validate_json(message.event.data).root_cause[0].service == "a"


def test_what_is_said_to_be_processed_ahead_of_the_clock_is_not_believed():
    rig = Rig()
    rig.give(anomaly("a", 0))
    rig.deliver(tick(60, processed=9_000))
    assert rig.only.status == "open"


class Contended(MemoryIncidents):
    """A store somebody else always changes first."""

    def commit(self, commit):
        return None


@pytest.mark.parametrize(
    "event", [detected([anomaly("a", 0)], time=START), tick(5), changed("a", 1)]
)
def test_a_domain_that_others_keep_changing_is_tried_again_later(event):
    with pytest.raises(Unavailable):
        make(Contended(), MemoryPublisher())(event)


def test_versions_rise_with_the_clock_and_past_a_clock_set_back():
    rig = Rig()
    rig.give(anomaly("a", 0))
    first = rig.only.version
    assert first >= START
    rig.clock.ms = 5
    rig.handler(detected([anomaly("b", 0)], 7, START))
    assert first < rig.only.version < first + 10


def test_the_trace_of_the_cause_goes_on():
    rig = Rig()
    trace = f"00-{'a' * 32}-{'b' * 16}-01"
    event = detected([anomaly("a", 0)], time=START)
    rig.handler(
        Event(event.id, event.source, event.type, START, event.data, None, {"traceparent": trace})
    )
    extensions = rig.log[0].event.extensions
    assert extensions["causationid"] == event.id
    assert extensions["traceparent"].startswith(f"00-{'a' * 32}-")
    assert extensions["traceparent"] != trace


def spelled(name, number):
    """Return an anomaly's event with one of its numbers replaced by some text."""
    event = detected([anomaly("a", 0)])
    data = re.sub(rf'"{name}":[0-9.]+'.encode(), f'"{name}":{number}'.encode(), event.data)
    return replace(event, data=data)


@pytest.mark.parametrize(
    ("event", "message"),
    [
        (Event("e", "t", "dev.aiops.samples.v1", START, b"{}"), "type: correlate takes no"),
        (Event("e", "t", "dev.aiops.anomalies.detected.v1", START, b"{"), "Invalid JSON"),
        (detected([anomaly("a", 0), anomaly("a", 1, domain="x")]), "anomalies.1.domain"),
        (spelled("alarm_line", 0), "anomalies.0.alarm_line: Input should be greater than 0"),
        *(
            (spelled(name, number), f"anomalies.0.{name}: Input should be ")
            for name in ("value", "expected", "lower", "upper", "evidence", "alarm_line", "score")
            for number in ("NaN", "-Infinity", "1e999")
        ),
        (observed(0, ("a", "b"), domain="x"), "domain: not 'test'"),
        (fact(WorkDue(stage="detect", now=START)), "stage: correlate does no work of 'detect'"),
    ],
)
def test_what_is_not_for_this_function_is_rejected_by_name(event, message):
    with pytest.raises(Rejected, match=message):
        Rig().handler(event)


def test_the_handler_is_put_together_from_its_configuration(tmp_path):
    file = tmp_path / "topology.csv"
    file.write_text("client,server\nx,y\n")
    config = CorrelateConfig(topology_file=str(file), ranker="first_saturation")
    publisher = MemoryPublisher()
    handler = assemble("test", MemoryIncidents(), publisher, ManualClock(START), config)
    handler(detected([anomaly("x", 0), anomaly("y", 0, 0)], time=START))
    (message,) = publisher.topics[topics.INCIDENTS]
    assert Incident.model_validate_json(message.event.data).root_cause[0].service == "y"


def test_a_topology_may_be_handed_in():
    calls = Topology.of([("x", "y")])
    publisher = MemoryPublisher()
    handler = assemble(
        "test", MemoryIncidents(), publisher, ManualClock(START), CorrelateConfig(), calls
    )
    handler(detected([anomaly("x", 0), anomaly("y", 0)], time=START))
    assert len(publisher.topics[topics.INCIDENTS]) == 1


@pytest.mark.parametrize(
    "wrong", [{"correlators": ("astrology",)}, {"ranker": "dice"}, {"topology_file": "/none.csv"}]
)
def test_a_wrong_name_stops_the_start(wrong):
    with pytest.raises(Misconfigured):
        assemble(
            "test",
            MemoryIncidents(),
            MemoryPublisher(),
            ManualClock(START),
            CorrelateConfig(**wrong),
        )


def test_the_real_parts_answer_a_tick_when_nothing_is_to_be_published(redis_url):
    settings = Settings(
        redis_url=redis_url,
        kafka_bootstrap_servers="127.0.0.1:1",
        domain="test",
        generation=f"t{uuid4().hex}:",
        clock=ManualClock(START),
        config={"correlate": {"window": 90}},
    )
    handler = build(settings)
    assert handler(tick(5)) == {}
    assert handler(tick(6)) == {}


AHEAD = START + 10**9
LATER = {
    "given_at": CommandGiven(incident="@", command="reopen", given_by="ann", given_at=AHEAD),
    "observed_at": TopologyObserved(
        domain="test", calls=(Call(client="x", server="y"),), observed_at=AHEAD
    ),
    "change.observed_at": ChangeObserved(service="a", kind="deploy", observed_at=AHEAD),
    "now": WorkDue(stage="correlate", now=AHEAD, processed_until=AHEAD),
}


@pytest.mark.parametrize("field", LATER)
def test_a_time_from_the_future_is_refused_because_nothing_later_could_replace_it(field):
    rig = Rig()
    rig.give(anomaly("a", 0))
    told = rig.only
    event = fact(LATER[field])
    data = event.data.replace(b'"@"', f'"{told.id}"'.encode())
    with pytest.raises(Rejected, match=field.rpartition(".")[2]):
        rig.handler(replace(event, data=data))
    assert rig.only == told


def test_a_time_no_calendar_has_is_refused_and_does_not_stop_what_comes_after_it():
    rig = Rig()
    rig.give(anomaly("a", 0))
    told = rig.only
    given = {"incident": told.id, "command": "reopen", "given_by": "ann", "given_at": (1 << 53) - 1}
    with pytest.raises(Rejected, match="given_at"):
        rig.handler(Event("e", "test", CommandGiven.type, START, json.dumps(given).encode()))
    rig.give(anomaly("a", 30))
    assert rig.only.anomalies == 2


class Counting(MemoryIncidents):
    """A store that counts what is asked of it."""

    calls: Counter

    def __getattribute__(self, name):
        if name in {"look", "cells", "moved", "incidents", "changes", "commit", "published"}:
            type(self).calls[name] += 1
        return super().__getattribute__(name)


def test_a_batch_for_a_known_incident_takes_one_look_one_commit_and_one_note_of_publication():
    store, publisher = Counting(), MemoryPublisher()
    handler = make(store, publisher, ManualClock(START))
    Counting.calls = Counter()
    handler(detected([anomaly("a", 0), anomaly("b", 1)], 1, START))
    assert Counting.calls["cells"] == 1
    Counting.calls = Counter()
    handler(detected([anomaly("b", 20), anomaly("c", 21)], 2, START))
    assert Counting.calls == {"look": 1, "commit": 1, "published": 1}


def test_what_others_committed_is_read_before_anything_is_decided_on_it():
    store, publisher = MemoryIncidents(), MemoryPublisher()
    one, other = (make(store, publisher, ManualClock(START)) for _ in range(2))
    one(detected([anomaly("a", 0)], 1, START))
    other(detected([anomaly("c", 0)], 2, START))
    one(detected([anomaly("b", 10)], 3, START))
    other(detected([anomaly("f", 10)], 4, START))
    live = [record for record in store.records.values() if record.status != "merged"]
    assert sorted(record.anomalies for record in live) == [1, 3]


def test_an_incident_a_restored_store_no_longer_knows_is_not_brought_back():
    store, publisher = MemoryIncidents(), MemoryPublisher()
    handler = make(store, publisher, ManualClock(START))
    handler(detected([anomaly("f", 0)], 1, START))
    dump = deepcopy(store)
    handler(detected([anomaly("a", 0)], 2, START))
    for field in fields(MemoryIncidents):
        setattr(store, field.name, getattr(dump, field.name))
    handler(detected([anomaly("a", 20)], 3, START))
    (found,) = (
        record for record in store.records.values() if record.evidence[0].peak.service == "a"
    )
    assert (found.anomalies, found.opened_at) == (1, START + 20_000)


def test_a_late_anomaly_reads_the_minutes_around_it_only():
    class Spans(MemoryIncidents):
        asked = ()

        def cells(self, spans):
            self.asked = spans
            return MemoryIncidents.cells(self, spans)

    def around(second):
        cell = (START + second * 1000) // 30_000 * 30_000
        reach = CONFIG.recurrence * 1000
        return (cell - reach, cell + reach)

    store = Spans()
    handler = make(store, MemoryPublisher(), ManualClock(START))
    now = START + 40_000_000
    handler(detected([anomaly("a", 40_000)], 1, now))
    handler(detected([anomaly("b", 600), anomaly("a", 40_000)], 2, now))
    assert store.asked == (around(600),)
    handler(detected([anomaly("b", 600, 2), anomaly("a", 40_010)], 3, now))
    assert store.asked == (around(600), around(40_010))


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (2, 3, 0, 1), (2, 0, 3, 1)])
def test_services_changed_together_just_before_are_one_incident_whatever_is_known_first(order):
    rig = Rig()
    events = [
        changed("a", 0, "release 7"),
        changed("f", 10, "release 7"),
        detected([anomaly("a", 60)], 1, START + 60_000),
        detected([anomaly("f", 70)], 2, START + 70_000),
    ]
    for place in order:
        rig.deliver(events[place])
    assert rig.only.services == ("a", "f")
    if order[0] == 0:
        (join,) = rig.only.joins
        assert join.reason.startswith("both changed just before by deploy release 7")


def test_services_changed_by_different_releases_or_long_before_are_apart():
    for summaries, second in ((("v1", "v2"), 60), (("", ""), 60), (("v1", "v1"), 400)):
        rig = Rig()
        rig.deliver(changed("a", 0, summaries[0]))
        rig.deliver(changed("f", 0, summaries[1]))
        rig.give(anomaly("a", second), anomaly("f", second))
        assert len(rig.told) == 2


def test_a_change_that_links_two_incidents_long_known_merges_them_with_the_reason():
    rig = Rig()
    rig.give(anomaly("a", 60), anomaly("f", 60))
    rig.deliver(changed("a", 30, "v7"))
    assert len(rig.told) == 2
    rig.deliver(changed("f", 35, "v7"))
    assert (rig.only.services, rig.only.anomalies) == (("a", "f"), 2)
    assert [join.reason for join in rig.only.joins] == [
        "both changed just before by deploy v7, at the same time"
    ]
    assert sorted(one.status for one in rig.told.values()) == ["merged", "open"]
    assert rig.deliver(changed("f", 35, "v7")) == {"changes": 1}
