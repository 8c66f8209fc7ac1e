"""Requests for models through real servers and processes, one of which dies in the middle."""

import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import numpy as np
import pytest
import redis
import requests
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from aiops.adapters.cloudevent import encode
from aiops.adapters.keys import Keys
from aiops.adapters.redis_history import RedisHistory
from aiops.adapters.redis_models import RedisModels
from aiops.adapters.redis_training import RedisTrainingQueue
from aiops.artefact import Artefact
from aiops.batching import Reading, batches
from aiops.clock import SystemClock
from aiops.events import (
    AnomaliesDetected,
    Anomaly,
    ModelFitted,
    SeriesHead,
    TrainingRequested,
    WorkDue,
)
from aiops.history import History
from aiops.ids import derive
from aiops.ports import Event, Message
from aiops.series import SeriesMap
from aiops.training import ModelStatus
from local.func_file import load_functions
from local.servers.kafka import embedded_kafka
from local.servers.redis import embedded_redis
from local.up import Options, Pipeline
from tests.waiting import until

HEAD = SeriesHead(metric="requests_per_second", labels={"service": "cart"})
SERIES = SeriesMap().read(HEAD)
DAY_MS = 24 * 3_600_000
CONFIG = """
train: {seconds: 45, luminaire_seconds: 45, slack: 1}
detect: {default: {detector: prophet}}
"""


def seasonal(now: int) -> History:
    at = np.arange(now - 14 * DAY_MS, now, 300_000)
    noise = np.random.default_rng(1).normal(0, 2, len(at))
    return History(at, 100 + 20 * np.sin(2 * np.pi * at / DAY_MS) + noise)


def request(now: int) -> Message:
    fact = TrainingRequested(
        series=SERIES.key, head=HEAD, detector="auto", reason="history", requested_at=now
    )
    data = fact.model_dump_json().encode()
    event = Event(derive("t", now), "/t", fact.type, now, data, subject=SERIES.key)
    return Message("control", SERIES.key, event)


class World:
    """The pipeline with two instances of `train`, and what a test looks at."""

    def __init__(self, pipeline: Pipeline, client: redis.Redis) -> None:
        self.pipeline, self.client = pipeline, client
        self.clock = SystemClock()
        self.keys = Keys()
        self.models = RedisModels(client, self.keys, self.clock)
        self.queue = RedisTrainingQueue(client, self.keys)
        self.trainers = pipeline.processes["aiops-train"]

    def ask(self) -> int:
        now = self.clock.now()
        RedisHistory(self.client, self.keys).backfill(SERIES.shard, SERIES.key, seasonal(now))
        key, value, headers = encode(request(now))
        with closing(KafkaProducer(bootstrap_servers=self.pipeline.kafka.bootstrap)) as producer:
            producer.send("control", value, key, headers).get(timeout=10)
        return now

    def status(self) -> ModelStatus | None:
        return self.models.status(SERIES.key)

    def claimed(self) -> bool:
        claim = self.client.hget(self.keys.training()[1], SERIES.key)
        return claim is not None and not claim.endswith(b":")

    def wake(self, url: str) -> None:
        """Do what the clock does each minute."""
        due = WorkDue(stage="train", now=self.clock.now())
        headers = {
            "ce-specversion": "1.0",
            "ce-id": str(due.now),
            "ce-source": "/t",
            "ce-type": due.type,
            "content-type": "application/json",
        }
        requests.post(url, data=due.model_dump_json(), headers=headers, timeout=60)

    def fitted(self) -> list[ModelFitted]:
        """Return what was published of models."""
        where = self.pipeline.kafka.bootstrap
        found = []
        with closing(
            KafkaConsumer(bootstrap_servers=where, auto_offset_reset="earliest")
        ) as consumer:
            consumer.assign([TopicPartition("control", n) for n in range(3)])
            deadline = time.monotonic() + 3
            while time.monotonic() < deadline:
                for records in consumer.poll(timeout_ms=300).values():
                    found += [
                        ModelFitted.model_validate_json(record.value)
                        for record in records
                        if dict(record.headers).get("ce_type") == ModelFitted.type.encode()
                    ]
        return found


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    (tmp_path / "aiops.yaml").write_text(CONFIG, encoding="utf-8")
    folder = load_functions(Path(__file__).parents[2] / "functions")
    assert any(func.name == "aiops-train" for func in folder.values())
    options = Options(
        redis=embedded_redis(),
        kafka=embedded_kafka(),
        environ={"AIOPS_CONFIG": str(tmp_path)},
        instances={"aiops-train": 2},
        folder=tmp_path,
    )
    with Pipeline(options) as pipeline, redis.Redis.from_url(pipeline.redis.url) as client:
        yield World(pipeline, client)


