"""Spans over real processes: ends of calls that come apart, counted once, and topology."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests
from kafka import KafkaConsumer, KafkaProducer
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, set_span_in_context

from aiops.adapters.cloudevent import iso
from aiops.call_table import calls_of
from aiops.events import Samples, TopologyObserved
from functions.collect.handler import TICK
from local.up import Pipeline
from tests.running import running
from tests.waiting import until

CONFIG = """
detect: {windows: {learn_for: 0, idle: 5, grace: 0}}
collect: {topology_minutes: 1}
"""
READS = {"metrics": 12, "control": 3, "aiops-dlq": 3}
REAL = [pytest.mark.redis, pytest.mark.kafka]
CALLS = 12
TOOK = 50_000_000
"""Nanoseconds that each call takes its server; its client waits for it twice as long."""


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

    def tick(self) -> None:
        now = time.time_ns() // 1_000_000
        headers = {
            "ce-specversion": "1.0", "ce-id": str(now), "ce-source": "/test", "ce-type": TICK,
            "ce-time": iso(now),
        }  # fmt: skip
        url = self.pipeline.urls["aiops-collect"][0]
        requests.post(url, headers=headers, data=b"", timeout=30).raise_for_status()

    def counted(self, metric: str) -> dict[tuple[str, ...], float]:
        """Let the clock tick; return the sum over time of each series of a metric, by labels."""
        self.tick()
        values: dict[tuple[tuple[str, ...], int], float] = {}
        for one in self.records("metrics"):
            if b'"series"' in one:
                fact = Samples.model_validate_json(one)
                for place, at, value in fact.samples:
                    head = fact.series[place]
                    if head.metric == metric:
                        values[tuple(v for _, v in sorted(head.labels.items())), at] = value
        found: dict[tuple[str, ...], float] = {}
        for (labels, _), value in values.items():
            found[labels] = found.get(labels, 0.0) + value
        return found

    def calls(self) -> set[tuple[str, str]]:
        facts = [one for one in self.records("control") if b'"observed_at"' in one]
        if not facts:
            return set()
        seen = calls_of(TopologyObserved.model_validate_json(facts[-1]))
        return {(one.client, one.server) for one in seen}


@pytest.fixture(params=["embedded", pytest.param("real", marks=REAL)])
def world(
    request: pytest.FixtureRequest, tmp_path: Path, note_server: Callable[[str], None]
) -> Iterator[World]:
    with running(
        request.param, tmp_path, CONFIG, note_server, backoff_speed=4.0, reads=READS
    ) as it:
        yield World(it.pipeline, it.producer, it.consumer)


def exporting(service: str) -> tuple[Any, InMemorySpanExporter]:
    """Return a tracer of a service, and what it would export."""
    kept = InMemorySpanExporter()
    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    provider.add_span_processor(SimpleSpanProcessor(kept))
    return provider.get_tracer("test"), kept


def test_ends_of_calls_that_come_apart_and_twice_are_counted_once_and_become_topology(
    world: World,
) -> None:
    (shop, of_shop), (cart, of_cart) = exporting("shop"), exporting("cart")
    begin = time.time_ns() - 10**9
    for _ in range(CALLS):
        client = shop.start_span("call", kind=SpanKind.CLIENT, start_time=begin)
        context = set_span_in_context(client)
        server = cart.start_span("GET /", context, kind=SpanKind.SERVER, start_time=begin)
        server.end(begin + TOOK)
        client.end(begin + 2 * TOOK)
    for kept in (of_shop, of_cart):
        for one in kept.get_finished_spans():
            world.producer.send("traces", encode_spans([one]).SerializeToString(), headers=[
                ("content-type", b"application/x-protobuf")])  # fmt: skip
    world.producer.send("traces", json.dumps({"no": "span"}).encode())
    world.producer.flush(timeout=10)
    # The tick lets a minute pass once the services have been silent for five seconds.
    until(lambda: world.counted("call_requests").get(("shop", "cart", "cart")) == CALLS, 120)
    assert world.counted("span_requests") == {("GET /", "cart"): float(CALLS)}
    assert world.counted("call_requests") == {("shop", "cart", "cart"): float(CALLS)}
    until(lambda: world.calls() == {("shop", "cart")}, 60)
    until(lambda: len(world.records("aiops-dlq")) == 1)
