"""The world of `act` with a policy that looks across incidents, and at the clock."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime

from aiops.action_log import ENDINGS, FINAL, ActionRecord, Step
from aiops.digest import Admitted, Desk, desk_id, storm_id
from aiops.events import Incident
from aiops.ids import derive
from functions.act import policy
from functions.act.bursts import key_of
from functions.act.config import ActConfig
from functions.act.desks import Desks
from functions.act.performer import SETTLE_SECONDS
from functions.act.policy import Shared
from tests.incidents import START, incident, suspect
from tests.property.act_world import Line, Observed, World
from tests.property.scheduler import CALM

WITHIN, EVERY = 40, 70
"""Seconds: of a burst, and until a message is repeated."""

LATE = {"acknowledged", *ENDINGS}


def config_of(random, *, late) -> ActConfig:
    """Return a policy in which everything that needs the clock or other incidents is at work."""
    ends = datetime.fromtimestamp(START / 1000 + random.choice((20, 60, 300)), UTC)
    quiet = {
        "windows": [f"00:00-{ends:%H:%M}"] if random.random() < 0.7 else ["00:00-00:01"],
        "below": 4,
        "summarise": random.random() < 0.5,
    }
    first = 0 if late else random.choice((0, 1, 2))
    grouping = {"first": first, "within": WITHIN, "wait": 5, "every": EVERY}
    storm = {"more_than": 3, "within": WITHIN, "below": 4} if random.random() < 0.5 else None
    return ActConfig.model_validate(
        {
            "channels": [
                {"channel": "pagerduty", "grouping": grouping, "tell_of_ended": False},
                {"channel": "slack", "grouping": grouping, "repeat_every": EVERY},
                {"channel": "webhook", "quiet_hours": quiet},
            ],
            "storm": storm,
        }
    )


@dataclass
class Watched(Observed):
    """The log, noting each decision and all that ever stood on a desk."""

    decisions: dict[str, list[tuple[int, int]]] = field(default_factory=lambda: defaultdict(list))
    answers: dict[str, dict[str, Admitted]] = field(default_factory=lambda: defaultdict(dict))
    members: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    steps: dict[str, dict[str, Step]] = field(default_factory=lambda: defaultdict(dict))

    def commit(self, record: ActionRecord, snapshot: Incident | None = None) -> bool:
        stored = super().commit(record, snapshot)
        if not stored:
            return False
        self.steps[record.incident].update((step.id, step) for step in record.steps)
        if record.desk is not None:
            self._desk(record.incident, record.desk)
        else:
            decided = (record.version, record.considered_at)
            if decided not in self.decisions[record.incident][-1:]:
                self.decisions[record.incident].append(decided)
        return True

    def _desk(self, name: str, desk: Desk) -> None:
        self.members[name].update(one.incident for one in desk.members)
        for one in desk.admitted:
            before = self.answers[name].setdefault(one.key, one)
            assert before == one, "an answer was changed"
        assert len({one.key for one in desk.admitted}) == len(desk.admitted)


@dataclass
class Slow:
    """The desks, with somebody stopped for long on the way to them now and then."""

    desks: Desks
    line: Line
    repeat: str = "same_id"

    def deliver(self, delivery, http):
        receivers = self.line.receivers
        stalls = self.line.random.choice(self.line.stalls) if receivers.patience > 0 else 0
        for _ in range(stalls):
            receivers.stall()
        return self.desks.deliver(delivery, http)


class Bursts(World):
    """Several incidents that begin close together; or one, told in the digest alone.

    Then calls often stop on the way, and an old one comes in late.
    """

    def __init__(self, seed, chaos, log=None, *, late=False):
        self.late = late
        super().__init__(seed, chaos, log, pager_alone=late)
        for handler in self.handlers:
            handler.performer.digests = Slow(handler.desks, handler.performer.sender)

    def observing(self, log):
        self.config = config_of(self.random, late=self.late)
        return Watched(log)

    def stories(self):
        count = self.random.randint(2, 6)
        names = [derive("incident", self.random.random(), place) for place in range(count)]
        stories = [self._story(name) for name in names]
        if self.random.random() < 0.3:
            last = stories[-1][-1]
            end = {"version": last.version + 1, "status": "merged", "merged_into": names[0]}
            stories[-1].append(last.model_copy(update=end))
        return stories

    def _story(self, name):
        shots, severity, generation, status = [], self.random.randint(2, 4), 1, "open"
        for version in range(1, self.random.randint(2, 5)):
            over = {"resolved_at": START} if status == "resolved" else {}
            cause = (suspect(self.random.choice(("cart", "cart", "db"))),)
            shots.append(
                incident(
                    version, id=name, generation=generation, status=status, severity=severity,
                    root_cause=cause, evidence=(), **over,
                )
            )  # fmt: skip
            severity = min(5, severity + self.random.choice((0, 0, 1)))
            generation += status == "resolved"
            choices = (status, "resolved", "resolved", "acknowledged")
            status = "open" if status == "resolved" else self.random.choice(choices)
        return shots

    def run(self):
        partitions = [[self.delivery(one) for one in story] for story in self.told]
        pauses = (1_000, 25_000) if self.receivers.rough else (100, 1_000)
        ticks = [self.tick(self.random.randrange(*pauses)) for _ in range(6)]
        self.scheduler.run(*partitions, ticks)
        self.scheduler.chaos, self.receivers.rough, self.receivers.patience = CALM, False, 0
        for pause in (30, EVERY, EVERY, *[SETTLE_SECONDS + 1] * 9):
            self.tick(int(pause * 1000))()
            self.tick(1_000)()

    def check(self):
        for story in self.told:
            self.check_story(story)
        for rule in self.config.channels:
            if rule.receiver not in self.off:
                self.check_desk(rule)
        self.check_ends()

    def check_story(self, story):
        """P5: what arrived is the policy applied to what was decided, and when."""
        name = story[0].id
        record = self.observed.log.read(name)
        assert record is not None
        assert not record.attempts
        assert all(step.state in FINAL and step.announced for step in record.steps)
        dropped = self.dropped(name)
        wanted = self.ideal(story, dropped)
        assert {step.id for step in wanted} == set(self.observed.steps[name]) - dropped
        arrived = {step for _, key, step, _ in self.receivers.arrived if key == name}
        assert {step.id for step in wanted if not step.digest} == arrived
        for rule in [one for one in self.config.channels if one.receiver not in self.off]:
            mine = [step for step in wanted if step.channel == rule.receiver]
            held = name in self.observed.members[desk_id(rule.receiver)]
            assert held == any(step.digest for step in mine), "lost on the way to the digest"
            self.check_times(rule, mine)
            self.check_told(rule, story, mine, record)

    def dropped(self, name):
        return {s.id for s in self.observed.steps[name].values() if s.state == "dropped"}

    def ideal(self, story, dropped):
        """Return what the policy asks for, decision by decision, if every step is done at once."""
        shots = {one.version: one for one in story}
        record, found = ActionRecord(incident=""), {}
        for version, now in self.observed.decisions[story[0].id]:
            one = shots[version]
            answered = self.answered(one)
            plan = policy.plan(one, record.steps, self.config, self.off, now, answered)
            record = policy.accept(record, one, plan, now)
            steps = tuple(
                s if s.id in dropped or s.state == "dropped"
                else s.model_copy(update={"state": "done"})
                for s in record.steps
            )  # fmt: skip
            record = record.model_copy(update={"steps": steps})
            found |= {step.id: step for step in steps}
        return [step for step in found.values() if step.id not in dropped]

    def answered(self, one):
        key, told = key_of(one), {}
        for rule in self.config.channels:
            given = self.observed.answers[desk_id(rule.receiver)].get(key)
            told[rule.receiver] = given.grouped if given else ""
        storm = self.observed.answers[storm_id(one.domain)].get(key)
        return Shared(told, storm.grouped if storm else "")

    def check_times(self, rule, steps):
        """No repeat comes early, and nothing mild is said in quiet hours."""
        before = None
        for step in sorted(steps, key=lambda one: one.planned_at):
            if step.kind == "repeated":
                assert before is not None
                assert step.planned_at - before.planned_at >= rule.repeat_every * 1000
            before = step
            quiet = rule.quiet_hours
            if quiet and not step.digest and step.kind not in LATE and step.severity < quiet.below:
                assert quiet.end(step.planned_at) is None, "somebody was woken"

    def check_told(self, rule, story, steps, record):
        """Whatever goes on is told, singly or in the digest, and told again as often as wished."""
        last = max(story, key=lambda one: one.version)
        if last.status not in {"open", "acknowledged"}:
            return
        mine = [step for step in steps if step.generation == last.generation]
        waits = [w for w in record.withheld if w.until is not None and w.until > self.clock.ms]
        assert mine or [w for w in waits if w.channel == rule.receiver], "nobody was told"
        if rule.repeat_every and last.status == "open" and any(not step.digest for step in mine):
            late = self.clock.ms - max(step.planned_at for step in mine)
            assert late <= rule.repeat_every * 1000 + SETTLE_SECONDS * 1000 + 10_000

    def check_desk(self, rule):
        """The digest's steps all arrived; who is in it was named; it is over when all are."""
        name = desk_id(rule.receiver)
        record = self.observed.log.read(name)
        if record is None:
            return
        self.check_singles(rule)
        wanted = set(self.observed.steps[name]) - self.dropped(name)
        arrived = [one for one in self.receivers.arrived if one[1] == name]
        assert {step for _, _, step, _ in arrived} == wanted
        desk = record.desk
        assert desk is not None
        for member in desk.members:
            assert member.status == self.last_word(rule, member.incident), "an old word came back"
        going = [one for one in desk.members if not one.over]
        if rule.tell_of_ended:
            assert self.receivers.named[name] >= self.observed.members[name], "not named"
        for member in going:
            assert member.incident in self.receivers.named[name], "goes on, and was not named"
        said = [step for step in record.steps if step.generation == desk.number]
        if said:
            assert (said[-1].kind in ENDINGS) == (not going)
        meanings = [meaning for channel, _, _, meaning in arrived if channel == "pagerduty"]
        if meanings:
            states = [s for s in record.steps if s.state == "done"]
            assert meanings[-1] == states[-1].meaning

    def last_word(self, rule, name):
        """Return the status an incident has in the snapshot its last step in the digest tells."""
        into = [s for s in self.observed.steps[name].values() if s.digest and s.state == "done"]
        version = max(step.version for step in into if step.channel == rule.receiver)
        return next(
            one.status for story in self.told for one in story
            if one.id == name and one.version == version
        )  # fmt: skip

    def check_singles(self, rule):
        """In no span of the window more are told singly than the policy says."""
        if rule.grouping is None:
            return
        given = self.observed.answers[desk_id(rule.receiver)].values()
        at = sorted(one.at for one in given if not one.grouped)
        for place, begins in enumerate(at):
            burst = [one for one in at[place:] if one < begins + WITHIN * 1000]
            assert len(burst) <= rule.grouping.first, "too many singly"

    def check_ends(self):
        said = {message.event.id for message in self.publisher.topics["actions"]}
        steps = [step for known in self.observed.steps.values() for step in known]
        assert {derive("action.finished", step) for step in steps} == said


def play_bursts(seed, chaos, log=None, *, late=False):
    """Run one world to its end and check it."""
    world = Bursts(seed, chaos, log, late=late)
    world.run()
    world.check()
    return world
