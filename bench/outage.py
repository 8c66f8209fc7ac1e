"""Retries shorter than an outage: what goes to the dead letters, and what a redrive brings back."""

import json
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from aiops.adapters.cloudevent import encode
from aiops.batching import Reading, batches
from aiops.events import SeriesHead
from aiops.series import SeriesMap
from local.dead_letters.letter import Letter, Mark
from local.dead_letters.plan import plan
from local.dead_letters.routes import routes_of
from local.dead_letters.topic import DeadLetters
from local.functions import ROOT
from local.servers.kafka import embedded_kafka
from local.servers.redis import OwnRedis, embedded_redis
from local.up import Options, Pipeline

SAMPLES = 60
PATIENCE = 60.0
SOURCE = "KafkaSource metrics-to-detect"
_RETRIES = ("retry: 5", "backoffDelay: PT0.5S"), ("retry: 2", "backoffDelay: PT0.1S")


@dataclass(frozen=True, slots=True)
class Recovery:
    """What became of samples sent while Redis was away for longer than the retries last.

    Attributes:
        sent: Samples, each of which makes an anomaly.
        dead_lettered: Events that were given up.
        found_without: Anomalies before the redrive.
        redriven: Events published again.
        found_with: Distinct anomalies after it.
        published: Anomalies after it, repeats included.
    """

    sent: int
    dead_lettered: int
    found_without: int
    redriven: int
    found_with: int
    published: int


def outlasted() -> Recovery:
    """Take Redis away for longer than the retries last, and bring back what that took."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "aiops.yaml").write_text(
            "detect: {default: {detector: static, params: {upper: 0}}}", encoding="utf-8"
        )
        server = embedded_redis("always")
        wanted = Options(
            manifests=_impatient(folder),
            redis=server,
            kafka=embedded_kafka(),
            environ={"AIOPS_CONFIG": str(folder)},
            folder=folder / "run",
        )
        with Pipeline(wanted) as pipeline:
            return _measure(pipeline, server)


def _measure(pipeline: Pipeline, server: OwnRedis) -> Recovery:
    out = _Anomalies(pipeline.kafka.bootstrap)
    _feed(pipeline.kafka.bootstrap, SAMPLES, before=server.kill)
    _until(lambda: pipeline.counts[SOURCE].dead_lettered >= SAMPLES)
    server.start(pipeline.folder / "redis")
    server.wait_ready()
    without = len(out.look())
    letters = DeadLetters(pipeline.kafka.bootstrap)
    known = [each for each in letters.read() if not isinstance(each, Mark)]
    decided = plan(known, routes_of(pipeline.manifests), force=False)
    redriven = letters.redrive(decided.tickets)
    letters.close()
    _until(lambda: len(set(out.look())) >= SAMPLES)
    time.sleep(1)
    found = out.look()
    out.close()
    buried = sum(isinstance(each, Letter) for each in known)
    return Recovery(SAMPLES, buried, without, redriven, len(set(found)), len(found))


def _impatient(folder: Path) -> Path:
    """Return the objects with retries that end within a second."""
    objects = folder / "objects"
    shutil.copytree(ROOT / "knative" / "base", objects)
    source = objects / "kafkasource.yaml"
    text = source.read_text(encoding="utf-8")
    for long, short in zip(*_RETRIES, strict=True):
        if long not in text:
            raise ValueError(f"{source}: no {long}")
        text = text.replace(long, short)
    source.write_text(text, encoding="utf-8")
    return objects


def _feed(bootstrap: str, count: int, before: Callable[[], None]) -> None:
    """Produce samples of as many series, an event each."""
    producer = KafkaProducer(bootstrap_servers=bootstrap)
    before()
    now = time.time_ns() // 1_000_000
    for number in range(count):
        head = SeriesHead(metric="latency_milliseconds", labels={"service": f"s{number}"})
        for message in batches([Reading(head, now, 1.0)], SeriesMap(), "/bench", now):
            key, value, headers = encode(message)
            producer.send(message.topic, value, key, headers)
    producer.flush(timeout=10)
    producer.close()


class _Anomalies:
    """The ids of all anomalies published so far."""

    def __init__(self, bootstrap: str) -> None:
        self._consumer = KafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest")
        self._consumer.assign([TopicPartition("anomalies", partition) for partition in range(6)])
        self._found: list[str] = []

    def look(self) -> list[str]:
        for records in self._consumer.poll(300).values():
            for record in records:
                self._found += (one["id"] for one in json.loads(record.value)["anomalies"])
        return self._found

    def close(self) -> None:
        self._consumer.close()


def _until(satisfied: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not satisfied():
        if time.monotonic() > deadline:
            raise TimeoutError("not in time")
        time.sleep(0.05)
