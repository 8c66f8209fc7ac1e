"""One recording, written as different sources would write it: detection must find the same in all.

`python -m bench.same_day RECORDING` sends it through `detect` as our own batches in order, as OTLP
JSON, and as the JSON of prometheus-kafka-adapter in records of a few samples without a key, which
come shuffled; the last with `reorder_window`.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import orjson

from aiops import topics
from aiops.adapters.cloudevent import iso
from aiops.adapters.memory_broker import MemoryPublisher
from aiops.clock import ManualClock
from aiops.events import Samples, WorkDue
from aiops.open_windows import SUBJECT
from aiops.ports import Event
from functions.detect.sources import PLAIN_RECORD
from local.event_time import EventTime
from local.in_process import counting, detecting
from local.recording import Recording, read_recording

WINDOW_SECONDS = 120
BATCH = 500
FEW = 20
HOUR_MS = 3_600_000
MONTH_MS = 30 * 24 * HOUR_MS

Sample = tuple[int, int, float]
"""Place of the series, unix milliseconds, value."""


@dataclass(frozen=True, slots=True)
class Found:
    """What detection made of one way of writing.

    Attributes:
        anomalies: Content by id.
        accepted: Samples that were scored.
    """

    anomalies: dict[str, dict[str, Any]]
    accepted: int


def main() -> None:
    """Compare, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recording", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    recording = read_recording(options.recording)
    every = compared(recording, options.seed)
    native = every["native"]
    told = {
        name: {
            "samples": one.accepted,
            "anomalies": len(one.anomalies),
            "other than native": len(different(native, one)),
        }
        for name, one in every.items()
    }
    print(json.dumps(told, indent=1))


def compared(recording: Recording, seed: int) -> dict[str, Found]:
    """Return what is found of a recording in each way of writing it."""
    samples = list(_believed(recording))
    rule = {"default": {"reorder_window": WINDOW_SECONDS}}
    return {
        "native": _detected({}, _native(recording, samples)),
        "otlp_json": _detected({}, _otlp(recording, samples)),
        "prometheus_kafka_adapter, shuffled": _detected(
            {"detect": rule}, _shuffled(recording, samples, Random(seed))
        ),
    }


def _believed(recording: Recording) -> Iterator[Sample]:
    """Yield the samples whose time a replay believes, in its order; the first of each time.

    Those of clocks that run ahead by months are left out: what waits then is too old at once.
    """
    seen: set[tuple[int, int]] = set()
    latest = int(np.median(recording.time)) + MONTH_MS
    for scrape in EventTime().scrapes(recording.series, recording.time):
        for row in scrape.rows.tolist():
            place, time = int(recording.series[row]), int(recording.time[row])
            value = float(recording.value[row])
            if np.isfinite(value) and time < latest and (place, time) not in seen:
                seen.add((place, time))
                yield place, time, value


def different(one: Found, other: Found) -> set[str]:
    """Return the ids of anomalies that are not the same in both."""
    ids = set(one.anomalies) | set(other.anomalies)
    return {name for name in ids if one.anomalies.get(name) != other.anomalies.get(name)}


def _detected(config: dict[str, Any], events: Iterator[Event]) -> Found:
    publisher, clock = MemoryPublisher(), ManualClock()
    handler = counting(detecting(config, clock, publisher))
    found: dict[str, dict[str, Any]] = {}
    accepted = 0

    def deliver(event: Event) -> None:
        nonlocal accepted
        clock.ms = max(clock.ms, event.time)
        accepted += handler(event)["accepted"]
        for message in publisher.take(topics.METRICS):
            accepted += handler(message.event)["accepted"]
        for message in publisher.take(topics.ANOMALIES):
            for one in orjson.loads(message.event.data)["anomalies"]:
                found[one["id"]] = one

    for event in events:
        deliver(event)
    for _ in range(3):
        clock.ms += HOUR_MS
        due = WorkDue(stage="detect", now=clock.ms)
        data = due.model_dump_json().encode()
        deliver(Event(f"tick-{clock.ms}", "/bench", due.type, clock.ms, data, SUBJECT))
    return Found(found, accepted)


def _native(recording: Recording, samples: Sequence[Sample]) -> Iterator[Event]:
    for number, part in enumerate(_batches(samples)):
        places = {place: n for n, place in enumerate(dict.fromkeys(one[0] for one in part))}
        data = {
            "series": [recording.heads[place].model_dump() for place in places],
            "samples": [(places[place], time, value) for place, time, value in part],
        }
        yield Event(f"native-{number}", "/bench", Samples.type, part[-1][1], orjson.dumps(data))


def _otlp(recording: Recording, samples: Sequence[Sample]) -> Iterator[Event]:
    for number, part in enumerate(_batches(samples)):
        metrics: dict[str, list[dict[str, Any]]] = {}
        for place, time, value in part:
            head = recording.heads[place]
            labels = [
                {"key": name, "value": {"stringValue": text}} for name, text in head.labels.items()
            ]
            point = {"timeUnixNano": f"{time}000000", "asDouble": value, "attributes": labels}
            metrics.setdefault(head.metric, []).append(point)
        listed = [{"name": n, "gauge": {"dataPoints": points}} for n, points in metrics.items()]
        data = orjson.dumps({"resourceMetrics": [{"scopeMetrics": [{"metrics": listed}]}]})
        yield _record("otlp", number, part[-1][1], data)


def _shuffled(recording: Recording, samples: Sequence[Sample], random: Random) -> Iterator[Event]:
    """Yield records of a few samples, none after one that is later by the window or more."""
    latest = WINDOW_SECONDS * 1000 - 1
    order = sorted(samples, key=lambda one: one[1] + random.uniform(0, latest))
    at = number = 0
    newest = 0
    while at < len(order):
        part = order[at : at + random.randint(1, FEW)]
        at += len(part)
        number += 1
        newest = max(newest, *(one[1] for one in part))
        written = b"\n".join(_adapted(recording, one) for one in part)
        yield _record("adapter", number, newest, written)


def _adapted(recording: Recording, sample: Sample) -> bytes:
    place, time, value = sample
    head = recording.heads[place]
    labels = {"__name__": head.metric, **head.labels}
    return orjson.dumps(
        {"timestamp": iso(time), "value": repr(value), "name": head.metric, "labels": labels}
    )


def _record(name: str, number: int, time: int, data: bytes) -> Event:
    source = "/apis/v1/namespaces/aiops/kafkasources/metrics-to-detect#metrics"
    return Event(f"{name}-{number}", source, PLAIN_RECORD, time, data)


def _batches(samples: Sequence[Sample]) -> Iterator[Sequence[Sample]]:
    """Yield samples of one time each, at most 500 at once."""
    start = 0
    for at in range(1, len(samples) + 1):
        whole = at == len(samples) or samples[at][1] != samples[start][1]
        if whole or at - start >= BATCH:
            yield samples[start:at]
            start = at


if __name__ == "__main__":
    main()
