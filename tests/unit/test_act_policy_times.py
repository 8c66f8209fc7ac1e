"""What the policy does when nothing new comes: repeats, quiet hours, and who goes into digests."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from aiops.action_log import ActionRecord
from functions.act.config import ActConfig, ChannelRule, Grouping, QuietHours, StormGuard
from functions.act.policy import ALONE, Shared, accept, plan
from tests.incidents import incident, suspect

HOUR = 3_600_000
NOON = int(datetime(2026, 1, 28, 12, tzinfo=ZoneInfo("Europe/Berlin")).timestamp() * 1000)
NIGHTS = QuietHours(zone="Europe/Berlin", windows=("22:00-07:00",), below=4)
MORNING = NOON + 19 * HOUR
QUIET_UNTIL = "quiet hours until 2026-01-29T06:00:00.000Z"


class Story:
    """Tells snapshots, or the same one again, at a time; steps are done at once."""

    def __init__(self, *rules, state="done", **config):
        self.config = ActConfig(channels=rules or (ChannelRule(channel="slack"),), **config)
        self.record, self.state, self.shared = ActionRecord(incident="x"), state, ALONE
        self.snapshot = None

    def tell(self, now=NOON, **changes):
        self.snapshot = incident(self.record.version + 1, **changes)
        return self.look(now)

    def look(self, now):
        decided = plan(self.snapshot, self.record.steps, self.config, {}, now, self.shared)
        self.record = accept(self.record, self.snapshot, decided, now)
        steps = tuple(
            s.model_copy(update={"state": self.state}) if s.state == "planned" else s
            for s in self.record.steps
        )
        self.record = self.record.model_copy(update={"steps": steps})
        return [(s.channel, s.kind, s.level) for s in decided.steps]

    @property
    def withheld(self):
        return [(one.kind, one.reason) for one in self.record.withheld]


HOURLY = ChannelRule(channel="slack", repeat_every=3600)


def test_what_is_open_and_unacknowledged_is_told_again_every_so_often():
    story = Story(HOURLY)
    assert story.tell() == [("slack", "opened", 0)]
    assert story.record.again_at == NOON + HOUR
    assert story.look(NOON + HOUR - 1) == []
    assert story.look(NOON + HOUR) == [("slack", "repeated", 1)]
    assert story.record.steps[-1].reason == "open and unacknowledged, 60 min after it was last told"
    assert story.look(NOON + 2 * HOUR) == [("slack", "repeated", 2)]


def test_news_put_the_repeat_off():
    story = Story(HOURLY)
    story.tell(severity=3)
    assert story.tell(NOON + HOUR, severity=4) == [("slack", "severity_raised", 4)]
    assert story.record.again_at == NOON + 2 * HOUR


def test_news_that_are_not_told_do_not_keep_it_from_being_told_again():
    story = Story(HOURLY, max_cause_changes=0)
    story.tell(root_cause=(suspect("cart"),))
    assert story.tell(NOON + HOUR, root_cause=(suspect("db"),)) == [("slack", "repeated", 1)]
    assert [kind for kind, _ in story.withheld] == ["cause_changed"]


@pytest.mark.parametrize("status", ["acknowledged", "resolved"])
def test_what_was_acknowledged_or_is_over_is_not_told_again(status):
    story = Story(HOURLY)
    story.tell()
    story.tell(NOON + 1, status=status)
    assert story.record.again_at is None
    assert story.look(NOON + 9 * HOUR) == []


def test_without_a_wish_for_it_nothing_is_told_again():
    story = Story()
    story.tell()
    assert story.record.again_at is None
    assert story.look(NOON + 999 * HOUR) == []


def test_a_policy_that_does_not_tell_of_repeats_does_not_wake_anybody_for_them():
    story = Story(ChannelRule(channel="slack", repeat_every=3600, tell=("opened",)))
    story.tell()
    assert story.look(NOON + HOUR) == []
    assert story.record.again_at is None


def test_a_repeat_that_was_never_tried_makes_way_for_what_is_newer():
    story = Story(HOURLY, state="planned")
    story.tell()
    story.look(NOON + HOUR)
    assert story.look(NOON + 2 * HOUR) == [("slack", "repeated", 2)]
    states = [(s.kind, s.level, s.state) for s in story.record.steps]
    assert states == [
        ("opened", 0, "planned"), ("repeated", 1, "dropped"), ("repeated", 2, "planned"),
    ]  # fmt: skip


def test_the_record_of_what_is_told_again_for_weeks_stays_small():
    story = Story(HOURLY)
    story.tell()
    ids = set()
    for hour in range(1, 400):
        assert story.look(NOON + hour * HOUR) == [("slack", "repeated", hour)]
        ids.add(story.record.steps[-1].id)
        announced = tuple(s.model_copy(update={"announced": True}) for s in story.record.steps)
        story.record = story.record.model_copy(update={"steps": announced})
    assert len(ids) == 399
    assert len(story.record.steps) <= 3


def test_in_quiet_hours_what_is_mild_waits_for_their_end_with_the_reason():
    story = Story(ChannelRule(channel="slack", quiet_hours=NIGHTS))
    assert story.tell(NOON + 11 * HOUR, severity=3) == []
    assert story.withheld == [("opened", f"{QUIET_UNTIL}, and severity is below 4")]
    assert story.record.due_at == story.record.withheld[0].until == MORNING
    assert story.look(MORNING - 1) == []
    assert story.look(MORNING) == [("slack", "opened", 0)]
    assert story.record.again_at is None


def test_what_is_severe_is_told_at_night_and_what_gets_severe_then():
    rule = ChannelRule(channel="slack", quiet_hours=NIGHTS)
    assert Story(rule).tell(NOON + 11 * HOUR, severity=4) == [("slack", "opened", 0)]
    story = Story(rule)
    story.tell(NOON + 11 * HOUR, severity=3)
    assert story.tell(NOON + 12 * HOUR, severity=5) == [("slack", "opened", 0)]


def test_what_was_told_by_day_is_ended_at_night_and_its_news_wait():
    story = Story(ChannelRule(channel="slack", quiet_hours=NIGHTS))
    story.tell(severity=2, root_cause=(suspect("cart"),))
    assert story.tell(NOON + 11 * HOUR, severity=3, root_cause=(suspect("cart"),)) == []
    assert story.record.again_at == MORNING
    assert story.tell(NOON + 12 * HOUR, severity=3, status="acknowledged") == [
        ("slack", "acknowledged", 0)
    ]
    assert story.tell(NOON + 13 * HOUR, severity=3, status="resolved") == [("slack", "resolved", 0)]
    assert story.look(MORNING) == []


def test_what_came_and_went_at_night_is_not_told_in_the_morning():
    story = Story(ChannelRule(channel="slack", quiet_hours=NIGHTS))
    story.tell(NOON + 11 * HOUR, severity=3)
    over = {"status": "resolved", "resolved_at": NOON + 12 * HOUR}
    assert story.tell(NOON + 12 * HOUR, severity=3, **over) == []
    assert story.withheld == [("resolved", "it was over before the quiet hours were")]
    assert story.look(MORNING) == []


def test_repeats_wait_for_the_morning_too():
    story = Story(ChannelRule(channel="slack", quiet_hours=NIGHTS, repeat_every=3600))
    story.tell(NOON + 9 * HOUR, severity=3)
    assert story.look(NOON + 10 * HOUR) == []
    assert story.record.again_at == MORNING
    assert story.look(MORNING) == [("slack", "repeated", 1)]


def test_what_is_put_off_at_night_may_be_summed_up_instead():
    nights = NIGHTS.model_copy(update={"summarise": True})
    story = Story(ChannelRule(channel="slack", quiet_hours=nights))
    assert story.tell(NOON + 11 * HOUR, severity=3) == [("slack", "opened", 0)]
    assert story.record.steps[0].digest
    assert "in the digest: quiet hours until" in story.record.steps[0].reason
    over = {"status": "resolved", "resolved_at": NOON + 12 * HOUR}
    story.tell(NOON + 12 * HOUR, severity=3, **over)
    assert [(s.kind, s.digest) for s in story.record.steps] == [
        ("opened", True), ("resolved", True)
    ]  # fmt: skip


GROUPED = ChannelRule(channel="slack", grouping=Grouping(first=3))
MANY = Shared(grouped={"slack": "4 began within 5 min, and 3 are told singly"})


def test_who_came_late_in_a_burst_is_told_in_the_digest_from_beginning_to_end():
    story = Story(GROUPED)
    story.shared = MANY
    story.tell(severity=3)
    story.tell(severity=4)
    story.tell(severity=4, root_cause=(suspect("db"),))
    story.tell(severity=4, status="acknowledged", root_cause=(suspect("db"),))
    story.tell(severity=4, status="resolved")
    assert [(s.kind, s.digest) for s in story.record.steps] == [
        ("opened", True), ("severity_raised", True), ("cause_changed", True),
        ("acknowledged", True), ("resolved", True),
    ]  # fmt: skip
    assert story.record.steps[0].reason.endswith(MANY.grouped["slack"])


def test_who_is_in_the_digest_is_not_repeated_singly():
    story = Story(GROUPED.model_copy(update={"repeat_every": 3600.0}))
    story.shared = MANY
    story.tell(severity=3)
    assert story.record.again_at is None


def test_what_is_severe_enough_is_told_singly_however_much_begins():
    story = Story(GROUPED)
    story.shared = MANY
    story.tell(severity=5)
    assert [s.digest for s in story.record.steps] == [False]


def test_what_gets_severe_in_the_digest_is_told_singly_from_then_on_and_ended_in_both():
    story = Story(GROUPED)
    story.shared = MANY
    story.tell(severity=3)
    story.tell(severity=5)
    story.tell(severity=5, root_cause=(suspect("db"),))
    story.tell(severity=5, status="resolved", root_cause=(suspect("db"),))
    said = [(s.kind, s.level, s.digest) for s in story.record.steps]
    assert said == [
        ("opened", 0, True), ("severity_raised", 5, False), ("cause_changed", 1, False),
        ("resolved", 1, True), ("resolved", 0, False),
    ]  # fmt: skip
    assert len({s.id for s in story.record.steps}) == 5


def test_in_a_storm_what_is_below_a_severity_is_told_in_digests_only():
    storm = Shared(storm="a storm: 21 began within 10 min")
    for severity, digest in ((3, True), (4, False)):
        story = Story(storm=StormGuard(more_than=20, below=4))
        story.shared = storm
        story.tell(severity=severity)
        assert [s.digest for s in story.record.steps] == [digest]


def test_only_who_hears_of_an_incident_first_asks_the_desks():
    config = ActConfig(channels=(GROUPED,))
    first = plan(incident(1), (), config, {}, NOON)
    assert first.asks == ("slack",)
    assert plan(incident(2, severity=5), first.steps, config, {}, NOON).asks == ()
    assert plan(incident(1, notified_at=None), (), config, {}, NOON).asks == ()


TEAMS = {
    "channels": [
        {"channel": "slack"},
        {"channel": "slack", "name": "payments", "settings": {"SLACK_WEBHOOK_URL": "PAY_SLACK"}},
    ],
    "routes": [
        {"name": "pay", "match": {"service": ["cart"]}, "to": ["payments"]},
        {"name": "rest", "to": ["slack"]},
    ],
}


def routed(**changes):
    story = Story()
    story.config = ActConfig.model_validate(TEAMS)
    return story, story.tell(**changes)


def test_an_incident_goes_where_its_route_leads_and_the_step_says_which():
    story, told = routed(root_cause=(suspect("cart"),))
    assert told == [("payments", "opened", 0)]
    assert story.record.steps[0].route == "pay"
    assert story.withheld == [("opened", "no route leads to slack: taken by pay")]


def test_who_was_told_hears_the_rest_though_the_route_leads_elsewhere_now():
    story, _ = routed(root_cause=(suspect("cart"),))
    assert story.tell(root_cause=(suspect("db"),)) == [
        ("slack", "opened", 0), ("payments", "cause_changed", 1),
    ]  # fmt: skip
    assert story.tell(status="resolved", root_cause=(suspect("db"),)) == [
        ("slack", "resolved", 0), ("payments", "resolved", 0),
    ]  # fmt: skip
