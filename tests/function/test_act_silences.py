"""What `act` does while an incident is silenced, and once it is not any more."""

import pytest

from aiops.events import Silenced
from functions.act.answer import answer_of
from local.receiver import Receiver
from tests.function.test_act import ID, Act, Scripted
from tests.incidents import START


def silenced(*windows):
    return tuple(
        Silenced(
            silence=f"s{n}", starts=START + a * 1000, ends=START + b * 1000, given_by="ann",
            reason="new disks",
        )
        for n, (a, b) in enumerate(windows)
    )  # fmt: skip


@pytest.fixture
def receiver():
    with Receiver() as running:
        yield running


@pytest.fixture
def act(receiver):
    return Act(receiver.environment)


def said(act):
    return [(channel, kind) for channel, kind, _ in act.states()]


OPENED = [("pagerduty", "opened"), ("slack", "opened"), ("webhook", "opened")]
QUIET = {"status": "resolved", "resolved_at": START + 30_000}


def test_nobody_is_told_of_a_silenced_incident_and_the_reason_is_stated(act, receiver):
    counts = act.tell(silences=silenced((0, 600)))
    assert (counts["planned"], counts["withheld"]) == (0, 3)
    act.tick()
    assert receiver.messages == ()
    assert {one.reason for one in act.log.read(ID).withheld} == {
        "silenced by ann until 2026-01-31T12:10:00.000Z: new disks"
    }


def test_what_is_still_open_when_the_silence_ends_is_told_then(act):
    act.tell(silences=silenced((0, 600)))
    assert act.log.due(range(16), START + 599_999, 9) == []
    act.tick(599)
    assert said(act) == []
    act.tick(1)
    assert said(act) == OPENED
    act.tick(600)
    assert len(said(act)) == 3
    assert act.due == []


def test_what_was_over_by_then_is_told_nobody(act):
    act.tell(silences=silenced((0, 600)))
    act.tell(2, silences=silenced((0, 600)), **QUIET)
    act.tick(600)
    assert said(act) == []
    assert {one.reason[:33] for one in act.log.read(ID).withheld} == {
        "it was over while it was silenced"
    }
    assert act.due == []


def test_the_end_of_what_was_told_before_the_silence_is_told_after_it(act):
    act.tell()
    act.tell(2, silences=silenced((0, 600)), **QUIET)
    assert said(act) == OPENED
    act.tick(600)
    assert said(act)[3:] == [(channel, "resolved") for channel, _ in OPENED]


def test_silences_that_follow_each_other_are_one(act):
    act.tell(silences=silenced((300, 900), (0, 600), (900, 1_000)))
    act.tick(950)
    assert said(act) == []
    act.tick(50)
    assert said(act) == OPENED


def test_a_lifted_silence_is_followed_by_what_was_not_told(act):
    act.tell(silences=silenced((0, 600)))
    act.tell(2, silences=silenced((0, 0)))
    assert said(act) == OPENED


def test_before_a_silence_starts_people_are_told(act):
    act.tell(silences=silenced((60, 600)))
    assert said(act) == OPENED


def test_what_could_not_be_sent_before_a_silence_waits_for_its_end(receiver):
    act = Act(receiver.environment, Scripted(*[answer_of(503)] * 3))
    act.tell(silences=silenced((3, 600)))
    assert {state for *_, state in act.states()} == {"planned"}
    act.tick(300)
    assert {state for *_, state in act.states()} == {"planned"}
    assert act.log.due(range(16), START + 599_999, 9) == []
    act.tick(300)
    assert {state for *_, state in act.states()} == {"done"}


def test_a_tick_that_was_missed_is_made_up_for(act):
    act.tell(silences=silenced((0, 600)))
    act.tick(86_400)
    assert said(act) == OPENED


def test_what_comes_and_goes_is_told_as_that_once_and_its_end_once(act):
    act.tell()
    act.tell(2, flapping=True)
    act.tell(3, flapping=True)
    act.tell(4, flapping=True, **QUIET)
    slack = [kind for channel, kind in said(act) if channel == "slack"]
    assert slack == ["opened", "flapping", "resolved"]
    pager = [kind for channel, kind in said(act) if channel == "pagerduty"]
    assert pager == ["opened", "resolved"]


def test_what_comes_back_again_and_again_is_told_as_that_and_pagerduty_still_opens_it(act):
    act.tell(**QUIET)
    act.tell(2, flapping=True, generation=2)
    assert said(act)[-3:] == [
        ("pagerduty", "reopened"), ("slack", "flapping"), ("webhook", "flapping")
    ]  # fmt: skip
