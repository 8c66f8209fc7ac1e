"""`detect` over its twins in memory, fed by hand: what it finds, and what it asks for."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import orjson

from aiops import topics
from aiops.adapters.memory_admissions import MemoryAdmissions
from aiops.adapters.memory_broker import MemoryPublisher
from aiops.adapters.memory_changes import MemoryChanges
from aiops.adapters.memory_models import MemoryModels
from aiops.adapters.memory_series import MemorySeriesStore
from aiops.adapters.memory_verdicts import MemoryVerdicts
from aiops.artefact import Artefact
from aiops.clock import ManualClock
from aiops.events import (
    Anomaly,
    Fact,
    FeedbackGiven,
    ModelFitted,
    Samples,
    SeriesHead,
    TrainingRequested,
)
from aiops.ports import Counts, Event
from aiops.series import SeriesMap
from functions.detect.caps import Caps
from functions.detect.config import DetectConfig
from functions.detect.features.forming import formed
from functions.detect.handler import DetectHandler
from functions.detect.histograms import bundled
from functions.detect.reading import SampleReader
from functions.detect.record import HEADER
from functions.detect.scoring import Scorer
from functions.detect.together import joined

START = 1_767_225_600_000
MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
NAMES = SeriesMap()
HEAD = SeriesHead(metric="requests", labels={"service": "shop"})


@dataclass(slots=True)
class Detecting:
    """A `detect` with everything it needs; it can be put together again over the same stores."""

    config: DetectConfig
    store: MemorySeriesStore = field(default_factory=MemorySeriesStore)
    models: MemoryModels = field(default_factory=MemoryModels)
    verdicts: MemoryVerdicts = field(default_factory=MemoryVerdicts)
    changes: MemoryChanges = field(default_factory=MemoryChanges)
    admissions: MemoryAdmissions = field(default_factory=MemoryAdmissions)
    publisher: MemoryPublisher = field(default_factory=MemoryPublisher)
    clock: ManualClock = field(default_factory=lambda: ManualClock(START))
    handler: DetectHandler = field(init=False)
    _number: int = 0

    def __post_init__(self) -> None:
        self.begin_again()

    def begin_again(self, config: DetectConfig | None = None) -> None:
        """Let another process take over, perhaps with another configuration."""
        self.config = config or self.config
        reader = SampleReader(
            NAMES, self.config.rule_for, partial(bundled, config=self.config),
            partial(joined, names=NAMES, config=self.config),
            partial(formed, names=NAMES, config=self.config),
        )  # fmt: skip
        self.handler = DetectHandler(
            self.store, self.publisher, self.clock, reader, self.config,
            Scorer(self.config, "test"), "test", self.models, self.verdicts, self.changes,
            Caps(self.config, self.admissions),
        )  # fmt: skip

    def feed(
        self, points: Iterable[tuple[int, float]], head: SeriesHead = HEAD, size: int = 1
    ) -> list[Anomaly]:
        """Deliver points, so many an event, and return the anomalies found."""
        waiting = list(points)
        for at in range(0, len(waiting), size):
            part = waiting[at : at + size]
            rows = tuple((0, time, float(value)) for time, value in part)
            self.tell(Samples(series=(head,), samples=rows), part[-1][0])
        return self.found()

    def tell(self, fact: Fact, time: int) -> Counts:
        """Deliver an event."""
        self._number += 1
        self.clock.ms = max(self.clock.ms, time)
        data = fact.model_dump_json().encode()
        return self.handler(Event(str(self._number), "test", fact.type, time, data))

    def found(self) -> list[Anomaly]:
        """Take what was published of anomalies."""
        return [
            Anomaly.model_validate_json(orjson.dumps(one))
            for message in self.publisher.take(topics.ANOMALIES)
            for one in orjson.loads(message.event.data)["anomalies"]
        ]

    def asked(self) -> list[TrainingRequested]:
        """Take what was published of requests."""
        taken = self.publisher.take(topics.CONTROL)
        return [TrainingRequested.model_validate_json(one.event.data) for one in taken]

    def fit(self, artefact: Artefact, head: SeriesHead = HEAD) -> Counts:
        """Store a model and say so."""
        series = NAMES.read(head)
        self.models.put(series.shard, series.key, artefact.made_at, artefact.until, artefact.pack())
        fact = ModelFitted(series=series.key, made_at=artefact.made_at, until=artefact.until)
        return self.tell(fact, artefact.made_at)

    def say(self, anomaly: Anomaly, verdict: str, at: int) -> Counts:
        """Give a verdict."""
        return self.tell(feedback(anomaly, verdict, at), at)

    def header(self, head: SeriesHead = HEAD) -> np.void:
        series = NAMES.read(head)
        record = self.store.records[series.shard, series.key]
        return np.frombuffer(record[: HEADER.itemsize], HEADER)[0]


def feedback(anomaly: Anomaly, verdict: str, at: int) -> FeedbackGiven:
    return FeedbackGiven(
        anomaly=anomaly.id,
        series=anomaly.series,
        time=anomaly.time,
        detector=anomaly.detector,
        evidence=anomaly.evidence,
        verdict=verdict,
        given_by="someone",
        given_at=at,
    )


def band(
    made_at: int, hours: int = 24, level: float = 100.0, half: float = 10.0, head: SeriesHead = HEAD
) -> Artefact:
    """Return a flat band from an hour before it was made."""
    start = made_at - HOUR
    grid = np.full(12 * (hours + 1) + 1, level, np.float32)
    return Artefact(
        series=NAMES.read(head).key,
        kind="band",
        detector="prophet",
        made_at=made_at,
        until=made_at + hours * HOUR,
        params={"start": start, "step": 5 * MINUTE},
        arrays={"expected": grid, "lower": grid - half, "upper": grid + half},
    )


def minutes(start: int, values: Iterable[float]) -> list[tuple[int, float]]:
    return [(start + MINUTE * at, float(value)) for at, value in enumerate(values)]


def noise(count: int, level: float = 100.0, spread: float = 2.0, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(level, spread, count)
