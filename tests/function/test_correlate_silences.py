"""Silences in `correlate`: they cover incidents, whatever comes first, and record everything."""

import random

import pytest

from aiops.errors import Rejected, Unavailable
from aiops.events import ChangeObserved, CommandGiven, SilenceGiven, SilenceLifted
from functions.correlate import silence_book
from tests.function.test_correlate import Contended, Rig, fact
from tests.property.correlate_world import START, anomaly, changed, make, tick


def silence(service="*", starts=0, ends=1_000, name="s", at=None, **parts):
    at = starts if at is None else at
    values = {
        "silence": name,
        "domain": "test",
        "service": service,
        "starts": START + starts * 1000,
        "ends": START + ends * 1000,
        "given_by": "ann",
        "given_at": START + at * 1000,
    }
    return fact(SilenceGiven(**values | parts), at)


def lift(at, name="s"):
    lifted = SilenceLifted(
        silence=name, domain="test", lifted_by="bob", lifted_at=START + at * 1000
    )
    return fact(lifted, at)


def hush(incident, at, until):
    return fact(
        CommandGiven(
            incident=incident,
            command="silence",
            given_by="ann",
            given_at=START + at * 1000,
            until=START + until * 1000,
        ),
        at,
    )


def until(snapshot):
    return [(one.silence, (one.ends - START) // 1000) for one in snapshot.silences]


def test_a_silenced_incident_is_recorded_like_any_other_and_says_by_what_and_until_when():
    rig = Rig()
    assert rig.deliver(silence("b", ends=700)) == {"silences": 1}
    rig.give(anomaly("a", 0), anomaly("b", 10))
    rig.deliver(tick(40))
    assert rig.only.notified_at == START + 40_000
    assert rig.only.root_cause[0].service == "b"
    (one,) = rig.only.silences
    assert (one.silence, one.starts, one.ends, one.given_by) == ("s", START, START + 700_000, "ann")


def test_a_silence_given_later_covers_what_is_open():
    rig = Rig()
    rig.give(anomaly("a", 0), anomaly("f", 0))
    assert rig.deliver(silence("a", starts=20)) == {"silences": 1, "published": 1}
    assert {one.services: until(one) for one in rig.told.values()} == {
        ("a",): [("s", 1_000)],
        ("f",): [],
    }
    assert rig.deliver(silence("a", starts=20)) == {"silences": 1}


def test_a_lifted_silence_ends_then_also_where_that_is_known_first():
    for events in ((silence("a"), lift(50)), (lift(50), silence("a"))):
        rig = Rig()
        rig.give(anomaly("a", 0))
        for event in events:
            rig.deliver(event)
        assert until(rig.only) == [("s", 50)]


def test_any_order_of_silences_liftings_anomalies_and_ends_comes_to_the_same():
    events = [
        silence("a", starts=0, ends=300),
        silence("a", starts=0, ends=900, at=5),
        lift(200),
        silence("b", starts=30, ends=400, name="t"),
        tick(500, processed=170),
        *(lambda at=at: anomaly("a", at) for at in (0, 20, 40)),
    ]
    ends = set()
    for seed in range(30):
        rig = Rig()
        for event in random.Random(seed).sample(events, len(events)):
            rig.give(event(), second=500) if callable(event) else rig.deliver(event)
        rig.deliver(tick(600, processed=170))
        ends.add((rig.only.status, tuple(until(rig.only))))
    assert ends == {("resolved", (("s", 200),))}


def test_the_silence_of_one_incident_goes_with_it_where_it_is_merged():
    rig = Rig()
    rig.give(anomaly("c", 10))
    (loser,) = rig.told
    assert rig.deliver(hush(loser, 15, 600)) == {"commands": 1, "published": 1}
    rig.give(anomaly("a", 0))
    rig.give(anomaly("b", 20))
    assert rig.only.id != loser
    assert until(rig.only) == [(rig.only.id, 600)]
    rig.deliver(hush(loser, 30, 30))
    assert until(rig.only) == []


def test_a_second_fault_that_ranks_first_uncovers_an_incident():
    rig = Rig()
    rig.deliver(silence("a"))
    rig.give(anomaly("a", 0))
    assert until(rig.only) == [("s", 1_000)]
    rig.give(anomaly("b", 10, 0, ratio=40.0))
    assert (rig.only.root_cause[0].service, until(rig.only)) == ("b", [])


def test_a_change_of_a_configured_kind_opens_maintenance_also_when_it_is_known_later():
    for first in (True, False):
        rig = Rig(maintenance={"deploy": 900})
        if first:
            rig.deliver(changed("a", 5))
        rig.give(anomaly("a", 20))
        if not first:
            rig.deliver(changed("a", 5))
        assert [
            (e, s.given_by) for (_, e), s in zip(until(rig.only), rig.only.silences, strict=True)
        ] == [(905, "a deploy")]
    scaling = ChangeObserved(service="a", kind="scaling", observed_at=START)
    rig = Rig(maintenance={"deploy": 900})
    rig.give(anomaly("a", 20))
    rig.deliver(fact(scaling, 30))
    assert rig.only.silences == ()


def test_a_silence_over_many_incidents_covers_each():
    rig = Rig()
    rig.give(*(anomaly(f"alone-{n}", 0) for n in range(600)))
    assert rig.deliver(silence("alone-*"))["published"] == 600
    assert all(one.silences for one in rig.told.values())


def test_silences_are_bounded_and_old_ones_make_room(monkeypatch):
    monkeypatch.setattr(silence_book, "MOST_SILENCES", 2)
    rig = Rig()
    rig.deliver(silence(name="one", ends=10))
    rig.deliver(silence(name="two"))
    with pytest.raises(Rejected, match="silence: 2 are known already"):
        rig.deliver(silence(name="three"))
    rig.deliver(silence(name="two", ends=9_000, at=5))
    rig.give(anomaly("a", 2 * 86_400 + 100))
    rig.deliver(silence(name="three", starts=172_800, ends=172_900))
    assert [one.id for one in rig.store.silences()] == ["three", "two"]


def test_a_silence_for_another_domain_or_from_the_future_is_refused():
    with pytest.raises(Rejected, match="domain: not 'test'"):
        Rig().deliver(silence(domain="x"))
    with pytest.raises(Rejected, match="given_at"):
        Rig().handler(fact(SilenceGiven(
            silence="s", domain="test", starts=1, ends=2, given_by="a", given_at=START + 10**9
        )))  # fmt: skip
    with pytest.raises(Rejected, match="lifted_at"):
        Rig().handler(fact(SilenceLifted(
            silence="s", domain="test", lifted_by="a", lifted_at=START + 10**9
        )))  # fmt: skip


def test_a_silence_in_a_domain_that_others_keep_changing_is_tried_again_later():
    rig = Rig()
    with pytest.raises(Unavailable):
        make(Contended(), rig.publisher)(silence())