def workers_of(pid: int | None) -> list[int]:
    """Return the processes below one that fit."""
    found, open_processes = [], [pid]
    while open_processes:
        one = open_processes.pop()
        with suppress(OSError):
            for listed in Path(f"/proc/{one}/task").glob("*/children"):
                open_processes += [int(child) for child in listed.read_text().split()]
            if b"functions.train.worker" in Path(f"/proc/{one}/cmdline").read_bytes():
                found.append(int(one))
    return found


def ended(pid: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    return True


def samples(history: History) -> list[Message]:
    readings = [
        Reading(HEAD, at, value)
        for at, value in zip(history.time.tolist(), history.value.tolist(), strict=True)
    ]
    return [
        message
        for start in range(0, len(readings), 500)
        for message in batches(
            readings[start : start + 500],
            SeriesMap(),
            "/t",
            readings[min(start + 499, len(readings) - 1)].time,
        )
    ]


@pytest.mark.slow
def test_a_series_that_reaches_its_history_is_soon_judged_by_its_own_model(world: World) -> None:
    """From samples to a request, a model, and an anomaly that only the model can know of."""
    now = world.clock.now()
    past = seasonal(now - 600_000)
    with closing(KafkaProducer(bootstrap_servers=world.pipeline.kafka.bootstrap)) as producer:
        for message in samples(past):
            key, value, headers = encode(message)
            producer.send("metrics", value, key, headers).get(timeout=10)

        def modelled() -> bool:
            status = world.status()
            return status is not None and status.state == "active"

        until(modelled, 180)
        status = world.status()
        assert status is not None
        assert status.detector == "prophet", status.reason
        time.sleep(2.0)
        night = History(np.array([world.clock.now()]), np.array([160.0]))
        (message,) = samples(night)
        key, value, headers = encode(message)
        producer.send("metrics", value, key, headers).get(timeout=10)
    found: list[Anomaly] = []
    where = world.pipeline.kafka.bootstrap
    with closing(KafkaConsumer(bootstrap_servers=where, auto_offset_reset="earliest")) as consumer:
        consumer.assign([TopicPartition("anomalies", n) for n in range(6)])

        def by_the_model() -> bool:
            for records in consumer.poll(timeout_ms=300).values():
                for record in records:
                    if dict(record.headers)["ce_type"].decode() != AnomaliesDetected.type:
                        continue
                    fact = AnomaliesDetected.model_validate_json(record.value)
                    found.extend(one for one in fact.anomalies if one.detector == "prophet")
            return bool(found)

        until(by_the_model, 30)
    (anomaly,) = found
    assert anomaly.value == 160.0
    assert anomaly.lower < anomaly.expected < anomaly.upper < 160.0


@pytest.mark.slow
def test_a_request_becomes_a_model_that_is_stored_and_told_of_though_train_dies_meanwhile(
    world: World,
) -> None:
    asked = world.ask()
    until(world.claimed, 30)
    until(lambda: any(workers_of(one.pid) for one in world.trainers), 10)
    (victim,) = [one for one in world.trainers if workers_of(one.pid)]
    orphans = workers_of(victim.pid)
    victim.kill()
    assert world.status() is None, "it was too fast to be killed in the middle"
    until(lambda: all(ended(orphan) for orphan in orphans), 10)
    assert world.client.hlen(world.keys.training()[0]) == 1
    world.pipeline.restart_ended()
    (survivor,) = [one for one in world.trainers if one is not victim]
    world.wake(survivor.url)
    assert world.status() is None, "the lease of the one that died was not kept"

    def served() -> bool:
        world.wake(survivor.url)
        time.sleep(0.5)
        return world.status() is not None

    until(served, 120)
    status = world.status()
    assert status is not None
    assert (status.state, status.detector) == ("active", "prophet"), status.reason
    (packed,) = world.models.fetch([(SERIES.shard, SERIES.key, status.made_at)])
    assert packed is not None
    artefact = Artefact.unpack(packed)
    assert artefact.made_at == status.made_at > asked
    until(lambda: world.client.hlen(world.keys.training()[0]) == 0, 10)
    (told,) = world.fitted()
    assert (told.series, told.made_at) == (SERIES.key, status.made_at)
    time.sleep(1.0)
    assert {name: count.dead_lettered for name, count in world.pipeline.counts.items()} == (
        dict.fromkeys(world.pipeline.counts, 0)
    )
