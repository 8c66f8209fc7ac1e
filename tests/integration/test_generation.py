"""A topic processed again from its beginning, under another generation of the state."""

import json
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import redis
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from aiops.adapters.cloudevent import encode
from aiops.batching import Reading, batches
from aiops.events import SeriesHead
from aiops.series import SeriesMap
from local.receiver import Receiver
from local.servers.apache_kafka import apache_kafka
from local.servers.kafka import ExternalKafka, embedded_kafka
from local.servers.redis import ExternalRedis, debian_redis, embedded_redis
from local.up import ROOT, Options, Pipeline

CONFIG = "correlate: {group_wait: 0}\n"
SILENT = CONFIG + "act: {channels: []}\n"
SERVICES = ("cart", "search", "stock")
MINUTES = 150


@dataclass
class Place:
    """Servers that outlive a pipeline."""

    redis: ExternalRedis
    kafka: ExternalKafka
    folder: Path
    receiver: Receiver

    def objects(self, group: str) -> Path:
        """Return the objects with another consumer group for `metrics`, which begins anew."""
        folder = self.folder / f"objects-{group}"
        shutil.copytree(ROOT / "knative" / "base", folder)
        source = folder / "kafkasource.yaml"
        text = source.read_text(encoding="utf-8")
        assert "consumerGroup: aiops-detect-metrics\n" in text
        source.write_text(
            text.replace("consumerGroup: aiops-detect-metrics\n", f"consumerGroup: {group}\n"),
            encoding="utf-8",
        )
        return folder

    @contextmanager
    def pipeline(self, generation: str, config: str) -> Iterator[Pipeline]:
        folder = self.folder / f"run-{generation}"
        folder.mkdir()
        (folder / "aiops.yaml").write_text(config, encoding="utf-8")
        environ = {
            "AIOPS_CONFIG": str(folder),
            "AIOPS_GENERATION": generation,
            **self.receiver.environment,
        }
        manifests = self.objects(f"metrics-{generation or 'first'}")
        with Pipeline(
            Options(manifests, redis=self.redis, kafka=self.kafka, environ=environ, folder=folder)
        ) as pipeline:
            yield pipeline

    def state(self, prefix: bytes) -> dict[bytes, bytes | None]:
        """Return every key of a generation and what it holds, serialised."""
        with redis.Redis.from_url(self.redis.url) as client:
            keys = [key for key in client.scan_iter(count=1_000) if key.startswith(prefix)]
            return {key: client.dump(key) for key in keys}


@pytest.fixture(
    params=["embedded", pytest.param("real", marks=[pytest.mark.redis, pytest.mark.kafka])]
)
def place(
    request: pytest.FixtureRequest, tmp_path: Path, note_server: Callable[[str], None]
) -> Iterator[Place]:
    real = request.param == "real"
    store = (debian_redis if real else embedded_redis)()
    broker = apache_kafka() if real else embedded_kafka()
    with ExitStack() as stack:
        for server in (store, broker):
            stack.callback(server.stop)
            server.start(tmp_path / type(server).__name__)
            server.wait_ready()
            note_server(server.description)
        receiver = stack.enter_context(Receiver())
        yield Place(ExternalRedis(store.url), ExternalKafka(broker.bootstrap), tmp_path, receiver)


def feed(bootstrap: str) -> None:
    """Produce hours of noise that end in a spike for each service."""
    now = time.time_ns() // 60_000_000_000 * 60_000
    noise = np.random.default_rng(1).normal(10.0, 1.0, (MINUTES, len(SERVICES)))
    noise[-8:] += 90.0
    readings = [
        Reading(
            SeriesHead(metric="latency_milliseconds", labels={"service": service}),
            now - (MINUTES - minute) * 60_000,
            float(noise[minute, column]),
        )
        for minute in range(MINUTES)
        for column, service in enumerate(SERVICES)
    ]
    producer = KafkaProducer(bootstrap_servers=bootstrap)
    for message in batches(readings, SeriesMap(), "/test", now):
        key, value, headers = encode(message)
        producer.send(message.topic, value, key, headers)
    producer.flush(timeout=10)
    producer.close()


class Reader:
    """What was published so far, in the order of its partitions."""

    def __init__(self, bootstrap: str) -> None:
        self._consumer = KafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest")
        self._consumer.assign(
            [TopicPartition(topic, p) for topic in ("anomalies", "incidents") for p in range(6)]
        )
        self.anomalies: list[dict] = []
        self.incidents: list[dict] = []

    def until(
        self,
        satisfied: Callable[[], bool],
        seconds: float = 180,
        counts: Callable[[], object] = lambda: "",
    ) -> None:
        deadline = time.monotonic() + seconds
        while not satisfied():
            found = f"{len(self.anomalies)} anomalies, {len(self.incidents)} incidents"
            assert time.monotonic() < deadline, f"not in time: {found} {counts()}"
            self.look()

    def settle(self, pipeline: Pipeline, seconds: float = 3.0) -> None:
        """Return once nothing has happened anywhere for a while."""
        before, since = None, time.monotonic()
        while time.monotonic() < since + seconds:
            self.look()
            now = (pipeline.counts, len(self.anomalies), len(self.incidents))
            if now != before:
                before, since = now, time.monotonic()

    def look(self) -> None:
        for records in self._consumer.poll(200).values():
            for record in records:
                fact = json.loads(record.value)
                if record.topic == "anomalies":
                    self.anomalies += fact.get("anomalies", ())
                else:
                    self.incidents.append(fact)

    def close(self) -> None:
        self._consumer.close()


def by_id(some: list[dict]) -> dict[str, dict]:
    return {one["id"]: one for one in some}


def test_another_generation_finds_the_same_again_and_leaves_the_old_state_alone(
    place: Place,
) -> None:
    with place.pipeline("", CONFIG) as pipeline:
        reader = Reader(place.kafka.bootstrap)
        feed(place.kafka.bootstrap)
        reader.until(lambda: {a["service"] for a in reader.anomalies} == set(SERVICES))
        reader.until(lambda: any(i["notified_at"] for i in reader.incidents))
        reader.until(lambda: bool(place.receiver.messages))
        reader.settle(pipeline)
    first, told = list(reader.anomalies), len(place.receiver.messages)
    incidents = {incident["id"] for incident in reader.incidents}
    old = place.state(b"aiops:{")
    assert len(by_id(first)) == len(first) >= len(SERVICES)
    assert any(b"{d:" in key for key in old)

    with place.pipeline("g2", SILENT) as pipeline:
        reader.until(
            lambda: len(reader.anomalies) >= 2 * len(first), counts=lambda: pipeline.counts
        )
        reader.until(lambda: len(place.state(b"aiops:g2:{c:")) > 0)
        reader.settle(pipeline)
    again = reader.anomalies[len(first) :]
    assert by_id(again) == by_id(first)
    assert len(again) == len(first)
    assert {incident["id"] for incident in reader.incidents} == incidents
    assert len(place.receiver.messages) == told, "nobody is told of it a second time"
    assert place.state(b"aiops:{") == old
    series = {key.replace(b"aiops:g2:", b"aiops:") for key in place.state(b"aiops:g2:{d:")}
    assert series == {key for key in old if b"{d:" in key}
    reader.close()
