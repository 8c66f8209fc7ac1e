"""Spans per second of each format: from bytes to rate, errors, durations and calls.

Records hold 500 spans, a client's and a server's in turns, one in ten failed: every call has both
ends in its record. What is kept for others is kept in memory: Redis and its round trip come on top.
"""

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from aiops.adapters.memory_call_sightings import MemoryCallSightings
from aiops.adapters.memory_span_pairs import MemorySpanPairs
from aiops.ports import Event
from aiops.series import SeriesMap
from bench.machine import on_cores, two_cores
from bench.rounds import Way, medians, taking_turns
from functions.detect.signals.traces.config import TracesConfig
from functions.detect.signals.traces.signal import TraceSignal
from functions.detect.sources import PLAIN_RECORD

CALLS = 250
"""Of a record, two spans each."""

RECORDS = 10
SERVICES = 20
SOURCE = "/apis/v1/namespaces/aiops/kafkasources/logs-and-traces-to-detect#"
SERVER, CLIENT = 2, 3

Write = Callable[[int, int], bytes]
"""Writes a record: its number, and the time of its spans, unix milliseconds."""


def measure(now: int) -> dict[str, float]:
    """Return spans per second of processor time, by format.

    Args:
        now: The time of the spans, unix milliseconds.
    """
    core, _ = two_cores()
    with on_cores({core}):
        ways = {
            f"span_{name}_spans_per_second": _timed(write, topic, now)
            for name, (write, topic) in FORMATS.items()
        }
        return medians(taking_turns(ways))


def _timed(write: Write, topic: str, now: int) -> Way:
    def way(number: int) -> float:
        pairs, calls = MemorySpanPairs(), MemoryCallSightings()
        signal = TraceSignal(TracesConfig(), SeriesMap(), {}, pairs, calls)
        events = [
            Event(str(n), SOURCE + topic, PLAIN_RECORD, now, write(number * RECORDS + n, now))
            for n in range(RECORDS)
        ]
        began = time.process_time()
        tallies = [signal.tally(event) for event in events]
        took = time.process_time() - began
        _all_counted([tally.dropped.total() for tally in tallies], len(pairs.owners))
        return 2 * CALLS * RECORDS / took

    return way


def _all_counted(dropped: list[int], paired: int) -> None:
    if any(dropped) or paired != CALLS * RECORDS:
        raise RuntimeError(f"{sum(dropped)} spans were dropped, {paired} calls have both ends")


def _otlp(number: int, now: int) -> dict[str, Any]:
    """Return spans by service, in no other record of any round."""
    found: dict[str, list[dict[str, Any]]] = {}
    for n in range(number * CALLS, (number + 1) * CALLS):
        ends = f"{2 * n + 1:016x}", f"{2 * n + 2:016x}"
        found.setdefault(f"service-{n % SERVICES}", []).append(_span(CLIENT, n, ends[0], "", now))
        callee = f"service-{(n + 1) % SERVICES}"
        found.setdefault(callee, []).append(_span(SERVER, n, ends[1], ends[0], now))
    return {
        "resourceSpans": [
            {
                "resource": {"attributes": [_attribute("service.name", service)]},
                "scopeSpans": [{"spans": spans}],
            }
            for service, spans in found.items()
        ]
    }


def _span(kind: int, n: int, identity: str, parent: str, now: int) -> dict[str, Any]:
    end = now * 1_000_000
    return {
        "traceId": f"{n // 5 + 1:032x}",
        "spanId": identity,
        "parentSpanId": parent,
        "name": f"GET /orders/{n % 30}",
        "kind": kind,
        "startTimeUnixNano": str(end - 1_000_000 * (n % 977 + 1)),
        "endTimeUnixNano": str(end),
        "attributes": [
            _attribute("http.request.method", "GET"),
            _attribute("url.path", f"/orders/{n}"),
            _attribute("server.address", "orders.shop.svc"),
        ],
        "status": {"code": 2} if n % 10 == 0 else {},
    }


def _attribute(key: str, value: str) -> dict[str, Any]:
    return {"key": key, "value": {"stringValue": value}}


def _json(number: int, now: int) -> bytes:
    return json.dumps(_otlp(number, now), separators=(",", ":")).encode()


def _proto(number: int, now: int) -> bytes:
    from google.protobuf.json_format import ParseDict
    from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

    document = _otlp(number, now)
    for resource in document["resourceSpans"]:
        for span in resource["scopeSpans"][0]["spans"]:
            for name in ("traceId", "spanId", "parentSpanId"):
                span[name] = _base64(span[name])
    found: bytes = ParseDict(document, TracesData()).SerializeToString()
    return found


def _base64(hexadecimal: str) -> str:
    """Return an id as plain JSON of protobuf has it; OTLP alone writes it in hexadecimal."""
    from base64 import b64encode

    return b64encode(bytes.fromhex(hexadecimal)).decode()


FORMATS: Mapping[str, tuple[Write, str]] = {
    "otlp_proto": (_proto, "otlp_spans"),
    "otlp_json": (_json, "traces"),
}
"""How a record is written, and the topic it comes by."""
