"""A small world for `act`: incidents told in versions, receivers, and what ought to arrive."""

import json
from collections import defaultdict
from dataclasses import dataclass, field, replace
from random import Random

from aiops.action_log import FINAL, SLOTS, ActionRecord, Step
from aiops.adapters.memory_action_log import MemoryActionLog
from aiops.adapters.memory_broker import MemoryPublisher
from aiops.clock import ManualClock
from aiops.errors import Unavailable
from aiops.events import Incident, WorkDue
from aiops.ids import derive
from aiops.ports import Event
from functions.act import policy
from functions.act.answer import Answer, answer_of, no_answer
from functions.act.channel import Request
from functions.act.config import ActConfig
from functions.act.handler import ActHandler
from functions.act.performer import SETTLE_SECONDS, Performer
from tests.incidents import START, incident, suspect
from tests.property.scheduler import CALM, Chaos, Scheduler

CONFIG = ActConfig()
SOURCE = "/aiops/correlate"


@dataclass
class PlainChannel:
    """A channel reduced to what matters here: which step, about what, meaning what."""

    name: str
    repeat: str

    def deliver(self, delivery, http):
        step = delivery.step
        content = {
            "step": step.id,
            "key": delivery.incident.id,
            "meaning": step.meaning,
            "names": [one.peak.id for one in delivery.incident.evidence],
        }
        return http.call(Request(self.name, "", json.dumps(content).encode()))


CHANNELS = {
    "pagerduty": PlainChannel("pagerduty", "same_state"),
    "slack": PlainChannel("slack", "visible"),
    "webhook": PlainChannel("webhook", "same_id"),
}


@dataclass
class Receivers:
    """What arrived, in order; now and then slow, or too busy to take it."""

    random: Random
    clock: ManualClock
    rough: bool
    patience: int
    arrived: list[tuple[str, str, str, str]] = field(default_factory=list)
    named: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def stall(self) -> None:
        """Let time pass on the way: the caller is stopped, and others may outrun it."""
        self.let_pass(2_000)

    def let_pass(self, most: int) -> None:
        if self.patience > 0:
            pause = self.random.randrange(most)
            self.patience -= pause
            self.clock.ms += pause

    def deliver(self, request: Request) -> Answer:
        if self.rough and self.random.random() < 0.08:
            return answer_of(self.random.choice((408, 429, 500, 503)))
        content = json.loads(request.body)
        self.arrived.append((request.channel, content["key"], content["step"], content["meaning"]))
        self.named[content["key"]].update(content["names"])
        return answer_of(200)


@dataclass
class Line:
    """The sender: what the schedule does to a call is what a network does to it."""

    receivers: Receivers
    random: Random
    stalls: tuple[int, ...]

    def send(self, request: Request, seconds: float) -> Answer:
        stalls = self.random.choice(self.stalls) if self.receivers.patience > 0 else 0
        try:
            for _ in range(stalls):
                self.receivers.stall()
            return self.receivers.deliver(request)
        except Unavailable as error:
            return no_answer("cut off", may_have_arrived="dropped" in str(error))


@dataclass
class Observed:
    """The log, noting which snapshots were taken into account, in which order."""

    log: MemoryActionLog
    entered: dict[str, list[Incident]] = field(default_factory=lambda: defaultdict(list))

    def __getattr__(self, name):
        return getattr(self.log, name)

    def commit(self, record: ActionRecord, snapshot: Incident | None = None) -> bool:
        stored = self.log.commit(record, snapshot)
        if stored and snapshot is not None:
            self.entered[record.incident].append(snapshot)
        return stored


