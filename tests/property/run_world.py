"""A small world for runbooks: incidents, people who judge, a switch, a cluster to change."""

import json
from collections import defaultdict
from dataclasses import dataclass, field
from random import Random

import greenlet

from aiops.action_log import SLOTS
from aiops.adapters.memory_action_log import MemoryActionLog
from aiops.adapters.memory_broker import MemoryPublisher
from aiops.adapters.memory_rails import MemoryRails
from aiops.clock import ManualClock
from aiops.errors import Unavailable
from aiops.events import Incident, RunChanged, RunJudged, WorkDue
from aiops.ids import derive
from aiops.ports import Event
from aiops.rails import HOUR, Pause
from aiops.runs import run_id
from functions.act.answer import answer_of
from functions.act.config import ActConfig, ChannelRule
from functions.act.handler import ActHandler
from functions.act.operation import Outcome
from functions.act.performer import Performer
from functions.act.runbooks import life
from functions.act.runbooks.proposing import Shelf
from functions.act.runbooks.runner import Runner
from functions.act.runbooks.telling import Readers, pages_of
from tests.incidents import START, evidence, incident, suspect
from tests.property.act_world import PlainChannel
from tests.property.scheduler import CALM, Chaos, Scheduler
from tests.runbooks import Pretended, runbook

CONFIG = ActConfig(channels=(ChannelRule(channel="slack"),))
SLACK = PlainChannel("slack", "visible")
PEOPLE = ("slack:U1", "slack:U2", "cli:eve")
KINDS = ("derived_name", "absolute", "at_most_once")
MINUTE = 60_000
MAX_PER_HOUR = 2
NEEDED = 2


@dataclass
class Cluster:
    """What operations change, as a server would see it."""

    random: Random
    rough: bool
    arrived: list[tuple[str, str, str]] = field(default_factory=list)

    def change(self, kind: str, key: str, target: str) -> bool:
        """Take a change; False where the server is too busy, and nothing happens."""
        if self.rough and self.random.random() < 0.1:
            return False
        self.arrived.append((kind, key, target))
        return True

    def check(self) -> bool:
        """Check a change without making it."""
        return not (self.rough and self.random.random() < 0.1)


class Operation(Pretended):
    """An operation whose every call is looked at before it goes out to the cluster."""

    def __init__(self, kind: str, world: "World", cluster: Cluster):
        super().__init__(kind)
        self.world, self.cluster = world, cluster

    def dry_run(self, arguments, order):
        self.world.about_to_call()
        try:
            fine = self.cluster.check()
        except Unavailable:
            fine = False
        return Outcome("done", "") if fine else Outcome("retry", "busy")

    def perform(self, arguments, order):
        target = str(self.target(arguments))
        self.world.about_to_change(order, target)
        try:
            fine = self.cluster.change(self.repeat, order.key, target)
        except Unavailable as error:
            lost = "dropped" in str(error) and self.repeat == "at_most_once"
            doubt = "dropped" in str(error)
            return Outcome("unknown" if lost else "retry", "cut off", may_have_happened=doubt)
        return Outcome("done", "200") if fine else Outcome("retry", "503")


@dataclass
class Switch:
    """The rails, noting who looked at the switch last, and what it said."""

    rails: MemoryRails
    looked: dict[object, bool] = field(default_factory=dict)

    def __getattr__(self, name):
        self.looked.pop(greenlet.getcurrent(), None)
        return getattr(self.rails, name)

    def paused(self):
        found = self.rails.paused()
        self.looked[greenlet.getcurrent()] = found is None
        return found


