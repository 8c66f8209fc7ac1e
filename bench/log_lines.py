"""Lines of logs per second of each format: from bytes to counts of levels and templates.

Records hold 500 lines of 20 services, one in ten an error; every line differs from all others, as
numbers and ids in it do.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from google.protobuf.json_format import ParseDict

from aiops.adapters.cloudevent import iso
from aiops.ports import Event
from aiops.series import SeriesMap
from bench.machine import on_cores, two_cores
from bench.rounds import Way, medians, taking_turns
from functions.detect.signals.logs.config import LogsConfig
from functions.detect.signals.logs.signal import LogSignal
from functions.detect.sources import PLAIN_RECORD

LINES = 500
RECORDS = 10
SERVICES = 20
SOURCE = "/apis/v1/namespaces/aiops/kafkasources/logs-and-traces-to-detect#"

Line = tuple[str, str, str]
"""Service, level, text."""

Write = Callable[[Sequence[Line], int], bytes]
"""Writes a record of lines that are of one time, unix milliseconds."""


def measure(now: int) -> dict[str, float]:
    """Return lines per second of processor time, by format.

    Args:
        now: The time of the lines, unix milliseconds.
    """
    core, _ = two_cores()
    with on_cores({core}):
        ways = {
            f"log_{name}_lines_per_second": _timed(write, topic, now)
            for name, (write, topic) in FORMATS.items()
        }
        return medians(taking_turns(ways))


def _timed(write: Write, topic: str, now: int) -> Way:
    signal = LogSignal(LogsConfig(), SeriesMap(), {})

    def way(number: int) -> float:
        events = [
            Event(str(place), SOURCE + topic, PLAIN_RECORD, now, write(_lines(number, place), now))
            for place in range(RECORDS)
        ]
        began = time.process_time()
        tallies = [signal.tally(event) for event in events]
        took = time.process_time() - began
        dropped = sum(tally.dropped.total() for tally in tallies)
        if dropped:
            raise RuntimeError(f"{dropped} lines were dropped")
        return LINES * RECORDS / took

    return way


def _lines(number: int, place: int) -> list[Line]:
    """Return lines that are in no other record of any round."""
    first = (number * RECORDS + place) * LINES
    return [
        (
            f"service-{n % SERVICES}",
            "ERROR" if n % 10 == 0 else "INFO",
            f"GET /orders/{n:08x}/items took {n % 977}.25 ms: upstream 10.0.{n % 251}.7:8080 reset",
        )
        for n in range(first, first + LINES)
    ]


def _plain(lines: Sequence[Line], now: int) -> bytes:
    return b"\n".join(
        _compact(
            {"@timestamp": iso(now), "log.level": level, "message": text, "service.name": service}
        )
        for service, level, text in lines
    )


def _loki(lines: Sequence[Line], now: int) -> bytes:
    streams = [
        {
            "stream": {"service_name": service, "level": level},
            "values": [[f"{now}000000", text] for _, _, text in found],
        }
        for (service, level), found in _apart(lines).items()
    ]
    return _compact({"streams": streams})


def _otlp_json(lines: Sequence[Line], now: int) -> bytes:
    return _compact(_otlp(lines, now))


def _otlp_proto(lines: Sequence[Line], now: int) -> bytes:
    from opentelemetry.proto.logs.v1.logs_pb2 import LogsData

    found: bytes = ParseDict(_otlp(lines, now), LogsData()).SerializeToString()
    return found


def _otlp(lines: Sequence[Line], now: int) -> dict[str, Any]:
    found: dict[str, list[dict[str, Any]]] = {}
    for service, level, text in lines:
        found.setdefault(service, []).append(
            {
                "timeUnixNano": f"{now}000000",
                "severityNumber": 17 if level == "ERROR" else 9,
                "severityText": level,
                "body": {"stringValue": text},
            }
        )
    return {
        "resourceLogs": [
            {
                "resource": {
                    "attributes": [{"key": "service.name", "value": {"stringValue": service}}]
                },
                "scopeLogs": [{"logRecords": records}],
            }
            for service, records in found.items()
        ]
    }


def _apart(lines: Sequence[Line]) -> dict[tuple[str, str], list[Line]]:
    found: dict[tuple[str, str], list[Line]] = {}
    for line in lines:
        found.setdefault(line[:2], []).append(line)
    return found


def _compact(document: object) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


FORMATS: Mapping[str, tuple[Write, str]] = {
    "otlp_proto": (_otlp_proto, "otlp_logs"),
    "otlp_json": (_otlp_json, "logs"),
    "loki": (_loki, "logs"),
    "lines": (_plain, "logs"),
}
"""How a record is written, and the topic it comes by."""
