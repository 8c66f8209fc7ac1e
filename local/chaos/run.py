"""One run from the first event to the last answer, in peace or under fire."""

import time
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Literal

from aiops import topics
from aiops.events import Fact, TopologyObserved
from aiops.ids import derive
from aiops.ports import Event, Message
from local.chaos.damage import Damage
from local.chaos.faults import Act, calls
from local.chaos.feed import Feed
from local.chaos.monkey import Monkey, Reach
from local.chaos.outcome import Outcome, read_logs
from local.chaos.people import commands
from local.chaos.resting import Resting, Unsettled
from local.chaos.result import Result
from local.chaos.stage import INSTANCES, Setting, Stage
from local.chaos.waiting import DOMAIN
from local.chaos.workload import SOURCE, SPEED, Workload

CALM_HASTE = 8.0
"""In peace the pace is of no interest, and sending is over sooner."""

_STEP_SECONDS = 0.02
_LOOK_SECONDS = 0.3

Say = Callable[[str, "Run"], None]


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
        self.stage = stage
        self._workload = workload
        self._say = say
        self._phase, self._since, self._looked = "", time.monotonic(), 0.0
        self._resting = Resting(stage, patience, self._let_pass)
        self.feed = Feed(stage.kafka.bootstrap, stage.clock, 1.0 if wild else CALM_HASTE)
        self.monkey: Monkey | None = None
        if wild:
            minutes = sum(act.length for act in stage.setting.timeline.acts) / 60_000 / SPEED
            reach = Reach(stage.pipeline.processes, stage.servers, stage.links, stage.receiver)
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
        except Unsettled as problem:
            self.result.unsettled = f"{self._phase}: {problem}"
            self._enter("reading what there is")
            self._calm()
        try:
            self._read()
        finally:
            self._enter("")
            self._resting.close()
            self.feed.close()
        return self.result

    def _phases(self) -> Iterator[str]:
        yield "topology"
        self._send(TopologyObserved(domain=DOMAIN, calls=calls(), observed_at=1), DOMAIN, 1)
        self._resting.charted()
        if self.monkey is not None:
            self.monkey.start()
        times = self.stage.setting.timeline
        first, second = times.acts
        yield from self._act(first)
        yield "resolved"
        self.stage.clock.run(*times.resolved(first))
        self._resting.resolved()
        yield "reopened"
        self._order(second.start, "reopen")
        yield from self._act(second)
        if monkey := self.monkey:
            yield "last outages"
            self._resting.until("outages", lambda: monkey.outages_left)
        yield "resolved again"
        self.stage.clock.run(*times.resolved(second))
        self._resting.resolved()
        yield "quiet"
        self._calm()
        self.stage.clock.run(time.time_ns() // 1_000_000, 1 << 53)
        self._resting.acted()

    def _act(self, act: Act) -> Iterator[str]:
        times = self.stage.setting.timeline
        yield f"input {times.acts.index(act) + 1}"
        self.feed.start(self._workload.slices(act))
        while self.feed.running:
            self._let_pass()
        yield "drained"
        self.stage.clock.run(*times.drained(act))
        self._resting.correlated()
        self.result.outcome.unpublished += self._resting.unpublished()
        yield "told"
        self.stage.clock.run(*times.told(act))
        self._resting.told()
        self._order(times.told(act)[0], "acknowledge")

    def _order(self, now: int, command: Literal["acknowledge", "reopen"]) -> None:
        found = self._resting.stored()
        for order in commands(found.members, found.redirects, found.incidents, command, now):
            self._send(order, order.incident, now)
        self._resting.drained(topics.CONTROL)
        self._resting.published()

    def _let_pass(self) -> None:
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
        self._resting.read(outcome)
        read_logs(outcome, stage.pipeline.folder / "logs")
        outcome.messages, outcome.refusals = stage.receiver.messages, stage.receiver.refusals
        outcome.left = self._resting.left()
        result.delivery = stage.pipeline.counts
        result.links = dict(chain.from_iterable(x.counts().items() for x in stage.links))
        result.redelivered = dict(stage.redelivery.counts)
        result.events, result.samples = self.feed.events, self.feed.samples
        result.input_seconds = self.feed.seconds
        result.instances = dict(INSTANCES)
        result.servers = stage.redis.description, stage.kafka.description


def play(setting: Setting, workload: Workload, *, wild: bool, patience: float, say: Say) -> Result:
    """Bring everything up, run, and take everything down again.

    Raises:
        Misconfigured: an object, a func.yaml or a setting is wrong.
        Unavailable: a server or a function does not start, or stops answering.
    """
    with Stage(setting) as stage:
        return Run(stage, workload, wild=wild, patience=patience, say=say).play()
