"""Verdicts on root causes, and what they teach `correlate`."""

from aiops.events import CauseJudged
from functions.correlate.confidence import ENOUGH
from tests.function.test_correlate import Rig, fact
from tests.property.correlate_world import START, anomaly

WEEK = 7 * 86_400


def judged(incident, cause, second, by="ann"):
    given = CauseJudged(incident=incident, cause=cause, given_by=by, given_at=START + second * 1000)
    return fact(given, second)


def past(rig, count, cause="a"):
    """Let there be incidents, each judged a minute after it opened."""
    for number in range(count):
        rig.give(anomaly("a", 1_000 * number))
        latest = max(rig.told.values(), key=lambda one: one.opened_at)
        rig.deliver(judged(latest.id, cause, 1_000 * number + 60))
    return 1_000 * count


def newest(rig):
    return max(rig.told.values(), key=lambda one: one.opened_at)


def test_few_verdicts_make_nobody_sure_and_are_counted_in_words():
    rig = Rig()
    rig.give(anomaly("a", past(rig, 3)))
    (suspect, *_) = newest(rig).root_cause
    assert suspect.confidence is None
    assert suspect.confidence_reason == "3 verdicts so far: too few to say"


def test_enough_verdicts_make_suspects_as_sure_as_those_before_were_right():
    right, wrong = Rig(), Rig()
    right.give(anomaly("a", past(right, ENOUGH)))
    wrong.give(anomaly("a", past(wrong, ENOUGH, cause=None)))
    assert newest(right).root_cause[0].confidence > 0.8
    assert newest(wrong).root_cause[0].confidence < 0.2


def test_a_verdict_is_told_with_the_incident_it_is_on():
    rig = Rig()
    rig.give(anomaly("a", 0))
    counts = rig.deliver(judged(rig.only.id, "a", 60))
    assert counts == {"causes": 1, "published": 1}
    assert rig.only.root_cause[0].confidence_reason == "1 verdict so far: too few to say"


def test_a_later_verdict_replaces_the_one_before_and_the_same_one_again_changes_nothing():
    rig = Rig()
    rig.give(anomaly("a", 0))
    first, second = judged(rig.only.id, "a", 60), judged(rig.only.id, "b", 90)
    for event in (second, first, second):
        rig.deliver(event)
    (kept,) = rig.store.causes()
    assert (kept.cause, kept.given_at) == ("b", START + 90_000)
    assert rig.deliver(second) == {"causes": 1}


def test_a_verdict_is_on_the_suspects_people_were_first_told_of():
    rig = Rig(group_wait=0)
    rig.give(anomaly("b", 0, 0, 9.0), anomaly("b", 0, 1, 9.0))
    told = rig.only.root_cause_at_notification[0].service
    rig.give(*(anomaly("c", 30, measure, 1e6) for measure in (0, 1, 2)))
    assert rig.only.root_cause[0].service != told
    rig.deliver(judged(rig.only.id, told, 60))
    assert rig.store.causes()[0].suspects[0] == told


def test_a_verdict_on_an_incident_that_was_merged_is_on_its_survivor():
    rig = Rig()
    rig.give(anomaly("a", 0))
    rig.give(anomaly("c", 10))
    loser = newest(rig)
    rig.give(anomaly("b", 20))
    rig.deliver(judged(loser.id, "a", 60))
    assert [one.incident for one in rig.store.causes()] == [rig.only.id]


def test_a_verdict_on_an_unknown_incident_is_counted():
    assert Rig().deliver(judged("what", "a", 0)) == {"unknown_incident": 1}
