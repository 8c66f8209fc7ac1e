"""A small world for `detect`: a detector that remembers everything, and what ought to come out."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from random import Random

import numpy as np
import orjson

from aiops import topics
from aiops.adapters.memory_admissions import MemoryAdmissions
from aiops.adapters.memory_broker import MemoryPublisher
from aiops.adapters.memory_changes import MemoryChanges
from aiops.adapters.memory_models import MemoryModels
from aiops.adapters.memory_series import MemorySeriesStore
from aiops.adapters.memory_verdicts import MemoryVerdicts
from aiops.clock import ManualClock
from aiops.detection import FloatArray, Scores, StateArray, TimeArray
from aiops.events import Samples, SeriesHead, WorkDue
from aiops.ports import Event
from aiops.series import SeriesMap
from functions.detect import judge, scoring
from functions.detect.caps import Caps
from functions.detect.config import CANARY, DetectConfig, Rule
from functions.detect.handler import DetectHandler
from functions.detect.reading import SampleReader
from functions.detect.record import HEADER

START = 1_700_000_000_000
NAMES = SeriesMap()


class Remembering:
    """Its evidence and its expectation depend on every value it was ever given, in order."""

    dtype = np.dtype([("sum", "<f8"), ("seen", "<i8")])
    alarm_line = 1.0
    min_history = 0

    def score(self, state: StateArray, time: TimeArray, value: FloatArray) -> Scores:
        state["sum"] = state["sum"] * 3 % 1_000_003 + value
        state["seen"] += 1
        evidence = np.where((state["sum"].astype(np.int64) + state["seen"]) % 3 == 0, 2.0, 0.0)
        expected = state["sum"].copy()
        return Scores(evidence, expected, expected, expected, lambda i: f"sum {expected[i]}")


@dataclass(frozen=True, slots=True)
class Point:
    """One sample."""

    series: int
    time: int
    value: float


@dataclass(slots=True)
class LoggingStore(MemorySeriesStore):
    """Remembers what each successful write accepted, oldest first."""

    accepted: defaultdict[str, list[int]] = field(default_factory=lambda: defaultdict(list))

    def commit(self, writes, now):
        counts = {w.key: self._count(self.records.get((w.shard, w.key))) for w in writes}
        refused = MemorySeriesStore.commit(self, writes, now)
        for place, write in enumerate(writes):
            if place not in refused:
                header = np.frombuffer(write.span[: HEADER.itemsize], HEADER)[0]
                new = int(header["count"]) - counts[write.key]
                self.accepted[write.key] += [int(t) for t in header["recent"][:new][::-1]]
        return refused

    @staticmethod
    def _count(record):
        return (
            0
            if record is None
            else int(np.frombuffer(record[: HEADER.itemsize], HEADER)[0]["count"])
        )


def head(series: int) -> SeriesHead:
    return SeriesHead(metric="requests", labels={"service": f"s{series}"})


def shard(series: int) -> int:
    return NAMES.read(head(series)).shard


def event(points: Sequence[Point], number: int) -> Event:
    """Return the points as one samples event."""
    used = sorted({point.series for point in points})
    data = {
        "series": [head(one).model_dump() for one in used],
        "samples": [[used.index(p.series), p.time, p.value] for p in points],
    }
    return Event(str(number), "test", Samples.type, START + 3_600_000, orjson.dumps(data))


def make(
    store, publisher, clock=None, models=None, verdicts=None, detector="remembering"
) -> DetectHandler:
    """Return a handler that judges every series with `Remembering`, if no model does."""
    config = DetectConfig(default=Rule(detector=detector))
    original = judge.load

    def load(package, name, what):
        return original(package, name, what) if name == CANARY.detector else Remembering

    judge.load = load
    try:
        scorer = scoring.Scorer(config, "test")
    finally:
        judge.load = original
    reader = SampleReader(NAMES, config.rule_for)
    return DetectHandler(
        store, publisher, clock or ManualClock(START), reader, config, scorer, "test",
        models or MemoryModels(), verdicts or MemoryVerdicts(), MemoryChanges(),
        Caps(config, MemoryAdmissions()),
    )  # fmt: skip


def drain(store, publisher) -> None:
    """Let the clock wake the function, long after everything."""
    due = WorkDue(stage="detect", now=START + 9_000_000)
    late = make(store, publisher, ManualClock(START + 9_000_000))
    late(Event("tick", "test", WorkDue.type, due.now, due.model_dump_json().encode(), "0"))


def published(publisher: MemoryPublisher) -> dict[str, dict]:
    """Return the anomalies published, by id; a repeat must say the same."""
    found: dict[str, dict] = {}
    for message in publisher.topics[topics.ANOMALIES]:
        for anomaly in orjson.loads(message.event.data)["anomalies"]:
            assert found.setdefault(anomaly["id"], anomaly) == anomaly
    return found


def expected(points: Iterable[Point]) -> tuple[dict[str, dict], dict]:
    """Return the anomalies and records of one instance that is given all points at once."""
    store, publisher = MemorySeriesStore(), MemoryPublisher()
    make(store, publisher)(event(sorted(points, key=lambda p: (p.series, p.time)), 0))
    return published(publisher), dict(store.records)


def walk(random: Random, series: int, length: int) -> list[Point]:
    """Return points of some series, each series' own in order, mixed at random."""
    waiting = {
        one: [Point(one, START + 60_000 * (k + 1), random.randint(0, 50)) for k in range(length)]
        for one in range(series)
    }
    points = []
    while any(waiting.values()):
        one = random.choice([key for key, left in waiting.items() if left])
        points.append(waiting[one].pop(0))
    return points


def cut(random: Random, points: Sequence[Point], most: int) -> list[list[Point]]:
    """Cut points into batches of random sizes."""
    batches, at = [], 0
    while at < len(points):
        size = random.randint(1, most)
        batches.append(list(points[at : at + size]))
        at += size
    return batches
