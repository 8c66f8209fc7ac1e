"""Spans of OTLP as JSON.

Source: opentelemetry-proto, trace/v1/trace.proto, and docs/specification.md, "JSON Protobuf
Encoding" (ids are hexadecimal); examples/trace.json there.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from functions.detect.gathering import WRONG
from functions.detect.malformed import Malformed
from functions.detect.otlp import labels_of, resource_labels_of
from functions.detect.signals.traces.span import (
    KINDS,
    LATEST,
    Span,
    failed,
    kind_of,
    operation_of,
    store_of,
)

_NAMES = {f"SPAN_KIND_{kind.upper()}": kind for kind in KINDS}
_ID = re.compile(r"[0-9A-Za-z_-]{0,64}")
_FAILED_NAMES = {"STATUS_CODE_OK": 1, "STATUS_CODE_ERROR": 2}


class Format:
    """Reads spans of OTLP."""

    @staticmethod
    def recognises(fields: Collection[str]) -> bool:
        """Return whether these are the fields of a request or of traces data."""
        return "resourceSpans" in fields

    @staticmethod
    def spans(document: Mapping[str, Any]) -> Iterator[Span | None]:
        """Yield the spans of all resources."""
        for resource in document["resourceSpans"]:
            labels = resource_labels_of(resource.get("resource"))
            for scope in resource.get("scopeSpans") or ():
                for one in scope.get("spans") or ():
                    try:
                        yield _span(one, labels)
                    except WRONG:
                        yield None


def _span(one: Mapping[str, Any], labels: Mapping[str, str]) -> Span:
    start, end = int(one["startTimeUnixNano"]), int(one["endTimeUnixNano"])
    if not 0 < start <= end <= LATEST:
        raise Malformed("ends before it begins, or at no time")
    attributes = labels_of(one.get("attributes"))
    told = one.get("kind") or 0
    kind = _NAMES.get(told, "internal") if isinstance(told, str) else kind_of(told)
    code = (one.get("status") or {}).get("code") or 0
    status = _FAILED_NAMES.get(code, 0) if isinstance(code, str) else int(code)
    return Span(
        labels=labels,
        operation=operation_of(str(one.get("name") or "")),
        kind=kind,
        end=end // 1_000_000,
        seconds=(end - start) / 1e9,
        failed=failed(kind, status, attributes),
        trace=_id(one.get("traceId")),
        id=_id(one.get("spanId")),
        parent=_id(one.get("parentSpanId")),
        store=store_of(attributes) if kind == "client" else "",
    )


def _id(told: object) -> str:
    if told is None:
        return ""
    if not isinstance(told, str) or not _ID.fullmatch(told):
        raise Malformed("no id")
    return told.lower() if told.strip("0") else ""
