"""The whole pipeline on real servers and real processes: what goes in comes out, once."""

import base64
import json
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaConsumer, KafkaProducer
from prometheus_client.parser import text_string_to_metric_families

from aiops.adapters.cloudevent import encode, iso
from aiops.batching import Reading, batches
from aiops.canary import service_of
from aiops.clock import SystemClock
from aiops.events import Call, Incident, SeriesHead, TopologyObserved
from aiops.ports import Event, Message
from aiops.series import SeriesMap
from aiops.settings import Settings
from functions.exporter.canary.sending import send
from functions.exporter.wiring import build
from local.cli import main
from local.receiver import Receiver
from local.servers.redis import OwnRedis
from local.up import Pipeline
from tests.running import running
from tests.waiting import until

CONFIG = """
detect:
  default: {detector: static, params: {upper: 100}}
correlate: {group_wait: 0}
"""
PARTITIONS = {"anomalies": 6, "incidents": 6, "actions": 3, "aiops-dlq": 3}


@dataclass(slots=True)
class Found:
    """A record as it was read."""

    headers: dict[str, str]
    value: bytes


@dataclass(slots=True)
class World:
    """The pipeline with its receiver, and ways to put in and to look."""

    pipeline: Pipeline
    receiver: Receiver
    redis: OwnRedis
    producer: KafkaProducer
    consumer: KafkaConsumer
    read: dict[str, list[Found]] = field(default_factory=lambda: {name: [] for name in PARTITIONS})

    def publish(self, message: Message) -> None:
        key, value, headers = encode(message)
        self.producer.send(message.topic, value, key, headers)
        self.producer.flush(timeout=10)

    def sample(self, service: str, value: float, metric: str = "cpu_usage_ratio") -> None:
        now = time.time_ns() // 1_000_000
        head = SeriesHead(metric=metric, labels={"service": service})
        for message in batches([Reading(head, now, value)], SeriesMap(), "/test", now):
            self.publish(message)

    def records(self, topic: str) -> list[Found]:
        for found in self.consumer.poll(100).values():
            for record in found:
                headers = {name: value.decode() for name, value in record.headers}
                self.read[record.topic].append(Found(headers, record.value))
        return self.read[topic]

    def anomalies(self, service: str) -> list[dict[str, Any]]:
        return [
            anomaly
            for record in self.records("anomalies")
            for anomaly in json.loads(record.value).get("anomalies", ())
            if anomaly["service"] == service
        ]

    def incidents(self, service: str) -> list[Incident]:
        found = [Incident.model_validate_json(r.value) for r in self.records("incidents")]
        return [incident for incident in found if service in incident.services]


REAL = [pytest.mark.redis, pytest.mark.kafka]


@pytest.fixture(scope="module", params=["embedded", pytest.param("real", marks=REAL)])
def world(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    note_server: Callable[[str], None],
) -> Iterator[World]:
    folder = tmp_path_factory.mktemp(request.param)
    with (
        Receiver() as receiver,
        running(
            request.param, folder, CONFIG, note_server, fsync="always",
            environ=receiver.environment, backoff_speed=4.0, reads=PARTITIONS,
        ) as it,
    ):  # fmt: skip
        yield World(it.pipeline, receiver, it.redis, it.producer, it.consumer)


def test_samples_become_an_incident_with_its_cause_and_people_are_told_once(world: World) -> None:
    calls = (Call(client="web", server="cart"), Call(client="cart", server="cart-db"))
    topology = TopologyObserved(domain="default", calls=calls, observed_at=1)
    world.publish(
        Message(
            "control",
            "default",
            Event(str(uuid.uuid4()), "/test", topology.type, time.time_ns() // 1_000_000,
                  topology.model_dump_json().encode()),
        )
    )  # fmt: skip
    world.sample("cart", 250.0)
    world.sample("cart", 300.0, "latency_milliseconds")
    until(lambda: any(i.notified_at for i in world.incidents("cart")))
    told = [i for i in world.incidents("cart") if i.notified_at][-1]
    assert told.root_cause[0].service == "cart"
    assert told.root_cause[0].reasons
    assert told.blast_radius == ("web",)
    until(lambda: {m.channel for m in world.receiver.messages} >= {"slack", "webhook"})
    steps = [m for m in world.receiver.messages if m.channel == "webhook"]
    assert len({m.key for m in steps}) == len(steps)


