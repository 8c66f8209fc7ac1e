"""What a cluster says of itself, over real processes: from its Events to an incident."""

import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import orjson
import pytest
from kafka import KafkaConsumer, KafkaProducer

from aiops.adapters.cloudevent import encode, iso
from aiops.events import AnomaliesDetected, Anomaly, ChangeObserved, Incident
from aiops.ports import Event, Message
from local.receiver import Receiver
from tests.running import running
from tests.waiting import until

CONFIG = "correlate: {group_wait: 0}"
READS = {"anomalies": 6, "incidents": 6, "control": 3, "aiops-dlq": 3}
MINUTE = 60_000
POD = "cart-7d9c4b5f66-x2k4z"
REAL = [pytest.mark.redis, pytest.mark.kafka]


@dataclass(slots=True)
class World:
    """A pipeline, what is said in its cluster, and what comes of it."""

    producer: KafkaProducer
    consumer: KafkaConsumer
    begin: int = field(default_factory=lambda: time.time_ns() // 1_000_000)
    read: dict[str, list[bytes]] = field(default_factory=lambda: {name: [] for name in READS})

    def say(
        self, about: str, reason: str, message: str, minutes_ago: float, count: int = 1
    ) -> None:
        """Send an Event as ApiServerSource does, through the KafkaSink, without a key."""
        kind, _, name = about.partition("/")
        happened = self.begin - int(minutes_ago * MINUTE)
        content = {
            "apiVersion": "v1", "kind": "Event",
            "metadata": {"name": f"{name}.17a3", "namespace": "shop", "uid": str(uuid.uuid4())},
            "involvedObject": {"kind": kind, "namespace": "shop", "name": name},
            "reason": reason, "message": message, "count": count, "type": "Warning",
            "firstTimestamp": iso(happened), "lastTimestamp": iso(happened), "eventTime": None,
        }  # fmt: skip
        event = Event(
            str(uuid.uuid4()), "https://10.96.0.1:443", "dev.knative.apiserver.resource.add",
            self.begin, orjson.dumps(content), f"/apis/v1/namespaces/shop/events/{name}.17a3",
            {"apiversion": "v1", "kind": "Event", "name": f"{name}.17a3", "namespace": "shop"},
        )  # fmt: skip
        _, value, headers = encode(Message("events", "", event))
        keyless = [(key, text) for key, text in headers if key != "ce_partitionkey"]
        self.producer.send("events", value, None, keyless)

    def records(self, topic: str) -> list[bytes]:
        for found in self.consumer.poll(100).values():
            for record in found:
                self.read[record.topic].append(record.value)
        return self.read[topic]

    def incidents(self) -> list[Incident]:
        return [Incident.model_validate_json(one) for one in self.records("incidents")]

    def anomalies(self) -> list[Anomaly]:
        facts = map(AnomaliesDetected.model_validate_json, self.records("anomalies"))
        return [anomaly for fact in facts for anomaly in fact.anomalies]

    def changes(self) -> list[ChangeObserved]:
        return [
            ChangeObserved.model_validate_json(one)
            for one in self.records("control")
            if b'"observed_at"' in one and b'"kind"' in one
        ]


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
        yield World(it.producer, it.consumer)


def test_a_rollout_and_the_kill_after_it_are_one_incident_that_names_the_rollout(
    world: World,
) -> None:
    for age in range(60):
        world.say(f"Pod/old-{age}", "OOMKilling", "Memory cgroup out of memory", 30 + age)
    world.say("Deployment/cart", "ScalingReplicaSet",
              "Scaled up replica set cart-7d9c4b5f66 from 0 to 1", 6)  # fmt: skip
    world.say("Deployment/cart", "ScalingReplicaSet",
              "Scaled down replica set cart-6d5f8b9c7d from 3 to 2", 5.5)  # fmt: skip
    world.producer.flush(timeout=10)
    until(lambda: len(world.changes()) == 2)
    world.say(f"Pod/{POD}", "ContainerTerminated", "server: OOMKilled, exit code 137", 2)
    world.say(f"Pod/{POD}", "BackOff", "Back-off restarting failed container server", 1, 3)
    world.producer.flush(timeout=10)
    until(lambda: any(i.anomalies == 2 and i.notified_at for i in world.incidents()))
    told = [one for one in world.incidents() if one.anomalies == 2 and one.notified_at][-1]
    assert told.services == ("cart",)
    assert {one.peak.metric for one in told.evidence} == {
        "kubernetes_oom_kill", "kubernetes_restart"
    }  # fmt: skip
    first, *_ = told.root_cause
    assert first.service == "cart"
    assert any(
        "deploy (Deployment shop/cart: Scaled up replica set cart-7d9c4b5f66 from 0 to 1)" in why
        for why in first.reasons
    ), first.reasons
    assert len({one.id for one in world.incidents()}) == 1, "what is old opens nothing"
    assert {one.service for one in world.anomalies()} == {"cart"}
    assert not world.records("aiops-dlq")
