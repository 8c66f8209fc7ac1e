"""`detect` and `correlate` over their twins in memory: one process, in event time, no servers."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from aiops import topics
from aiops.adapters.memory_admissions import MemoryAdmissions
from aiops.adapters.memory_broker import MemoryPublisher
from aiops.adapters.memory_call_sightings import MemoryCallSightings
from aiops.adapters.memory_changes import MemoryChanges
from aiops.adapters.memory_incidents import MemoryIncidents
from aiops.adapters.memory_models import MemoryModels
from aiops.adapters.memory_open_windows import MemoryOpenWindows
from aiops.adapters.memory_series import MemorySeriesStore
from aiops.adapters.memory_span_pairs import MemorySpanPairs
from aiops.adapters.memory_verdicts import MemoryVerdicts
from aiops.call_table import charted
from aiops.clock import Clock, ManualClock
from aiops.events import AnomaliesDetected, Call, ChangeObserved, Fact, Incident, WorkDue
from aiops.ids import derive
from aiops.open_windows import SUBJECT
from aiops.ports import Counts, Event, Handler, Publisher
from aiops.series import SeriesMap
from aiops.settings import read_section
from functions.correlate.assembly import assemble
from functions.correlate.config import CorrelateConfig
from functions.detect.caps import Caps
from functions.detect.config import DetectConfig
from functions.detect.features.forming import formed
from functions.detect.handler import DetectHandler
from functions.detect.histograms import bundled
from functions.detect.reading import SampleReader
from functions.detect.reordering.holding import Holding
from functions.detect.scoring import Scorer
from functions.detect.signals.logs.signal import LogSignal
from functions.detect.signals.traces.signal import TraceSignal
from functions.detect.telemetry import TelemetryHandler
from functions.detect.together import joined
from functions.detect.windows.handler import WindowHandler
from functions.detect.windows.telling import Telling

DOMAIN = "default"
TICK_MS = 60_000
FOUND = frozenset(("counted", "new_errors"))
"""Words for what became of records, and not for what was dropped of them."""


@dataclass(slots=True)
class InProcess:
    """The pipeline without anything between its functions.

    Attributes:
        counts: What happened to samples, by word.
        incidents: The latest snapshot of each incident.
    """

    detect: Handler
    correlate: Handler
    clock: ManualClock
    publisher: MemoryPublisher
    counts: Counts = field(default_factory=Counter)
    incidents: dict[str, Incident] = field(default_factory=dict)
    _ticked: int = 0

    @classmethod
    def of(cls, config: Mapping[str, Any], calls: Sequence[Call] = ()) -> "InProcess":
        """Put the functions together from the sections of a configuration.

        Raises:
            Misconfigured: a section is wrong.
        """
        clock, publisher = ManualClock(), MemoryPublisher()
        detect = counting(detecting(config, clock, publisher))
        correlate = assemble(
            DOMAIN,
            MemoryIncidents(),
            publisher,
            clock,
            read_section(config, "correlate", CorrelateConfig),
            charted(calls),
        )
        return cls(detect, correlate, clock, publisher)

    def samples(self, event: Event) -> None:
        """Deliver samples, and everything that follows from them."""
        self.clock.ms = max(self.clock.ms, event.time)
        self.counts.update(self.detect(event))
        self._settle()

    def record(self, event: Event) -> None:
        """Deliver a record of logs or traces, and everything that follows from it."""
        self.clock.ms = max(self.clock.ms, event.time)
        counts = self.detect(event)
        self.counts.update({name: n for name, n in counts.items() if name not in FOUND})
        self._settle()

    def change(self, change: ChangeObserved) -> None:
        """Deliver a change."""
        self.detect(_event(change, change.observed_at))
        self.correlate(_event(change, change.observed_at))
        self._settle()

    def tick(self) -> None:
        """Let the clock do its work, if a minute has passed since it last did."""
        now = self.clock.ms
        if now - self._ticked >= TICK_MS:
            self._ticked = now
            due = WorkDue(stage="detect", now=now)
            self.detect(replace(_event(due, now), subject=SUBJECT))
            self._settle()
            self.correlate(_event(WorkDue(stage="correlate", now=now, processed_until=now), now))
            self._settle()

    def _settle(self) -> None:
        for message in self.publisher.take(topics.METRICS):
            self.counts.update(self.detect(message.event))
        for message in self.publisher.take(topics.ANOMALIES):
            if message.event.type == AnomaliesDetected.type:
                self.correlate(message.event)
        for message in self.publisher.take(topics.INCIDENTS):
            snapshot = Incident.model_validate_json(message.event.data)
            known = self.incidents.get(snapshot.id)
            if known is None or snapshot.version > known.version:
                self.incidents[snapshot.id] = snapshot


def detecting(config: Mapping[str, Any], clock: Clock, publisher: Publisher) -> DetectHandler:
    """Return `detect` over its twins in memory.

    Raises:
        Misconfigured: a section is wrong.
    """
    judged = read_section(config, "detect", DetectConfig)
    names = read_section(config, "series", SeriesMap)
    return DetectHandler(
        store=MemorySeriesStore(),
        publisher=publisher,
        clock=clock,
        reader=SampleReader(
            names,
            judged.rule_for,
            partial(bundled, config=judged),
            partial(joined, names=names, config=judged),
            partial(formed, names=names, config=judged),
        ),
        config=judged,
        scorer=Scorer(judged, DOMAIN),
        domain=DOMAIN,
        models=MemoryModels(),
        verdicts=MemoryVerdicts(),
        changes=MemoryChanges(),
        caps=Caps(judged, MemoryAdmissions()),
        holding=Holding(judged, MemorySeriesStore(), MemoryOpenWindows(), publisher, clock)
        if any(rule.reorder_window for rule in judged.every)
        else None,
    )


def counting(detect: DetectHandler) -> TelemetryHandler:
    """Return `detect` with what it takes to count logs, traces and Events, in memory as well."""
    config, names = detect.config, detect.reader.names
    windows = WindowHandler(
        store=MemorySeriesStore(),
        index=MemoryOpenWindows(),
        publisher=detect.publisher,
        clock=detect.clock,
        telling=Telling(names, detect.domain),
        config=config.windows,
        max_future=int(config.max_future * 1000),
    )
    logs = LogSignal(config.logs, names, config.topics)
    pairs, calls = MemorySpanPairs(config.traces.max_halves), MemoryCallSightings()
    traces = TraceSignal(config.traces, names, config.topics, pairs, calls)
    return TelemetryHandler(detect, windows, {"logs": logs, "traces": traces})


def _event(fact: Fact, now: int) -> Event:
    data = fact.model_dump_json().encode()
    return Event(
        id=derive("local", fact.type, now, data.decode()),
        source="/aiops/local",
        type=fact.type,
        time=now,
        data=data,
    )