def test_the_exporter_tells_what_the_functions_did_and_that_nothing_waits(world: World) -> None:
    world.sample("shop", 250.0)
    world.sample("shop", 300.0, "latency_milliseconds")
    page = build(
        Settings(
            world.pipeline.redis.url, world.producer.config["bootstrap_servers"],
            "default", "", SystemClock(), {},
        )
    )  # fmt: skip

    def value(name: str, **labels: str) -> float:
        families = text_string_to_metric_families(page.text().decode())
        samples = [one for family in families for one in family.samples if one.name == name]
        return sum(one.value for one in samples if labels.items() <= one.labels.items())

    until(lambda: value("aiops_steps_total", channel="webhook", outcome="sent") >= 1)
    assert value("aiops_up", server="redis") == value("aiops_up", server="kafka") == 1
    assert value("aiops_events_total", function="detect", outcome="ok") >= 1
    assert value("aiops_results_total", function="detect", result="anomalies") >= 1
    assert value("aiops_arrival_to_incident_seconds_count") >= 1
    assert value("aiops_arrival_to_incident_seconds_bucket", le="45") >= 1
    assert value("aiops_request_seconds_count", function="act") >= 1
    assert value("aiops_open_incidents") >= 1
    until(lambda: value("aiops_kafka_lag") == value("aiops_unpublished_anomalies") == 0)


def test_a_canary_comes_through_the_whole_chain_and_nobody_is_told(world: World) -> None:
    servers = world.producer.config["bootstrap_servers"]
    journey = send(servers, SystemClock(), 60.0)
    assert not journey.missed, journey.seconds
    until(lambda: world.incidents(service_of(journey.run)))
    assert not any(one.notified_at for one in world.incidents(service_of(journey.run)))
    assert not any("canary" in str(message) for message in world.receiver.messages)


def test_the_doctor_finds_nothing_bad_and_sends_a_sample_through(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--redis-url", world.pipeline.redis.url]
    where += ["--bootstrap-servers", world.producer.config["bootstrap_servers"]]
    assert main(["doctor", *where, "--canary", "--json"]) == 0
    found = {one["check"]: one for one in json.loads(capsys.readouterr().out)["findings"]}
    for check in ("redis-version", "clock", "redis-appendonly", "topics", "canary"):
        assert found[check]["state"] == "good", found[check]


def test_an_alert_and_a_verdict_from_the_command_line_reach_the_incident(
    world: World, tmp_path: Path
) -> None:
    servers = ["--bootstrap-servers", world.producer.config["bootstrap_servers"]]
    world.sample("billing", 250.0)
    labels = {"alertname": "TooManyErrors", "service": "billing", "severity": "critical"}
    began = iso(time.time_ns() // 1_000_000)
    alert = {"status": "firing", "labels": labels, "startsAt": began, "fingerprint": "1"}
    payload = tmp_path / "payload.json"
    payload.write_text(json.dumps({"version": "4", "alerts": [alert]}))
    assert main(["alerts", str(payload), *servers]) == 0
    until(lambda: any(i.anomalies > 1 for i in world.incidents("billing")))
    joined = [i for i in world.incidents("billing") if i.anomalies > 1][-1]
    assert {piece.peak.detector for piece in joined.evidence} == {"static", "alertmanager"}
    assert joined.severity == 5
    assert main(["verdict", joined.id, "--cause", "billing", *servers]) == 0
    words = "1 verdict so far: too few to say"
    until(lambda: world.incidents("billing")[-1].root_cause[0].confidence_reason == words)


def test_a_record_that_cannot_be_read_reaches_the_dead_letter_topic_with_the_reason(
    world: World,
) -> None:
    world.producer.send("metrics", b"hello", partition=0)
    bad = Event("bad", "/test", "dev.aiops.samples.v1", 1_767_225_600_000, b'{"series": []}')
    world.publish(Message("metrics", "3", bad))
    until(lambda: len(world.records("aiops-dlq")) >= 2)
    reasons = {
        r.headers["ce_type"]: base64.b64decode(r.headers["ce_knativeerrordata"]).decode()
        for r in world.records("aiops-dlq")
    }
    assert "unknown format" in reasons["dev.knative.kafka.event"]
    assert "samples: Field required" in reasons["dev.aiops.samples.v1"]
    assert {r.headers["ce_knativeerrorcode"] for r in world.records("aiops-dlq")} == {"400"}


def test_while_redis_is_away_events_wait_and_nothing_is_lost(world: World) -> None:
    world.sample("search", 1.0)
    letters = len(world.records("aiops-dlq"))
    world.redis.kill()
    world.sample("search", 500.0)
    time.sleep(2)
    assert world.anomalies("search") == []
    world.redis.start(Path(world.pipeline.folder) / "redis")
    world.redis.wait_ready()
    until(lambda: len(world.anomalies("search")) > 0)
    assert len({a["id"] for a in world.anomalies("search")}) == 1
    until(lambda: bool(world.incidents("search")))
    assert len(world.records("aiops-dlq")) == letters


def test_a_function_killed_over_and_over_loses_and_doubles_nothing(world: World) -> None:
    for number in range(12):
        world.sample(f"shop-{number}", 400.0 + number)
        if number % 3 == 0:
            world.pipeline.processes["aiops-detect"][0].kill()
            world.pipeline.restart_ended()
    services = {f"shop-{number}" for number in range(12)}

    def found() -> dict[str, set[str]]:
        return {s: {a["id"] for a in world.anomalies(s)} for s in services}

    until(lambda: all(found().values()), 120)
    time.sleep(1)
    assert {len(ids) for ids in found().values()} == {1}
