"""Lines of logs over real processes: from the topic to an incident, and to counts by the minute."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests
from kafka import KafkaConsumer, KafkaProducer

from aiops.adapters.cloudevent import iso
from aiops.events import Incident, Samples
from functions.collect.handler import TICK
from local.receiver import Receiver
from local.up import Pipeline
from tests.running import running
from tests.waiting import until

CONFIG = """
correlate: {group_wait: 0}
detect: {windows: {learn_for: 0, idle: 5, grace: 0}}
"""
READS = {"metrics": 12, "incidents": 6, "aiops-dlq": 3}
REAL = [pytest.mark.redis, pytest.mark.kafka]


@dataclass(slots=True)
class World:
    """A pipeline, and what it published."""

    pipeline: Pipeline
    producer: KafkaProducer
    consumer: KafkaConsumer
    read: dict[str, list[bytes]] = field(default_factory=lambda: {name: [] for name in READS})

    def records(self, topic: str) -> list[bytes]:
        for found in self.consumer.poll(200).values():
            for record in found:
                self.read[record.topic].append(record.value)
        return self.read[topic]

    def incidents(self) -> list[Incident]:
        return [Incident.model_validate_json(one) for one in self.records("incidents")]

    def counted(self) -> dict[tuple[str, str, str], float]:
        """Let the clock tick; return the largest count of each series."""
        now = time.time_ns() // 1_000_000
        headers = {
            "ce-specversion": "1.0", "ce-id": str(now), "ce-source": "/test", "ce-type": TICK,
            "ce-time": iso(now),
        }  # fmt: skip
        url = self.pipeline.urls["aiops-collect"][0]
        requests.post(url, headers=headers, data=b"", timeout=30).raise_for_status()
        found: dict[tuple[str, str, str], float] = {}
        for one in self.records("metrics"):
            if b'"series"' in one:
                fact = Samples.model_validate_json(one)
                for place, _, value in fact.samples:
                    head = fact.series[place]
                    name = (head.metric, head.labels["service"], head.labels.get("level", ""))
                    found[name] = max(value, found.get(name, 0.0))
        return found


@pytest.fixture(params=["embedded", pytest.param("real", marks=REAL)])
def world(
    request: pytest.FixtureRequest, tmp_path: Path, note_server: Callable[[str], None]
) -> Iterator[World]:
    with (
        Receiver() as receiver,
        running(
            request.param, tmp_path, CONFIG, note_server, environ=receiver.environment,
            backoff_speed=4.0, reads=READS,
        ) as it,
    ):  # fmt: skip
        yield World(it.pipeline, it.producer, it.consumer)


def test_lines_become_an_incident_at_once_and_counts_when_their_minute_is_over(
    world: World,
) -> None:
    now = time.time_ns() // 1_000_000
    lines = [
        {"time": now, "service": "cart", "level": level, "message": f"no stock for {n}: disk full"}
        for level, count in (("info", 20), ("error", 7))
        for n in range(count)
    ]
    lines.append({"time": now, "service": "cart", "level": "fatal", "message": "giving up"})
    world.producer.send("logs", "\n".join(map(json.dumps, lines)).encode())
    world.producer.send("logs", b"\x00 no log")
    world.producer.flush(timeout=10)
    until(lambda: any(one.anomalies == 2 and one.notified_at for one in world.incidents()))
    told = [one for one in world.incidents() if one.anomalies == 2][-1]
    assert told.services == ("cart",)
    said = {one.peak.reason for one in told.evidence}
    assert said == {
        "its logs have a new error: no stock for 0: disk full",
        "its logs have a new error: giving up",
    }
    # The tick lets a minute pass once the service has been silent for five seconds.
    until(lambda: world.counted().get(("log_errors", "cart", "")) == 8.0, 120)
    assert world.counted()["log_lines", "cart", "info"] == 20.0
    until(lambda: len(world.records("aiops-dlq")) == 1)
