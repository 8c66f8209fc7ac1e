"""Logs of OTLP as protobuf: an `ExportLogsServiceRequest`, or `LogsData`, which is alike.

Source: opentelemetry-proto, collector/logs/v1/logs_service.proto, logs/v1/logs.proto.
"""

from collections.abc import Collection, Iterator
from typing import Any

from functions.detect.malformed import Malformed
from functions.detect.otlp import proto_labels_of, proto_plain, proto_resource_labels_of
from functions.detect.signals.logs.bodies import Bodies, Told
from functions.detect.signals.logs.config import LogsConfig
from functions.detect.signals.logs.record import LogRecord

_NANOSECONDS = 1_000_000


class Format:
    """Reads logs of OTLP.

    Args:
        config: Which fields of a body say what.
    """

    last = False

    def __init__(self, config: LogsConfig) -> None:
        self._bodies = Bodies(config)

    @staticmethod
    def recognises(_: Collection[str]) -> bool:
        """Return that no JSON is of this format."""
        return False

    def records(self, document: bytes) -> Iterator[LogRecord | None]:
        """Yield the records of all resources."""
        for resource in _read(document):
            labels = proto_resource_labels_of(resource.resource)
            for scope in resource.scope_logs:
                for one in scope.log_records:
                    yield self._bodies.record(labels, _told(one))


def _told(one: Any) -> Told:
    time = one.time_unix_nano or one.observed_time_unix_nano
    return Told(
        time=time // _NANOSECONDS if time else None,
        number=one.severity_number,
        word=one.severity_text,
        body=proto_plain(one.body),
        attributes=proto_labels_of(one.attributes),
        trace=one.trace_id.hex(),
    )


def _read(document: bytes) -> Any:
    from google.protobuf.message import DecodeError
    from opentelemetry.proto.logs.v1.logs_pb2 import LogsData

    try:
        return LogsData.FromString(document).resource_logs
    except DecodeError:
        raise Malformed("no logs of OTLP") from None
