"""Who is told what, when and why."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiops.action_log import ActionRecord, Attempt
from functions.act.config import ALL_KINDS, DEFAULT_RULES, ActConfig, ChannelRule
from functions.act.policy import accept, plan
from tests.incidents import START, incident, suspect

CONFIG = ActConfig()
SLACK = ActConfig(channels=(ChannelRule(channel="slack"),))
PAGER = ActConfig(channels=(DEFAULT_RULES[0],))


class Story:
    """Tells snapshots one after the other; every planned step is done unless said otherwise."""

    def __init__(self, config=SLACK, off=None):
        self.config, self.off = config, off or {}
        self.record = ActionRecord(incident=incident().id)
        self.decided = None

    def tell(self, state="done", **changes):
        snapshot = incident(self.record.version + 1, **changes)
        self.decided = plan(snapshot, self.record.steps, self.config, self.off, START)
        self.record = accept(self.record, snapshot, self.decided, START)
        ended = tuple(
            step.model_copy(update={"state": state, "attempts": int(state != "planned")})
            if step.state == "planned"
            else step
            for step in self.record.steps
        )
        self.record = self.record.model_copy(update={"steps": ended})
        return [(step.channel, step.kind, step.level) for step in self.decided.steps]

    @property
    def withheld(self):
        return [(one.channel, one.kind, one.reason) for one in self.decided.withheld]


def test_nobody_is_told_before_the_incident_is_worth_telling():
    story = Story(CONFIG)
    assert story.tell(notified_at=None) == []
    assert {reason for _, _, reason in story.withheld} == {"not worth telling yet"}


def test_by_default_slack_and_the_webhook_are_told_of_everything_and_pagerduty_from_severity_3():
    assert Story(CONFIG).tell(severity=2) == [("slack", "opened", 0), ("webhook", "opened", 0)]
    assert Story(CONFIG).tell(severity=3) == [
        ("pagerduty", "opened", 0),
        ("slack", "opened", 0),
        ("webhook", "opened", 0),
    ]


def test_what_is_too_mild_for_a_channel_is_left_out_with_the_reason():
    story = Story(PAGER)
    assert story.tell(severity=2) == []
    assert story.withheld == [("pagerduty", "opened", "severity 2 is below 3")]
    assert story.tell(severity=2, status="resolved") == []


def test_what_got_worse_is_told_again_and_what_got_milder_is_not():
    story = Story()
    story.tell(severity=2)
    assert story.tell(severity=4) == [("slack", "severity_raised", 4)]
    assert story.decided.steps[0].reason == "severity rose from 2 to 4"
    assert story.tell(severity=3) == []
    assert story.tell(severity=4) == []
    assert story.tell(severity=5) == [("slack", "severity_raised", 5)]


def test_pagerduty_is_told_at_3_and_again_at_4_and_not_at_5():
    story = Story(PAGER)
    assert story.tell(severity=3) == [("pagerduty", "opened", 0)]
    assert story.tell(severity=4) == [("pagerduty", "severity_raised", 4)]
    assert story.tell(severity=5) == []


def test_pagerduty_told_late_is_told_once():
    story = Story(PAGER)
    story.tell(severity=1)
    assert story.tell(severity=5) == [("pagerduty", "opened", 0)]
    assert story.tell(severity=5) == []


def test_another_root_cause_is_told_with_both_names():
    story = Story()
    story.tell(root_cause=(suspect("cart"),))
    assert story.tell(root_cause=(suspect("db"),)) == [("slack", "cause_changed", 1)]
    assert story.decided.steps[0].reason == "root cause is now db, no longer cart"
    assert story.tell(root_cause=(suspect("db"), suspect("cart"))) == []
    assert story.tell(root_cause=(suspect("cart"),)) == [("slack", "cause_changed", 2)]


def test_a_root_cause_found_later_is_told_and_one_lost_is_not():
    story = Story()
    story.tell(root_cause=())
    assert story.tell(root_cause=(suspect("db"),)) == [("slack", "cause_changed", 1)]
    assert story.decided.steps[0].reason == "root cause is now db"
    assert story.tell(root_cause=()) == []


def test_a_worse_incident_with_another_root_cause_is_one_message():
    story = Story()
    story.tell(severity=3, root_cause=(suspect("cart"),))
    assert story.tell(severity=4, root_cause=(suspect("db"),)) == [("slack", "severity_raised", 4)]
    assert story.tell(severity=4, root_cause=(suspect("db"),)) == []


def test_a_root_cause_that_changes_again_and_again_is_told_three_times():
    story = Story()
    story.tell(root_cause=(suspect("s0"),))
    told = [story.tell(root_cause=(suspect(f"s{n}"),)) for n in range(1, 6)]
    assert [bool(one) for one in told] == [True, True, True, False, False]
    assert story.withheld == [
        ("slack", "cause_changed", "told of 3 other root causes already"),
    ]


def test_pagerduty_is_not_told_of_root_causes():
    story = Story(PAGER)
    story.tell(root_cause=(suspect("cart"),))
    assert story.tell(root_cause=(suspect("db"),)) == []
    assert story.withheld == [
        ("pagerduty", "cause_changed", "the policy does not tell pagerduty of this")
    ]


def test_an_acknowledgement_is_told_once():
    story = Story()
    story.tell()
    assert story.tell(status="acknowledged") == [("slack", "acknowledged", 0)]
    assert story.tell(status="acknowledged") == []


def test_it_is_told_who_took_it_on_and_who_ended_it():
    story = Story()
    story.tell()
    story.tell(status="acknowledged", acknowledged_by="slack:U1")
    assert story.decided.steps[0].reason == "slack:U1 took it on"
    story.tell(status="resolved", resolved_at=START + 1, resolved_by="pagerduty:P2")
    assert story.decided.steps[0].reason == "pagerduty:P2 said that it is over"


def test_of_what_ended_by_itself_nobody_is_named():
    story = Story()
    story.tell()
    story.tell(status="resolved", resolved_at=START + 1)
    assert story.decided.steps[0].reason == "it is over"


def test_what_was_acknowledged_before_it_was_told_is_opened_and_acknowledged():
    assert Story().tell(status="acknowledged") == [
        ("slack", "opened", 0),
        ("slack", "acknowledged", 0),
    ]


def test_what_is_over_is_told_once_to_those_who_were_told():
    story = Story()
    story.tell()
    assert story.tell(status="resolved") == [("slack", "resolved", 0)]
    assert story.tell(status="resolved") == []


def test_what_was_over_before_it_was_told_reaches_slack_but_wakes_nobody():
    assert Story().tell(status="resolved") == [("slack", "resolved", 0)]
    pager = Story(PAGER)
    assert pager.tell(status="resolved") == []
    assert pager.withheld == [
        ("pagerduty", "resolved", "over before pagerduty was told of it"),
    ]


def test_what_comes_back_is_told_as_a_new_generation():
    story = Story(CONFIG)
    story.tell()
    story.tell(status="resolved")
    assert story.tell(generation=2) == [
        ("pagerduty", "reopened", 0),
        ("slack", "reopened", 0),
        ("webhook", "reopened", 0),
    ]
    first = {step.id for step in story.record.steps if step.generation == 1}
    second = {step.id for step in story.record.steps if step.generation == 2}
    assert not first & second
    assert len(story.tell(generation=2, status="resolved")) == 3


def test_what_was_open_in_an_earlier_generation_is_resolved_though_the_later_was_never_told():
    story = Story(PAGER)
    story.tell()
    assert story.tell(generation=2, status="resolved") == [("pagerduty", "resolved", 0)]


def test_without_a_new_generation_nothing_comes_back():
    story = Story()
    story.tell()
    story.tell(status="resolved")
    assert story.tell(severity=5) == []
    assert story.withheld[0][:2] == ("slack", "reopened")


def test_a_merged_incident_is_closed_where_it_was_told():
    story = Story(CONFIG)
    story.tell()
    told = story.tell(status="merged", merged_into="other")
    assert told == [("pagerduty", "merged", 0), ("slack", "merged", 0), ("webhook", "merged", 0)]
    assert {step.survivor for step in story.decided.steps} == {"other"}
    assert story.tell(status="merged", merged_into="other") == []


def test_a_merged_incident_nobody_was_told_of_is_told_nobody():
    story = Story()
    assert story.tell(status="merged", merged_into="other") == []
    assert story.withheld == [("slack", "merged", "never told slack of it")]


def test_what_was_planned_and_never_tried_is_dropped_with_a_merge():
    story = Story()
    story.tell(state="planned")
    assert story.tell(status="merged", merged_into="other") == []
    dropped = story.record.steps[0]
    assert (dropped.state, dropped.result, dropped.finished_at) == (
        "dropped",
        "part of other",
        START,
    )


@pytest.mark.parametrize("state", ["sending", "done", "failed"])
def test_what_may_have_been_sent_is_not_dropped_with_a_merge(state):
    story = Story()
    story.tell(state=state)
    assert story.tell(status="merged", merged_into="other") == [("slack", "merged", 0)]
    assert story.record.steps[0].state == state


def test_a_channel_that_is_off_gets_nothing_and_the_reason_is_stated():
    story = Story(CONFIG, off={"slack": "SLACK_WEBHOOK_URL is not set"})
    assert [channel for channel, _, _ in story.tell()] == ["pagerduty", "webhook"]
    assert ("slack", "opened", "slack is off: SLACK_WEBHOOK_URL is not set") in story.withheld


def test_every_planned_step_has_a_reason():
    story = Story(CONFIG)
    for changes in (
        {"severity": 3},
        {"severity": 4},
        {"root_cause": (suspect("db"),)},
        {"status": "acknowledged"},
        {"status": "resolved"},
        {"generation": 2},
        {"generation": 2, "status": "merged", "merged_into": "other"},
    ):
        story.tell(**changes)
        assert story.decided.steps
        assert all(step.reason for step in story.decided.steps)


def test_a_record_stays_small_however_often_an_incident_comes_back():
    story = Story(CONFIG)
    for generation in range(1, 200):
        for status in ("open", "acknowledged", "resolved"):
            story.tell(generation=generation, status=status)
            announced = tuple(s.model_copy(update={"announced": True}) for s in story.record.steps)
            story.record = story.record.model_copy(update={"steps": announced})
    assert len(story.record.steps) <= 2 * len(ALL_KINDS) * len(CONFIG.channels)


def test_a_step_with_a_call_still_under_way_is_remembered():
    story = Story(PAGER)
    story.tell()
    first = story.record.steps[0].model_copy(update={"announced": True})
    attempt = Attempt(token="t", step=first.id, check_at=START)
    story.record = story.record.model_copy(update={"steps": (first,), "attempts": (attempt,)})
    story.tell(status="resolved")
    for generation in range(2, 9):
        story.tell(generation=generation)
        story.tell(generation=generation, status="resolved")
    assert story.record.step(first.id) is not None


snapshots = st.fixed_dictionaries(
    {
        "severity": st.integers(1, 5),
        "status": st.sampled_from(["open", "acknowledged", "resolved"]),
        "root_cause": st.sampled_from([(), (suspect("cart"),), (suspect("db"),)]),
        "notified_at": st.sampled_from([None, START]),
        "raise_generation": st.booleans(),
        "state": st.sampled_from(["planned", "sending", "done", "failed"]),
    }
)


@settings(max_examples=300)
@given(st.lists(snapshots, max_size=12), st.booleans())
def test_no_step_is_planned_twice_and_endings_follow_openings(story_of, merged):
    story, generation, planned = Story(CONFIG), 1, []
    tail = [{"status": "merged", "merged_into": "other"}] if merged else []
    for changes in [*story_of, *tail]:
        chosen = dict(changes)
        generation += chosen.pop("raise_generation", False)
        story.tell(generation=generation, **chosen)
        planned += [step.id for step in story.decided.steps]
        assert len(planned) == len(set(planned))
        for channel in ("pagerduty", "slack", "webhook"):
            said = story.record.on(channel)
            if channel == "pagerduty" and said:
                assert said[0].kind in {"opened", "reopened"}
            if chosen["status"] in {"resolved", "merged"} and said:
                assert said[-1].meaning == "ended" or chosen.get("notified_at", START) is None
