"""Logs of OTLP as JSON.

Source: opentelemetry-proto, logs/v1/logs.proto, and docs/specification.md, "JSON Protobuf
Encoding"; examples/logs.json there.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from functions.detect.gathering import WRONG
from functions.detect.otlp import labels_of, plain, resource_labels_of, unix_ms
from functions.detect.signals.logs.bodies import Bodies, Told
from functions.detect.signals.logs.config import LogsConfig
from functions.detect.signals.logs.record import LogRecord


class Format:
    """Reads logs of OTLP.

    Args:
        config: Which fields of a body say what.
    """

    last = False

    def __init__(self, config: LogsConfig) -> None:
        self._bodies = Bodies(config)

    @staticmethod
    def recognises(fields: Collection[str]) -> bool:
        """Return whether these are the fields of a request or of logs data."""
        return "resourceLogs" in fields

    def records(self, document: Mapping[str, Any]) -> Iterator[LogRecord | None]:
        """Yield the records of all resources."""
        for resource in document["resourceLogs"]:
            labels = resource_labels_of(resource.get("resource"))
            for scope in resource.get("scopeLogs") or ():
                for one in scope.get("logRecords") or ():
                    try:
                        yield self._bodies.record(labels, _told(one))
                    except WRONG:
                        yield None


def _told(one: Mapping[str, Any]) -> Told:
    body = one.get("body")
    time = unix_ms(one.get("timeUnixNano")) or unix_ms(one.get("observedTimeUnixNano"))
    return Told(
        time=time or None,
        number=int(one.get("severityNumber") or 0),
        word=str(one.get("severityText") or ""),
        body=None if body is None else plain(body),
        attributes=labels_of(one.get("attributes")),
        trace=str(one.get("traceId") or ""),
    )
