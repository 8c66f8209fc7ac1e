"""Spans of OTLP as protobuf: an `ExportTraceServiceRequest`, or `TracesData`, which is alike.

Source: opentelemetry-proto, collector/trace/v1/trace_service.proto, trace/v1/trace.proto.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from functions.detect.malformed import Malformed
from functions.detect.otlp import proto_labels_of, proto_resource_labels_of
from functions.detect.signals.traces.span import (
    LATEST,
    Span,
    failed,
    kind_of,
    operation_of,
    store_of,
)


class Format:
    """Reads spans of OTLP."""

    @staticmethod
    def recognises(_: Collection[str]) -> bool:
        """Return that no JSON is of this format."""
        return False

    @staticmethod
    def spans(document: bytes) -> Iterator[Span | None]:
        """Yield the spans of all resources."""
        for resource in _read(document):
            labels = proto_resource_labels_of(resource.resource)
            for scope in resource.scope_spans:
                for one in scope.spans:
                    yield _span(one, labels)


def _span(one: Any, labels: Mapping[str, str]) -> Span | None:
    start, end = one.start_time_unix_nano, one.end_time_unix_nano
    if not 0 < start <= end <= LATEST:
        return None
    attributes = proto_labels_of(one.attributes)
    kind = kind_of(one.kind)
    return Span(
        labels=labels,
        operation=operation_of(one.name),
        kind=kind,
        end=end // 1_000_000,
        seconds=(end - start) / 1e9,
        failed=failed(kind, one.status.code, attributes),
        trace=_id(one.trace_id),
        id=_id(one.span_id),
        parent=_id(one.parent_span_id),
        store=store_of(attributes) if kind == "client" else "",
    )


def _id(told: bytes) -> str:
    return told[:32].hex() if any(told) else ""


def _read(document: bytes) -> Any:
    from google.protobuf.message import DecodeError
    from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

    try:
        return TracesData.FromString(document).resource_spans
    except DecodeError:
        raise Malformed("no spans of OTLP") from None
