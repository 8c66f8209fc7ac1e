"""The outside of a running pipeline: background samples, probes, and when their incidents come out.

Run as a process of its own, `python -m bench.probing BOOTSTRAP`, so that it takes no turns with
the delivery of the pipeline; prints one JSON object. Every probe is a sample, over a fixed limit,
of a service of its own; it is sent at a random moment. The clock runs from before it is handed to
the producer until a consumer has the first incident that names the service and its root cause.
"""

import json
import random
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.consumer.fetcher import ConsumerRecord

from aiops import topics
from aiops.adapters.cloudevent import encode
from aiops.batching import Reading, batches
from aiops.clock import SystemClock
from aiops.events import AnomaliesDetected, Incident, SeriesHead, WorkDue
from aiops.ports import Message
from aiops.series import SeriesMap
from bench.workload import Sweeps, groups

METRIC = "probe_ratio"
"""Judged by a fixed limit of 100; see `CONFIG` of `bench.end_to_end`."""

BACKGROUND_GROUPS = 10
"""Of 500 series, each of which sends once a second: 5 000 samples a second."""

WARM_SECONDS = 12.0
WARM_PROBES = 20
PROBES = 240
MEAN_PAUSE_SECONDS = 0.2
_PATIENCE_SECONDS = 20.0
Record = tuple[str, bytes, bytes, list[tuple[str, bytes]]]


@dataclass(slots=True)
class Watch:
    """Reads anomalies and incidents from now on, and notes when a probe is first seen in each."""

    bootstrap: str
    anomaly: dict[str, float] = field(default_factory=dict)
    incident: dict[str, float] = field(default_factory=dict)
    stopping: threading.Event = field(default_factory=threading.Event)
    _consumer: KafkaConsumer = field(init=False)

    def __post_init__(self) -> None:
        """Stand at the end of both topics."""
        self._consumer = KafkaConsumer(
            bootstrap_servers=self.bootstrap.split(","), enable_auto_commit=False
        )
        found = [
            TopicPartition(topic, partition)
            for topic in (topics.ANOMALIES, topics.INCIDENTS)
            for partition in self._consumer.partitions_for_topic(topic) or ()
        ]
        self._consumer.assign(found)
        self._consumer.seek_to_end()
        for partition in found:
            self._consumer.position(partition)

    def run(self) -> None:
        """Read until told to stop."""
        while not self.stopping.is_set():
            for records in self._consumer.poll(timeout_ms=50).values():
                now = time.perf_counter()
                for record in records:
                    self._take(record, now)
        self._consumer.close()

    def _take(self, record: ConsumerRecord, now: float) -> None:
        if record.topic == topics.ANOMALIES:
            if dict(record.headers).get("ce_type", b"").decode() == WorkDue.type:
                return
            for anomaly in AnomaliesDetected.model_validate_json(record.value).anomalies:
                if anomaly.metric == METRIC:
                    self.anomaly.setdefault(anomaly.service, now)
            return
        incident = Incident.model_validate_json(record.value)
        for suspect in incident.root_cause[:1]:
            self.incident.setdefault(suspect.service, now)


def main() -> None:
    """Probe a pipeline."""
    bootstrap = sys.argv[1]
    producer = KafkaProducer(bootstrap_servers=bootstrap.split(","))
    watch = Watch(bootstrap)
    reader = threading.Thread(target=watch.run, daemon=True)
    reader.start()
    background = _background(int(WARM_SECONDS + PROBES * MEAN_PAUSE_SECONDS) + 10)
    began = time.perf_counter()
    sent = _send(producer, background)
    deadline = time.perf_counter() + _PATIENCE_SECONDS
    while sent.keys() - watch.incident.keys() and time.perf_counter() < deadline:
        time.sleep(0.05)
    watch.stopping.set()
    reader.join(5)
    print(json.dumps({
        "seconds": time.perf_counter() - began,
        "missing": sorted(sent.keys() - watch.incident.keys()),
        "sample_to_anomaly": _taken(sent, watch.anomaly),
        "anomaly_to_incident": _taken(watch.anomaly, watch.incident),
        "sample_to_incident": _taken(sent, watch.incident),
    }))  # fmt: skip


def _send(producer: KafkaProducer, background: Iterator[tuple[float, Record]]) -> dict[str, float]:
    """Send the background and, once warm, the probes; return when each of these was sent."""
    chance = random.Random(1)
    due, record = next(background)
    for number in range(WARM_PROBES):
        _publish(producer, _probe(f"warm-{number}"))
    sent: dict[str, float] = {}
    next_probe = due + WARM_SECONDS
    while len(sent) < PROBES:
        now = _time()
        if now >= due:
            _publish(producer, record)
            due, record = next(background)
        elif now >= next_probe:
            name = f"probe-{len(sent)}"
            encoded = _probe(name)
            sent[name] = time.perf_counter()
            _publish(producer, encoded)
            next_probe = now + chance.uniform(0.0, 2.0 * MEAN_PAUSE_SECONDS)
        else:
            time.sleep(min(0.002, max(0.0, min(due, next_probe) - now)))
    producer.flush(timeout=10)
    return sent


def _publish(producer: KafkaProducer, record: Record) -> None:
    topic, key, value, headers = record
    producer.send(topic, value, key, headers)


def _background(seconds: int) -> Iterator[tuple[float, Record]]:
    """Return records with the time at which each is due, evenly spread; all are encoded by now.

    The first is due once encoding, at most 8 ms a record, is over.
    """
    sweeps = Sweeps(groups(BACKGROUND_GROUPS), 0)
    start = _time() + seconds * BACKGROUND_GROUPS * 0.008
    encoded = []
    for second in range(seconds):
        sweeps.now = int((start + second) * 1000)
        for place, message in enumerate(sweeps.messages()):
            encoded.append((start + second + place / BACKGROUND_GROUPS, _record(message)))
    time.sleep(max(0.0, start - _time()))
    return iter(encoded)


def _probe(service: str) -> Record:
    now = SystemClock().now()
    head = SeriesHead(metric=METRIC, labels={"service": service})
    (message,) = batches([Reading(head, now, 500.0)], SeriesMap(), "/bench", now)
    return _record(message)


def _record(message: Message) -> Record:
    key, value, headers = encode(message)
    return message.topic, key, value, headers


def _time() -> float:
    return SystemClock().now() / 1000


def _taken(begin: dict[str, float], end: dict[str, float]) -> list[float]:
    return [end[name] - began for name, began in begin.items() if name in end and "probe" in name]


if __name__ == "__main__":
    main()