class World:
    """Two instances over one log and one set of rails, and everything that can come in."""

    def __init__(self, seed: int, chaos: Chaos, log=None, rails=None, *, contended=False):
        self.random = Random(seed)
        self.clock = ManualClock(START)
        self.scheduler = Scheduler(seed, chaos)
        self.rough = chaos.budget > 0
        self.log = log(self.timer) if log else MemoryActionLog(self.timer)
        self.rails = rails() if rails else MemoryRails()
        self.switch = Switch(self.rails)
        self.publisher = MemoryPublisher()
        self.cluster = Cluster(self.random, self.rough)
        self.tokens = 0
        self.messages: list[str] = []
        self.calls: list[tuple[str, str, int]] = []
        self.approvers: dict[str, set[str]] = defaultdict(set)
        self.kind = self.random.choice(KINDS)
        self.targets = ("cart",) if contended else ("cart", "cart", "db")
        modes = ("auto",) if contended else ("approve", "approve", "auto", "dry-run")
        mode = self.random.choice(modes)
        guard = {"mode": mode, "max_per_hour": MAX_PER_HOUR, "min_approvers": NEEDED}
        steps = [{kind: {"name": "{{ labels.deployment }}"}} for kind in ("absolute", self.kind)]
        shelf = (runbook("first", steps, guard=guard, verify={"within": "2m"}),)
        cluster = self.scheduler.watch(self.cluster, "cluster")
        operations = {kind: Operation(kind, self, cluster) for kind in KINDS}
        self.shelf = Shelf(shelf, operations)
        self.incidents = [derive("incident", seed, place) for place in range(3)]
        self.handlers = [self.handler() for _ in range(2)]

    def timer(self) -> float:
        return self.clock.ms / 1000

    def handler(self) -> ActHandler:
        log = self.scheduler.watch(self.log, "log")
        performer = Performer(
            log=log,
            sender=self,
            channels={"slack": SLACK},
            off={},
            clock=self.clock,
            timer=self.timer,
            unix_time=self.clock.now,
            new_token=self.token,
            give_up_after=CONFIG.give_up_after,
            merge_wait=1.0,
        )
        runner = Runner(
            log=log,
            rails=self.scheduler.watch(self.switch, "rails"),
            shelf=self.shelf,
            readers=Readers(CONFIG.channels, {}, pages_of(self.shelf.runbooks)),
            clock=self.clock,
            timer=self.timer,
            new_token=self.token,
        )
        publisher = self.scheduler.watch(self.publisher, "publisher")
        return ActHandler(log, performer, publisher, self.clock, CONFIG, runner)

    def send(self, request, seconds):
        """Take every message."""
        self.messages.append(json.loads(request.body)["step"])
        return answer_of(200)

    def token(self) -> str:
        self.tokens += 1
        return str(self.tokens)

    def about_to_call(self) -> None:
        assert self.switch.looked.pop(greenlet.getcurrent(), False), "nobody looked at the switch"

    def about_to_change(self, order, target: str) -> None:
        """Look at what must hold whenever something is about to be changed."""
        self.about_to_call()
        record = self.log.read(order.incident)
        runs = {life.order_of(run, i).key: run for run in record.runs for i in range(2)}
        run = runs[order.key]
        assert run.state == "running", f"a run is {run.state} and changes something"
        assert run.mode == "auto" or len(self.approvers[run.id]) >= NEEDED, "nobody approved"
        assert run.mode != "dry-run", "a dry run changes something"
        lock = self.rails.read().locks.get(target)
        assert lock is not None, "a target is changed without a lock"
        assert lock.run == run.id, "two runs change one target"
        self.calls.append((run.id, order.key, self.clock.ms))

    def run(self) -> None:
        """Deliver everything in a random schedule, then let calm return."""
        stories = [self.story(name) for name in self.incidents]
        said = [self.word() for _ in range(self.random.randrange(6, 20))]
        words = [self.tick(1_000), self.tick(1_000), *said]
        ticks = [self.tick(self.random.randrange(1_000, 40_000)) for _ in range(8)]
        switch = [self.flip(on) for on in self.random.choice(((), (True, False), (True,)))]
        self.scheduler.run(*stories, words, ticks, switch)
        self.scheduler.chaos, self.cluster.rough = CALM, False
        self.rails.resume()
        for _ in range(60):
            self.tick(5 * MINUTE)()
            if not self.log.due(range(SLOTS), 1 << 60, 1):
                return
        raise AssertionError("something stays due for ever")

    def story(self, name: str):
        target = self.random.choice(self.targets)
        shots = [self.snapshot(name, 1, target)]
        if self.random.random() < 0.5:
            late = START + self.random.choice((0, HOUR))
            shots.append(self.snapshot(name, 2, target, late, severity=5))
        if self.random.random() < 0.2:
            shots.append(self.snapshot(name, 3, target, status="resolved", resolved_at=START))
        return [self.delivery(one) for one in shots]

    def snapshot(
        self, name: str, version: int, target: str, last: int = START, **changes
    ) -> Incident:
        labels = {"service": "cart", "namespace": "payments", "deployment": target}
        proof = evidence("cart", "cpu_usage", labels=labels).model_copy(update={"last": last})
        return incident(
            version, id=name, evidence=(proof,), root_cause=(suspect("cart"),), **changes
        )

    def delivery(self, one: Incident):
        event = self.event("dev.aiops.incident.updated.v1", one, one.id)
        return lambda: self.random.choice(self.handlers)(event)

    def word(self):
        name, old = self.random.choice(self.incidents), self.random.random() < 0.1
        run = derive("run", "old") if old else run_id(name, 1, "first", "cart")
        decision = "reject" if self.random.random() < 0.08 else "approve"
        word = RunJudged(
            run=run, incident=name, decision=decision, given_by=self.random.choice(PEOPLE),
            given_at=START,
        )  # fmt: skip
        event = self.event(RunJudged.type, word, name)

        def say():
            if word.decision == "approve":
                self.approvers[word.run].add(word.given_by)
            self.clock.ms += self.random.randrange(1, 1_000)
            return self.random.choice(self.handlers)(event)

        return say

    def flip(self, on: bool):
        def flip():
            if on:
                self.rails.pause(Pause(by="eve", at=self.clock.ms))
            else:
                self.rails.resume()

        return flip

    def tick(self, pause: int):
        def run():
            self.clock.ms += pause
            due = WorkDue(stage="act", now=self.clock.ms)
            return self.random.choice(self.handlers)(self.event(due.type, due, ""))

        return run

    def event(self, kind: str, fact, name: str) -> Event:
        data = fact.model_dump_json().encode()
        return Event(derive("event", kind, data.decode()), "/test", kind, START, data)

    def check(self) -> None:
        runs = [run for name in self.incidents for run in self.log.read(name).runs]
        assert runs, "no run was ever proposed"
        assert all(run.ended and run.announced == len(run.changes) for run in runs)
        assert not self.rails.read().locks, "a lock stays for ever"
        self.check_repeats(runs)
        self.check_budget()
        self.check_words(runs)
        self.check_audit(runs)
        self.check_news(runs)

    def check_repeats(self, runs) -> None:
        """Nothing is done twice beyond what its kind of operation bears."""
        once = [key for kind, key, _ in self.cluster.arrived if kind == "at_most_once"]
        assert len(once) == len(set(once)), "what may happen once happened twice"
        arrived = {key for _, key, _ in self.cluster.arrived}
        for run in runs:
            keys = [life.order_of(run, place).key for place in range(len(run.steps))]
            if run.performed_at:
                assert set(keys) <= arrived, "a run counts as done, and was not"
            for key, step in zip(keys, run.steps, strict=True):
                assert step.state != "done" or key in arrived
                assert step.attempts or key not in arrived, "done without a mark"
                told = run.state == "failed" and step.state != "done"
                assert not told or key not in arrived, "told as failed, and was done"
            if run.state in {"rejected", "expired", "skipped"}:
                assert not set(keys) & arrived, f"a run is {run.state} and changed something"

    def check_budget(self) -> None:
        began = {}
        for run, _, at in self.calls:
            began.setdefault(run, at)
        times = sorted(began.values())
        for first, last in zip(times, times[MAX_PER_HOUR:], strict=False):
            assert last - first > HOUR - 20 * MINUTE, "more runs in an hour than may be"

    def check_words(self, runs) -> None:
        for run in runs:
            assert len({one.by for one in run.approvals}) == len(run.approvals)
            assert {one.by for one in run.approvals} <= self.approvers[run.id]

    def check_news(self, runs) -> None:
        """People are told of what waits for them and how it ended, each once."""
        for run in runs:
            record = self.log.read(run.incident)
            told = [s for s in record.steps if s.run == run.id and s.level == run.number]
            kinds = [step.kind for step in told]
            asked = any(change.state == "awaiting" for change in run.changes)
            early = run.state == "skipped" and run.over_at is not None and not asked
            ends = [kind for kind in kinds if kind != "run_proposed"]
            assert kinds.count("run_proposed") == asked
            assert len(ends) == 1 or early
            assert all(step.state == "done" and step.id in self.messages for step in told)
            assert len({step.id for step in record.steps}) == len(record.steps)

    def check_audit(self, runs) -> None:
        said = defaultdict(set)
        for message in self.publisher.topics["actions"]:
            if message.event.type == RunChanged.type:
                said[message.event.id].add(message.event.data)
        assert all(len(contents) == 1 for contents in said.values()), "one id, two contents"
        wanted = [
            derive("run.changed", run.id, place + 1)
            for run in runs
            for place in range(len(run.changes))
        ]
        assert set(said) == set(wanted), "the audit is not what happened"


ROUGH = Chaos(kill=0.015, drop_reply=0.03, fail=0.01, zombie=0.02, duplicate=0.2, budget=25)


def play(seed: int, chaos: Chaos | None = None, log=None, rails=None, *, contended=False) -> World:
    """Run one world to its end and check it; contended, all that happens wants one target."""
    world = World(seed, chaos or ROUGH, log, rails, contended=contended)
    try:
        world.run()
    except ExceptionGroup as found:
        raise _first(found) from found
    world.check()
    return world


def _first(found: ExceptionGroup) -> Exception:
    """Return what was found when it happened in the middle of a request."""
    first = found.exceptions[0]
    return _first(first) if isinstance(first, ExceptionGroup) else first
