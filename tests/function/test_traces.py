"""From spans to an incident that names the service, with the trace of an example."""

import json
from random import Random
from typing import Any

from aiops.adapters.memory_broker import MemoryPublisher
from aiops.adapters.memory_call_sightings import MemoryCallSightings
from aiops.call_sightings import SeenCall
from aiops.call_table import calls_of
from aiops.events import Incident, TopologyObserved
from aiops.ports import Event
from functions.detect.sources import PLAIN_RECORD
from local.in_process import InProcess
from tests.function.test_collect import NOW, make, tick

START = 1_767_225_600_000
MINUTE = 60_000
SOURCE = "/apis/v1/namespaces/aiops/kafkasources/logs-and-traces-to-detect#traces"
SERVER, CLIENT = 2, 3
Span = dict[str, Any]
CHAIN = ("shop", "cart", "stock")


class System:
    """Three services that call each other, and what becomes of what they tell."""

    def __init__(self) -> None:
        self.pipeline = InProcess.of({"correlate": {"group_wait": 0}}, ())
        self.random, self.offset = Random(1), 0

    def minute(self, minute: int, slow: float = 0.0) -> None:
        """Let the services answer for a minute; each exports its own spans."""
        spans: dict[str, list[Span]] = {name: [] for name in CHAIN}
        for request in range(20):
            self.request(
                spans, START + minute * MINUTE + request * 2_000, f"{minute}-{request}", slow
            )
        for name, mine in spans.items():
            self.export(name, mine, START + (minute + 1) * MINUTE)
        self.pipeline.tick()

    def request(self, spans: dict[str, list[Span]], at: int, trace: str, slow: float) -> None:
        took = 0.0
        for depth, name in reversed(list(enumerate(CHAIN))):
            took += self.random.uniform(0.018, 0.022) + (slow if name == "stock" else 0.0)
            parent = f"{trace}-c{depth - 1}" if depth else ""
            spans[name].append(self.span(SERVER, trace, f"{trace}-s{depth}", parent, at, took))
            if depth:
                caller = CHAIN[depth - 1]
                took += 0.001
                spans[caller].append(self.span(CLIENT, trace, parent, "", at, took))

    @staticmethod
    def span(
        kind: int, trace: str, name: str, parent: str, at: int, seconds: float
    ) -> dict[str, Any]:
        start = at * 1_000_000
        return {
            "kind": kind, "traceId": f"t{trace}", "spanId": name, "parentSpanId": parent,
            "name": "GET /", "startTimeUnixNano": str(start),
            "endTimeUnixNano": str(start + int(seconds * 1e9)),
        }  # fmt: skip

    def export(self, name: str, spans: list[Span], time: int) -> None:
        self.offset += 1
        resource = {"attributes": [{"key": "service.name", "value": {"stringValue": name}}]}
        data = {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": spans}]}]}
        place = f"partition:{CHAIN.index(name)}/offset:{self.offset}"
        event = Event(place, SOURCE, PLAIN_RECORD, time, json.dumps(data).encode())
        for _ in range(2):
            self.pipeline.record(event)

    def told(self) -> list[Incident]:
        return [one for one in self.pipeline.incidents.values() if one.notified_at]


def test_a_service_that_becomes_slow_is_found_by_its_spans_with_a_trace_to_look_at() -> None:
    system = System()
    for minute in range(130):
        system.minute(minute)
    assert system.told() == []
    for minute in range(130, 140):
        system.minute(minute, slow=0.3)
    (incident,) = system.told()
    assert set(incident.services) >= {"stock"}
    metrics = {one.peak.metric for one in incident.evidence}
    assert "span_duration_seconds_p95" in metrics
    assert {("cart", "stock")} & {one.peak.edge for one in incident.evidence}
    peaks = [one.peak for one in incident.evidence if one.peak.metric.startswith("span_duration")]
    assert all(one.exemplars and one.exemplars[0].startswith("t1") for one in peaks)
    assert all(one.reason.endswith(f"; trace {one.exemplars[0]}") for one in peaks)


def test_calls_that_spans_told_of_become_topology_though_nobody_asks_prometheus() -> None:
    calls, publisher = MemoryCallSightings(), MemoryPublisher(partition_count=3)
    calls.note({SeenCall("shop", "cart"): NOW - MINUTE, SeenCall("cart", "redis", "database"): NOW})
    calls.note({SeenCall("long", "gone"): NOW - 60 * MINUTE, SeenCall("a", "a"): NOW})
    make(calls=calls, publisher=publisher)(tick())
    (message,) = publisher.topics["control"]
    fact = TopologyObserved.model_validate_json(message.event.data)
    seen = {(one.client, one.server, one.connection) for one in calls_of(fact)}
    assert seen == {("shop", "cart", None), ("cart", "redis", "database")}
    assert {one.source for one in calls_of(fact)} == {"spans"}
