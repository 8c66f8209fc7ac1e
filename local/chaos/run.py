"""One run from the first event to the last answer, in peace or under fire."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import chain
from typing import Literal

from aiops import topics
from aiops.errors import AiopsError
from aiops.events import Fact, TopologyObserved
from aiops.ids import derive
from aiops.ports import Event, Message
from local.chaos.compare import unfinished, unpublished
from local.chaos.feed import Feed
from local.chaos.monkey import Damage, Monkey, Reach
from local.chaos.outcome import Outcome, read_logs, read_redis, read_topics
from local.chaos.people import commands
from local.chaos.stage import INSTANCES, Setting, Stage
from local.chaos.waiting import DOMAIN, Offsets, Waiting
from local.chaos.workload import SOURCE, SPEED, Act, Workload, calls
from local.delivery.counters import Counts

CALM_HASTE = 3.0
"""In peace the pace is of no interest, and sending is over sooner."""

_STEP_SECONDS = 0.02
_LOOK_SECONDS = 0.3

Say = Callable[[str, "Run"], None]


class Unsettled(Exception):
    """Something did not come to rest in time; the message says what."""


@dataclass(slots=True)
class Result:
    """What a run came to.

    Attributes:
        unsettled: What did not come to rest in time, empty if everything did.
        seconds: Real time of each phase by name.
        delivery: Delivery's counts by source, Trigger and PingSource.
        links: What the proxies did, by link.
        redelivered: What was delivered on purpose, by kind.
    """

    outcome: Outcome
    damage: Damage
    unsettled: str = ""
    seconds: dict[str, float] = field(default_factory=dict)
    delivery: dict[str, Counts] = field(default_factory=dict)
    links: dict[str, dict[str, int]] = field(default_factory=dict)
    redelivered: dict[str, int] = field(default_factory=dict)
    events: int = 0
    samples: int = 0
    input_seconds: float = 0.0
    servers: tuple[str, ...] = ()
    instances: dict[str, int] = field(default_factory=dict)


class Run:
    """See `play`.

    Args:
        stage: Up already.
        workload: What is sent.
        wild: Whether there is trouble.
        patience: Seconds that a phase may take to come to rest.
        say: Told of the phase, again and again.
    """

    def __init__(
        self, stage: Stage, workload: Workload, *, wild: bool, patience: float, say: Say
    ) -> None:
        pipeline = stage.pipeline
        self.stage = stage
        self._workload = workload
        self._patience = patience
        self._say = say
        self._phase, self._since, self._looked = "", time.monotonic(), 0.0
        self._waiting = Waiting(pipeline.manifests, stage.redis.url, stage.kafka.bootstrap)
        self._asker = ThreadPoolExecutor(1, "asker")
        self._partitions = {
            topic.metadata.name: topic.spec.partitions for topic in pipeline.manifests.topics
        }
        self.feed = Feed(stage.kafka.bootstrap, stage.clock, 1.0 if wild else CALM_HASTE)
        minutes = sum(act.length for act in stage.setting.timeline.acts) / 1000 / SPEED / 60
        self.monkey: Monkey | None = None
        if wild:
            reach = Reach(pipeline.processes, stage.servers, stage.links, stage.receiver)
            self.monkey = Monkey(stage.setting.seed, reach, minutes)
        else:
            stage.redelivery.calm()
        self.result = Result(Outcome(), self.monkey.damage if self.monkey else Damage())

    def play(self) -> Result:
        """Send everything, see everything told and resolved, and return what came of it."""
        try:
            for phase in self._phases():
                self._enter(phase)
            self._enter("reading")
            self._read()
        except Unsettled as problem:
            self.result.unsettled = str(problem)
            self._enter("reading what there is")
            self._calm()
            self._read()
        finally:
            self._enter("")
            self._asker.shutdown(wait=False, cancel_futures=True)
            self.feed.close()
            self._waiting.close()
        return self.result

    def _phases(self) -> Iterator[str]:
        yield "topology"
        self._send(TopologyObserved(domain=DOMAIN, calls=calls(), observed_at=1), DOMAIN, 1)
        self._until("the topology", lambda: self._waiting.topologies() or None)
        if self.monkey is not None:
            self.monkey.start()
        first, second = self.stage.setting.timeline.acts
        yield from self._act(first)
        yield "resolved"
        self._resolve(first)
        yield "reopened"
        self._order(second.start, "reopen")
        yield from self._act(second)
        if self.monkey is not None:
            yield "last outages"
            self._until("the outages", lambda: self.monkey and not self.monkey.outages_left)
        yield "resolved again"
        self._resolve(second)
        yield "quiet"
        self._calm()
        self.stage.clock.run(time.time_ns() // 1_000_000, 1 << 53)
        self._drain(topics.INCIDENTS)
        self._until("what act has to do", self._nothing_to_do)

    def _act(self, act: Act) -> Iterator[str]:
        times = self.stage.setting.timeline
        yield f"input {times.acts.index(act) + 1}"
        self.feed.start(self._workload.slices(act))
        while self.feed.running:
            self._pass()
        yield "drained"
        self.stage.clock.run(*times.drained(act))
        self._drain(topics.METRICS)
        self._until("anomalies on their way", lambda: self._waiting.anomalies() == 0)
        self._drain(topics.ANOMALIES)
        self._rest()
        yield "told"
        self.stage.clock.run(*times.told(act))
        self._until("incidents to be told about", lambda: self._waiting.untold() == 0)
        self._published()
        self._order(times.told(act)[0], "acknowledge")

    def _resolve(self, act: Act) -> None:
        self.stage.clock.run(*self.stage.setting.timeline.resolved(act))
        self._until("open incidents", lambda: self._waiting.open() == 0)
        self._published()

    def _order(self, now: int, command: Literal["acknowledge", "reopen"]) -> None:
        outcome = Outcome()
        self._until("Redis", lambda: _tried(lambda: read_redis(outcome, self.stage.redis.url)))
        stored = outcome.members, outcome.redirects, outcome.incidents
        for order in commands(*stored, command, now):
            self._send(order, order.incident, now)
        self._drain(topics.CONTROL)
        self._published()

    def _published(self) -> None:
        self._until("snapshots to be published", lambda: self._waiting.snapshots() == 0)

    def _rest(self) -> None:
        """See to it that what is stored now is also what was published last."""
        self._published()
        outcome = Outcome()
        self._until("Redis and Kafka", lambda: _tried(lambda: self._read_both(outcome)))
        self.result.outcome.unpublished += unpublished(outcome)

    def _read_both(self, outcome: Outcome) -> None:
        read_redis(outcome, self.stage.redis.url)
        read_topics(outcome, self.stage.kafka.bootstrap, self._partitions)

    def _drain(self, topic: str) -> None:
        """Return once every group has finished what is on a topic now.

        The broker of the wheel says that a topic ends before its last batch: it is asked again.
        """
        for _ in range(3 if self.stage.setting.embedded else 1):
            self._finished(topic)

    def _finished(self, topic: str) -> None:
        ends: Offsets = {}

        def known() -> bool:
            ends.update(self._waiting.ends(topic) or {})
            return bool(ends)

        self._until(f"the ends of {topic}", known)
        self._until(f"records on {topic}", lambda: self._waiting.behind(topic, ends) == 0)

    def _nothing_to_do(self) -> bool:
        """Return whether all steps have ended; calls may be left that are looked at once more."""
        outcome = Outcome()
        read = _tried(lambda: read_redis(outcome, self.stage.redis.url))
        return read and not any(unfinished(record) for record in outcome.pending.values())

    def _until(self, what: str, done: Callable[[], object]) -> None:
        """Return once something is done; whoever is asked may hang, and the damage goes on."""
        deadline = time.monotonic() + self._patience
        while not self._asked(done):
            if time.monotonic() > deadline:
                raise Unsettled(f"{self._phase}: {what}: not in {self._patience:g} s")
            pause = time.monotonic() + _LOOK_SECONDS
            while time.monotonic() < pause:
                self._pass()

    def _asked(self, done: Callable[[], object]) -> object:
        answer = self._asker.submit(done)
        while not answer.done():
            self._pass()
        return answer.result()

    def _pass(self) -> None:
        """Let a moment pass, in which the damage goes on."""
        if self.monkey is not None:
            self.monkey.step()
        else:
            self.stage.pipeline.restart_ended()
        if time.monotonic() - self._looked > _LOOK_SECONDS:
            self._looked = time.monotonic()
            self._say(self._phase, self)
        time.sleep(_STEP_SECONDS)

    def _calm(self) -> None:
        if self.monkey is not None:
            self.monkey.calm()
        self.stage.redelivery.calm()

    def _enter(self, phase: str) -> None:
        if self._phase:
            took = self.result.seconds.get(self._phase, 0.0) + time.monotonic() - self._since
            self.result.seconds[self._phase] = took
        self._phase, self._since, self._looked = phase, time.monotonic(), 0.0

    def _send(self, fact: Fact, key: str, now: int) -> None:
        event = Event(
            id=derive("chaos", fact.type, key, now),
            source=SOURCE,
            type=fact.type,
            time=now,
            data=fact.model_dump_json().encode(),
            subject=key,
        )
        self.feed.send([Message(topics.CONTROL, key, event)])

    def _read(self) -> None:
        result, stage = self.result, self.stage
        outcome = result.outcome
        self._read_both(outcome)
        read_logs(outcome, stage.pipeline.folder / "logs")
        outcome.messages, outcome.refusals = stage.receiver.messages, stage.receiver.refusals
        for what, left in (
            ("anomalies not published", self._waiting.anomalies()),
            ("incidents not published", self._waiting.snapshots()),
            ("incidents not told", self._waiting.untold()),
            ("incidents open", self._waiting.open()),
        ):
            outcome.left[what] = left or 0
        result.delivery = stage.pipeline.counts
        result.links = dict(chain.from_iterable(x.counts().items() for x in stage.links))
        result.redelivered = dict(stage.redelivery.counts)
        result.events, result.samples = self.feed.events, self.feed.samples
        result.input_seconds = self.feed.seconds
        result.instances = dict(INSTANCES)
        result.servers = stage.redis.description, stage.kafka.description


def _tried(work: Callable[[], object]) -> bool:
    """Return whether something could be done."""
    try:
        work()
    except AiopsError:
        return False
    return True


def play(setting: Setting, workload: Workload, *, wild: bool, patience: float, say: Say) -> Result:
    """Bring everything up, run, and take everything down again.

    Raises:
        Misconfigured: an object, a func.yaml or a setting is wrong.
        Unavailable: a server or a function does not start, or stops answering.
    """
    with Stage(setting) as stage:
        return Run(stage, workload, wild=wild, patience=patience, say=say).play()
