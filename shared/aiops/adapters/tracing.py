"""Spans of our own, over OTLP, where somebody asks for them: an extra that images may have.

`OTEL_EXPORTER_OTLP_ENDPOINT` asks; the SDK's other variables hold as they do everywhere, such as
`OTEL_TRACES_SAMPLER`. A span is one answer. It goes on where the event came from: the attribute
`traceparent` of the event, else the header that whoever delivers has sent. What is published
meanwhile carries it on. Nothing of an event's data is in a span.
"""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiops.errors import Misconfigured
from aiops.ports import Event
from aiops.settings import secret

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
PARENT = "traceparent"
_SERVER_FAULT = 500


@dataclass(slots=True)
class Answering:
    """What is known of a request once it is answered.

    Attributes:
        status: The answer's.
        event: The event, where it could be read.
        counts: What became of its parts.
    """

    status: int = _SERVER_FAULT
    event: Event | None = None
    counts: Mapping[str, int] = field(default_factory=dict)

    def tell(self, status: int, counts: Mapping[str, int], event: Event | None = None) -> None:
        """Say how it was answered."""
        self.status, self.counts, self.event = status, counts, event


class Tracing:
    """Makes spans for a function; none where nobody asks.

    Raises:
        Misconfigured: somebody asks, and the libraries are not there.
    """

    def __init__(self, function: str, environ: Mapping[str, str] | None = None) -> None:
        self._function = function
        self._on = secret(ENDPOINT, environ) is not None
        if self._on:
            _library()

    @contextmanager
    def answering(self, parent: str) -> Iterator[Answering]:
        """Give a place for what becomes known; a span is made of it in the end.

        Args:
            parent: Where the trace comes from, as W3C writes it; empty: from nowhere.
        """
        found = Answering()
        if not self._on:
            yield found
            return
        from opentelemetry.propagate import extract
        from opentelemetry.trace import SpanKind, StatusCode

        with _tracer(self._function).start_as_current_span(
            self._function, extract({PARENT: parent}), SpanKind.CONSUMER
        ) as span:
            yield found
            span.set_attribute("http.response.status_code", found.status)
            if found.event is not None:
                span.set_attribute("cloudevents.event_id", found.event.id)
                span.set_attribute("cloudevents.event_type", found.event.type)
            for name, count in found.counts.items():
                span.set_attribute(f"aiops.{name}", count)
            if found.status >= _SERVER_FAULT:
                span.set_status(StatusCode.ERROR)


def carrying(headers: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """Return the headers of a record that is published, with the trace it belongs to, if any."""
    if not _tracers:
        return headers
    from opentelemetry.propagate import inject

    carrier: dict[str, str] = {}
    inject(carrier)
    if PARENT not in carrier:
        return headers
    name = f"ce_{PARENT}"
    return [*(one for one in headers if one[0] != name), (name, carrier[PARENT].encode())]


_tracers: "dict[str, Tracer]" = {}
_lock = threading.Lock()


def _tracer(function: str) -> "Tracer":
    """Return what makes spans; its thread begins here, after the server has forked."""
    with _lock:
        if function not in _tracers:
            sdk, export, exporter, resources = _library()
            resource = resources.Resource.create({"service.name": f"aiops-{function}"})
            provider = sdk.TracerProvider(resource=resource)
            provider.add_span_processor(export.BatchSpanProcessor(exporter.OTLPSpanExporter()))
            _tracers[function] = provider.get_tracer("aiops")
        return _tracers[function]


def _library() -> tuple[Any, Any, Any, Any]:
    try:
        from opentelemetry.exporter.otlp.proto.http import trace_exporter
        from opentelemetry.sdk import resources, trace
        from opentelemetry.sdk.trace import export
    except ImportError:
        raise Misconfigured(
            f"{ENDPOINT}: this image has no OpenTelemetry; build it with EXTRA=otel"
        ) from None
    return trace, export, trace_exporter, resources