class World:
    """Two instances over one log, random incidents, and receivers."""

    config = CONFIG

    def __init__(self, seed: int, chaos: Chaos, log=None, *, pager_alone=False):
        self.random = Random(seed)
        self.clock = ManualClock(START)
        self.scheduler = Scheduler(seed, chaos)
        self.observed = self.observing(log(self.timer) if log else MemoryActionLog(self.timer))
        self.publisher = MemoryPublisher()
        rough = chaos.budget > 0
        self.receivers = Receivers(self.random, self.clock, rough, 400_000 if rough else 0)
        self.tokens = 0
        log = self.scheduler.watch(self.observed, "log")
        stalls = (0, 0, 60) if pager_alone else (0, 0, 0, 0, 0, 30)
        line = Line(self.scheduler.watch(self.receivers, "receiver"), self.random, stalls)
        self.off = dict.fromkeys(("slack", "webhook"), "not used") if pager_alone else {}
        publisher = self.scheduler.watch(self.publisher, "publisher")
        self.handlers = [self.handler(log, line, publisher) for _ in range(2)]
        self.told = [_page(self.random)] if pager_alone else self.stories()

    def observing(self, log) -> Observed:
        return Observed(log)

    def stories(self) -> list[list[Incident]]:
        return _stories(self.random)

    def timer(self) -> float:
        return self.clock.ms / 1000

    def handler(self, log, sender, publisher) -> ActHandler:
        performer = Performer(
            log=log,
            sender=sender,
            channels={n: c for n, c in CHANNELS.items() if n not in self.off},
            off=self.off,
            clock=self.clock,
            timer=self.timer,
            unix_time=self.clock.now,
            new_token=self.token,
            give_up_after=self.config.give_up_after,
            merge_wait=self.config.merge_wait,
        )
        return ActHandler(log, performer, publisher, self.clock, self.config)

    def token(self) -> str:
        self.tokens += 1
        return str(self.tokens)

    def run(self) -> None:
        """Deliver every snapshot and a few ticks in a random schedule, then let calm return."""
        partitions = [[self.delivery(one) for one in story] for story in self.told]
        pauses = (1_000, 25_000) if self.receivers.rough else (100, 1_000)
        ticks = [self.tick(self.random.randrange(*pauses)) for _ in range(4)]
        self.scheduler.run(*partitions, ticks)
        self.scheduler.chaos, self.receivers.rough, self.receivers.patience = CALM, False, 0
        for _ in range(40):
            self.tick(int(SETTLE_SECONDS * 1000) + 1_000)()
            if not self.observed.due(range(SLOTS), 1 << 60, 1):
                return
        raise AssertionError("something stays due for ever")

    def delivery(self, one: Incident):
        event = Event(
            id=derive("incident", one.id, one.version),
            source=SOURCE,
            type=f"dev.aiops.incident.{'updated' if one.status == 'open' else 'resolved'}.v1",
            time=one.updated_at,
            data=one.model_dump_json().encode(),
        )
        handlers, attempts = self.handlers, []

        def run():
            if attempts:
                self.receivers.let_pass(30_000)  # nobody delivers again at once
            attempts.append(event)
            return self.random.choice(handlers)(event)

        return run

    def tick(self, pause: int):
        handler = self.random.choice(self.handlers)

        def run():
            self.clock.ms += pause
            due = WorkDue(stage="act", now=self.clock.ms)
            event = Event(
                "tick", "/aiops/collect", due.type, due.now, due.model_dump_json().encode()
            )
            return handler(event)

        return run

    def check(self) -> None:
        for story in self.told:
            self.check_incident(story[0].id)
        self.check_announcements()

    def check_incident(self, identifier: str) -> None:
        """P5: the distinct steps that arrived are those wanted, and the last word holds."""
        record = self.observed.log.read(identifier)
        assert record is not None
        dropped = {step.id for step in record.steps if step.state == "dropped"}
        wanted = ideal_steps(self.observed.entered[identifier], dropped, self.off)
        arrived = [one for one in self.receivers.arrived if one[1] == identifier]
        assert {step.id for step in wanted} == {step for _, _, step, _ in arrived}
        said = [meaning for channel, _, _, meaning in arrived if channel == "pagerduty"]
        asked = [step.meaning for step in wanted if step.channel == "pagerduty"]
        assert said[-1:] == asked[-1:]
        assert all(step.state in FINAL and step.announced for step in record.steps)

    def check_announcements(self) -> None:
        said = defaultdict(set)
        for message in self.publisher.topics["actions"]:
            said[message.event.id].add(message.event.data)
        assert all(len(contents) == 1 for contents in said.values())
        steps = [
            step.id for story in self.told for step in self.observed.log.read(story[0].id).steps
        ]
        assert {derive("action.finished", step) for step in steps} == set(said)


def ideal_steps(entered: list[Incident], dropped: set[str], off: dict[str, str]) -> list[Step]:
    """Return what the policy asks for, snapshot by snapshot, if every step is done at once.

    What was dropped had not been tried when the incident was merged, so it is not done here either.
    """
    record = ActionRecord(incident="")
    for one in entered:
        if one.version > record.version:
            plan = policy.plan(one, record.steps, CONFIG, off, START)
            record = policy.accept(record, one, plan, START)
            steps = tuple(
                step if step.id in dropped else step.model_copy(update={"state": "done"})
                for step in record.steps
            )
            record = record.model_copy(update={"steps": steps})
    assert {step.id for step in record.steps if step.state != "done"} == dropped
    return [step for step in record.steps if step.state == "done"]


def _page(random: Random) -> list[Incident]:
    """Return an incident that is opened and resolved, and sometimes comes back."""
    name = derive("incident", random.random())
    end = {"status": "resolved", "resolved_at": START}
    shots = [{}, end, {"generation": 2}, {"generation": 2, **end}][: random.choice((2, 2, 3, 4))]
    return [incident(version, id=name, evidence=(), **one) for version, one in enumerate(shots, 1)]


def _stories(random: Random) -> list[list[Incident]]:
    """Return versions of one to three incidents; sometimes two of them are swapped on the way."""
    count = random.choice((1, 1, 1, 2, 2, 3))
    names = [derive("incident", random.random(), place) for place in range(count)]
    stories = [_story(random, name) for name in names]
    if count > 1 and random.random() < 0.5:
        loser = stories[-1]
        end = replace_fields(loser[-1], status="merged", merged_into=names[0])
        loser.append(end.model_copy(update={"version": end.version + 1}))
    for story in stories:
        if len(story) > 1 and random.random() < 0.3:
            place = random.randrange(len(story) - 1)
            story[place : place + 2] = story[place + 1], story[place]
    return stories


def _story(random: Random, name: str) -> list[Incident]:
    shots = []
    generation, status, severity, notified = 1, "open", random.randint(2, 4), random.random() < 0.9
    for version in range(1, random.randint(2, 5)):
        cause = random.choice(("cart", "cart", "db"))
        shots.append(
            incident(
                version,
                id=name,
                generation=generation,
                status=status,
                severity=severity,
                notified_at=START if notified else None,
                resolved_at=START if status == "resolved" else None,
                root_cause=(suspect(cause),),
                evidence=(),
            )
        )
        notified = True
        severity = min(5, severity + random.choice((0, 0, 1)))
        if status == "resolved":
            status, generation = "open", generation + 1
        else:
            status = random.choice((status, "resolved", "resolved", "acknowledged"))
    return shots


def replace_fields(one: Incident, **fields) -> Incident:
    return one.model_copy(update=fields)


def play(seed: int, chaos: Chaos | None = None, log=None, *, pager_alone=False) -> World:
    """Run one world to its end and check it.

    With the pager alone calls to it often stop on the way, and an old one comes in late.
    """
    chaos = chaos or replace(Chaos(), budget=8)
    world = World(seed, chaos, log, pager_alone=pager_alone)
    world.run()
    world.check()
    return world
