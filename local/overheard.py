"""What went over the topics of a running installation, as a recording to be replayed. Pure."""

from collections import Counter
from dataclasses import dataclass, field

import orjson

from aiops import topics
from aiops.adapters.memory_call_sightings import MemoryCallSightings
from aiops.adapters.memory_span_pairs import MemorySpanPairs
from aiops.batching import Reading
from aiops.call_table import calls_of
from aiops.errors import Rejected
from aiops.events import ChangeObserved, Samples, SeriesHead, TopologyObserved
from aiops.ports import Counts, Event
from aiops.series import SeriesMap
from functions.detect.config import DetectConfig
from functions.detect.intake import Intake
from functions.detect.reading import SampleReader
from functions.detect.signals.logs.signal import LogSignal
from functions.detect.signals.origin import service_of
from functions.detect.signals.traces.signal import TraceSignal
from functions.detect.signals.traces.span import KINDS
from functions.detect.sources import PLAIN_RECORD
from functions.detect.windows.tally import Tally
from local.delivery.cloudevent import Record, carried
from local.recorder import Recorder
from local.told import Told

TOPICS = (topics.METRICS, topics.LOGS, topics.TRACES, topics.CONTROL)
OURS = "/aiops/detect/"
"""Sources of what `detect` made of other records; a replay makes it again."""


@dataclass(slots=True)
class Overheard:
    """Takes records of topics, each as the functions would read it.

    Attributes:
        config: How records are read.
        names: How series are read.
        recorder: Holds samples, calls and changes.
        told: Lines of logs and spans, whatever format they came in.
        dropped: What could not be taken, by reason.
    """

    config: DetectConfig
    names: SeriesMap
    recorder: Recorder = field(default_factory=Recorder)
    told: list[Told] = field(default_factory=list)
    dropped: Counts = field(default_factory=Counter)
    _counters: dict[str, tuple[int, float]] = field(default_factory=dict)

    def take(self, record: Record) -> None:
        """Take a record; what nobody could read is counted."""
        event = event_of(record)
        try:
            if record.topic == topics.CONTROL:
                self._control(event)
            elif event.source.startswith(OURS):
                return
            elif record.topic == topics.LOGS:
                self._lines(event)
            elif record.topic == topics.TRACES:
                self._spans(event)
            elif event.type in {Samples.type, PLAIN_RECORD}:
                self._samples(event)
        except (Rejected, ValueError):
            self.dropped[f"unreadable_{record.topic}"] += 1

    def _control(self, event: Event) -> None:
        if event.type == ChangeObserved.type:
            self.recorder.changes[event.id] = ChangeObserved.model_validate_json(event.data)
        elif event.type == TopologyObserved.type:
            self.recorder.calls = calls_of(TopologyObserved.model_validate_json(event.data))

    def _samples(self, event: Event) -> None:
        columns, dropped = Intake(self.config).read(
            event, SampleReader(self.names, self.config.rule_for)
        )
        self.dropped.update(dropped)
        heads = columns.heads
        readings = zip(
            columns.head.tolist(), columns.time.tolist(), columns.value.tolist(), strict=True
        )
        for head, time, value in readings:
            place = int(heads.place[head]) if 0 <= head < len(heads.place) else -1
            if place < 0:
                self.dropped["unknown_series"] += 1
                continue
            series = columns.named(place)
            known = SeriesHead(metric=series.metric, labels=dict(series.labels))
            told: float | None = value
            if heads.counter[place]:
                told = self._rate(series.key, time, value)
            if told is not None:
                self.recorder.take([Reading(known, time, told)])

    def _rate(self, key: str, time: int, value: float) -> float | None:
        """Return what a counter grew by a second; None at its first value and where it began anew.

        A recording knows no counters.
        """
        before = self._counters.get(key)
        if before is not None and time <= before[0]:
            return None
        self._counters[key] = time, value
        if before is None or value < before[1]:
            return None
        return (value - before[1]) * 1000 / (time - before[0])

    def _lines(self, event: Event) -> None:
        tally = Tally()
        signal = LogSignal(self.config.logs, self.names, self.config.topics)
        for one in signal.records(event, tally):
            time = event.time if one.time is None else one.time
            line = {
                "time": time, "service": service_of(one.labels, self.names), "level": one.level,
                "message": one.text, "error.type": one.error, "trace_id": one.trace,
            }  # fmt: skip
            told = orjson.dumps({name: value for name, value in line.items() if value})
            self.told.append(Told(time, topics.LOGS, told))
        self.dropped.update(tally.dropped)

    def _spans(self, event: Event) -> None:
        tally = Tally()
        signal = TraceSignal(
            self.config.traces, self.names, self.config.topics,
            MemorySpanPairs(), MemoryCallSightings(),
        )  # fmt: skip
        for one in signal.spans(event, tally):
            attributes = {
                "service.name": service_of(one.labels, self.names),
                **({} if not one.store else {"db.system": one.store, "peer.service": one.store}),
            }
            listed = [
                {"key": name, "value": {"stringValue": text}} for name, text in attributes.items()
            ]
            end = one.end * 1_000_000
            span = {
                "traceId": one.trace, "spanId": one.id, "parentSpanId": one.parent,
                "name": one.operation, "kind": KINDS.index(one.kind),
                "startTimeUnixNano": str(end - round(one.seconds * 1e9)),
                "endTimeUnixNano": str(end), "status": {"code": 2 if one.failed else 0},
                "attributes": listed[1:],
            }  # fmt: skip
            resource = {"attributes": listed[:1]}
            data = {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": [span]}]}]}
            self.told.append(Told(one.end, topics.TRACES, orjson.dumps(data)))
        self.dropped.update(tally.dropped)


def event_of(record: Record) -> Event:
    """Return the event that a record is delivered as."""
    found = carried(record)
    data = record.value or b""
    if found is None:
        source = f"/apis/v1/namespaces/aiops/kafkasources/recorded#{record.topic}"
        name = f"partition:{record.partition}/offset:{record.offset}"
        return Event(name, source, PLAIN_RECORD, record.timestamp, data)
    told = found.attributes
    return Event(
        told.get("id", ""), told.get("source", ""), told.get("type", ""), record.timestamp,
        found.data or b"",
    )  # fmt: skip
