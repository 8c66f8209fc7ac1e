"""Recordings through the functions in event time: a day in seconds, the same outcome each time."""

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson

from aiops.events import Call, ChangeObserved, Incident, Samples
from aiops.ids import derive
from aiops.ports import Event
from functions.detect.sources import PLAIN_RECORD
from local.event_time import EventTime, Scrape
from local.in_process import InProcess
from local.recording import Recording
from local.told import Told

MAX_SAMPLES = 500


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a replay came to.

    Attributes:
        dropped: Samples not believed, by reason.
        began: Event time at which the last recording began, unix milliseconds.
        ended: Event time at the end.
        seconds: Real ones that it took.
    """

    incidents: tuple[Incident, ...]
    samples: int
    anomalies: int
    dropped: Mapping[str, int]
    began: int
    ended: int
    seconds: float


def replay(
    recordings: Sequence[Recording],
    config: Mapping[str, Any],
    calls: Sequence[Call],
    speed: float | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> Replayed:
    """Replay recordings in the order given.

    Args:
        recordings: At least one; earlier ones are history for the last.
        config: Sections of the configuration.
        calls: Who calls whom; where empty, what the last recording says.
        speed: How much faster than it was recorded; None for as fast as it goes.
        progress: Told the number of samples after each batch.
    """
    pipeline = InProcess.of(config, calls or recordings[-1].calls)
    return replay_through(pipeline, recordings, speed, progress)


def replay_through(
    pipeline: InProcess,
    recordings: Sequence[Recording],
    speed: float | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> Replayed:
    """Replay recordings in the order given through a pipeline of one's own; see `replay`."""
    started = time.perf_counter()
    believed = EventTime()
    pace = _Pace(speed)
    began = 0
    for number, recording in enumerate(recordings):
        changes = deque(sorted(recording.changes, key=lambda change: change.observed_at))
        told = deque(_records(recording, number))
        first = True
        for scrape in believed.scrapes(recording.series, recording.time):
            began, first = (scrape.time if first else began), False
            pace.wait(scrape.time)
            _changes_until(changes, scrape.time, pipeline)
            while told and told[0].time <= scrape.time:
                pipeline.record(told.popleft())
            for event in _events(recording, scrape, number):
                pipeline.samples(event)
            pipeline.tick()
            progress(len(scrape.rows))
    counts = pipeline.counts
    dropped = {r: n for r, n in sorted(counts.items()) if r not in {"accepted", "anomalies"} and n}
    return Replayed(
        incidents=tuple(sorted(pipeline.incidents.values(), key=lambda i: (i.opened_at, i.id))),
        samples=sum(len(recording.time) for recording in recordings),
        anomalies=counts["anomalies"],
        dropped=dropped,
        began=began,
        ended=pipeline.clock.ms,
        seconds=time.perf_counter() - started,
    )


def _changes_until(changes: deque[ChangeObserved], now: int, pipeline: InProcess) -> None:
    while changes and changes[0].observed_at <= now:
        pipeline.change(changes.popleft())


def _records(recording: Recording, number: int) -> Iterator[Event]:
    """Yield what was logged and traced, up to 500 lines of a minute in a record."""
    parts: list[list[Told]] = []
    for one in sorted(recording.told, key=lambda one: (one.topic, one.time)):
        last = parts[-1][-1] if parts else None
        same = last is not None and (last.topic, last.time // 60_000) == (
            one.topic,
            one.time // 60_000,
        )
        if not same or len(parts[-1]) >= MAX_SAMPLES:
            parts.append([])
        parts[-1].append(one)
    for place, part in enumerate(sorted(parts, key=lambda part: part[-1].time)):
        yield Event(
            id=f"partition:{number}/offset:{place}",
            source=f"/aiops/replay/{recording.folder.name}#{part[0].topic}",
            type=PLAIN_RECORD,
            time=part[-1].time,
            data=b"\n".join(one.data for one in part),
        )


def _events(recording: Recording, scrape: Scrape, number: int) -> Iterator[Event]:
    """Yield one scrape as events of at most 500 samples."""
    for start in range(0, len(scrape.rows), MAX_SAMPLES):
        rows = scrape.rows[start : start + MAX_SAMPLES]
        used, place = np.unique(recording.series[rows], return_inverse=True)
        heads = [recording.heads[one].model_dump() for one in used]
        values = (v if np.isfinite(v) else None for v in recording.value[rows].tolist())
        table = zip(place.tolist(), recording.time[rows].tolist(), values, strict=True)
        # An empty value is a gap: NaN, which orjson has no word for.
        data = orjson.dumps({"series": heads, "samples": list(table)}).replace(b",null]", b",NaN]")
        yield Event(
            id=derive("recorded", number, int(rows[0]), int(rows[-1])),
            source=f"/aiops/replay/{recording.folder.name}",
            type=Samples.type,
            time=scrape.time,
            data=data,
        )


class _Pace:
    """Holds event time back to a multiple of real time."""

    def __init__(self, speed: float | None) -> None:
        self._speed = speed
        self._origin: tuple[float, int] | None = None

    def wait(self, now: int) -> None:
        if self._speed is None:
            return
        real, event = self._origin = self._origin or (time.monotonic(), now)
        behind = (now - event) / 1000 / self._speed - (time.monotonic() - real)
        if behind > 0:
            time.sleep(behind)
