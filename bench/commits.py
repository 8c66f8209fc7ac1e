"""Commits of `detect` at full speed, and how many of those it answered for are gone afterwards."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import orjson

from aiops.adapters.redis_client import connect
from aiops.adapters.redis_replicas import replicated
from aiops.clock import SystemClock
from aiops.errors import Unavailable
from aiops.events import Samples, SeriesHead
from aiops.ports import Event, Handler
from aiops.series import Series, SeriesMap
from aiops.settings import Settings
from functions.detect.wiring import build

START = 1_767_225_600_000
START_SECONDS = 30.0
GROUPS = 64
SERIES = 25
"""In a group: the series of one event, all in one shard, so that an event is one commit."""

EVENTS = GROUPS * 90
"""No series gets so many samples that it could be judged, so nothing is to be published."""


@dataclass(frozen=True, slots=True)
class Loss:
    """What a crash took of what had been answered for.

    Attributes:
        acknowledged: Events answered for before the crash.
        lost: Of those, events whose samples are gone.
        milliseconds: How long before the crash the first of them had been answered for.
        seconds: How long was written.
    """

    acknowledged: int
    lost: int
    milliseconds: float
    seconds: float


def handler_on(url: str, replicas: int = 0) -> Handler:
    """Return the handler of `detect` as it is deployed, over one Redis and no broker."""
    settings = Settings(url, "127.0.0.1:1", "default", "", SystemClock(), {})
    return replicated(build(settings), connect(url), replicas)


def events() -> Iterator[Event]:
    """Yield the same events each time: group after group, minute after minute."""
    groups = _groups()
    values = np.random.default_rng(1).normal(100.0, 5.0, (EVENTS, SERIES)).round(3).tolist()
    for number in range(EVENTS):
        minute, group = divmod(number, GROUPS)
        now = START + 60_000 * minute
        samples = [(place, now, value) for place, value in enumerate(values[number])]
        data = b'{"series":' + groups[group] + b',"samples":' + orjson.dumps(samples) + b"}"
        yield Event(f"{number}", "/bench", Samples.type, now, data)


@dataclass(slots=True)
class Writer:
    """Hands events to the handler, one after the other, until it is stopped or Redis is gone.

    An event that is not answered for is handed over again, as delivery would.
    """

    handler: Handler
    events: list[Event]
    answered: list[float] = field(default_factory=list)
    _writing: threading.Event = field(default_factory=threading.Event)
    _stopping: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to write, in a thread; return once the first event was answered for.

        Raises:
            TimeoutError: none is answered for in time.
        """
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        if not self._writing.wait(START_SECONDS):
            raise TimeoutError("no event is answered for")

    def stop(self) -> None:
        """Write nothing more."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(30)

    def loss(self, survivor: Handler, crashed: float) -> Loss:
        """Hand over again all that was answered for: what is taken now had been lost.

        Raises:
            AssertionError: only a part of an event was there, so a commit was torn.
        """
        lost = [
            number
            for number, event in enumerate(self.events[: len(self.answered)])
            if self._was_lost(survivor, event)
        ]
        since = (crashed - self.answered[lost[0]]) * 1000 if lost else 0.0
        seconds = self.answered[-1] - self.answered[0]
        return Loss(len(self.answered), len(lost), max(0.0, since), seconds)

    def _run(self) -> None:
        for event in self.events:
            while not self._stopping.is_set():
                try:
                    self.handler(event)
                except Unavailable:
                    time.sleep(0.01)
                    continue
                self.answered.append(time.monotonic())
                self._writing.set()
                break

    @staticmethod
    def _was_lost(survivor: Handler, event: Event) -> bool:
        taken = survivor(event)["accepted"]
        if taken not in {0, SERIES}:
            raise AssertionError(f"a torn commit: {taken} of {SERIES} samples were lost")
        return taken > 0


def _groups() -> list[bytes]:
    """Return the series of each group as JSON, all of a group in one shard."""
    names = SeriesMap()
    shards: dict[int, list[dict[str, object]]] = {}
    full: list[bytes] = []
    number = 0
    while len(full) < GROUPS:
        number += 1
        head = SeriesHead(
            metric="requests_per_second", labels={"service": f"s{number % 50}", "pod": f"{number}"}
        )
        series = names.read(head)
        if not isinstance(series, Series):
            raise TypeError(series)
        mine = shards.setdefault(series.shard, [])
        mine.append(head.model_dump())
        if len(mine) == SERIES:
            full.append(orjson.dumps(mine))
            shards[series.shard] = []
    return full
