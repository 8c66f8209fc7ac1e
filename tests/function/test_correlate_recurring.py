"""What comes back: flapping incidents, and those of the past that are like one."""

from tests.function.test_correlate import Rig, command
from tests.property.correlate_world import START, anomaly, tick

FLAPS = {"flap_returns": 3, "flap_calm": 900}


def comes_and_goes(rig, times, first=0):
    """Deliver an anomaly every 150 seconds, each resolved before the next."""
    for turn in range(times):
        second = first + 150 * turn
        rig.give(anomaly("a", second, ratio=4.0))
        rig.deliver(tick(second + 31))
        rig.deliver(tick(second + 140))


def test_an_incident_that_comes_back_again_and_again_is_flapping_and_stays_open():
    rig = Rig(**FLAPS)
    comes_and_goes(rig, 3)
    assert (rig.only.status, rig.only.generation, rig.only.flapping) == ("resolved", 3, False)
    comes_and_goes(rig, 2, first=450)
    assert (rig.only.status, rig.only.generation, rig.only.flapping) == ("open", 4, True)


def test_a_flapping_incident_is_over_once_it_was_calm_for_long():
    rig = Rig(**FLAPS)
    comes_and_goes(rig, 4)
    rig.deliver(tick(450 + 900))
    assert rig.only.status == "open"
    rig.deliver(tick(450 + 901))
    assert (rig.only.status, rig.only.resolved_at) == ("resolved", START + 1_350_000)


def test_a_person_ends_a_flapping_incident():
    rig = Rig(**FLAPS)
    comes_and_goes(rig, 4)
    rig.deliver(command(rig.only.id, "resolve", 600))
    assert (rig.only.status, rig.only.resolved_at) == ("resolved", START + 600_000)


def test_an_incident_may_come_back_as_often_as_it_likes_where_so_configured():
    rig = Rig(flap_returns=0, flap_calm=900)
    comes_and_goes(rig, 6)
    assert (rig.only.status, rig.only.flapping) == ("resolved", False)


def test_returns_long_ago_do_not_count():
    rig = Rig(flap_within=290, **FLAPS)
    comes_and_goes(rig, 6)
    assert not rig.only.flapping


def test_flapping_incidents_do_not_keep_others_from_being_resolved(monkeypatch):
    monkeypatch.setattr("functions.correlate.handler.BATCH", 2)
    rig = Rig(**FLAPS)
    services = [f"flaps-{n}" for n in range(4)]
    for turn in range(4):
        second = 150 * turn
        rig.give(*(anomaly(service, second) for service in services))
        rig.deliver(tick(second + 140))
    rig.give(anomaly("calm", 460))
    rig.deliver(tick(600))
    status = {one.services[0]: one.status for one in rig.told.values()}
    assert status == {**dict.fromkeys(services, "open"), "calm": "resolved"}


def test_people_are_told_which_incidents_of_the_past_were_like_it_and_how_they_ended():
    rig = Rig()
    rig.give(anomaly("a", 0), anomaly("b", 0))
    rig.deliver(tick(31))
    (first,) = rig.told
    assert rig.only.similar == ()
    rig.deliver(command(first, "resolve", 60))
    rig.give(anomaly("a", 5_000), anomaly("b", 5_000), anomaly("c", 5_000))
    rig.deliver(tick(5_031))
    second = next(one for one in rig.told.values() if one.id != first)
    (like,) = second.similar
    assert (like.incident, like.ended_by, like.resolved_at) == (first, "ann", START + 60_000)
    assert 0.6 < like.similarity < 0.7


def test_what_is_open_again_is_not_of_the_past():
    rig = Rig()
    rig.give(anomaly("a", 0), anomaly("b", 0))
    rig.deliver(tick(31))
    rig.deliver(tick(500))
    assert [one.incident for one in rig.store.past()] == [rig.only.id]
    rig.deliver(command(rig.only.id, "reopen", 510))
    assert rig.store.past() == ()


def test_what_nobody_was_told_of_is_not_remembered():
    rig = Rig()
    rig.give(anomaly("a", 0, ratio=1.2))
    rig.deliver(tick(500))
    assert rig.only.status == "resolved"
    assert rig.store.past() == ()
