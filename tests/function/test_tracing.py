"""Spans of our own: one trace from the sender to what is published, without a word of the data."""

import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from flask import Request
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from aiops.adapters import tracing
from aiops.adapters.serve import parent_of
from aiops.adapters.tracing import Tracing, carrying
from aiops.errors import Misconfigured
from aiops.ports import Event
from local.functions import ROOT

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"
EVENT = Event("id-1", "/test", "a.type", 1, b"secret data")


@pytest.fixture
def collector():
    """Yield the address of a collector, and the spans it got."""
    spans = []

    class Take(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                names = {one.key: one.value.string_value for one in resource.resource.attributes}
                for scope in resource.scope_spans:
                    spans.extend((names["service.name"], span) for span in scope.spans)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Take) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", spans
        server.shutdown()


CHILD = """
from aiops.adapters.tracing import Tracing, carrying
from aiops.ports import Event
tracing = Tracing("detect")
with tracing.answering({parent!r}) as known:
    print(dict(carrying([("ce_id", b"x"), ("ce_traceparent", b"old")]))["ce_traceparent"].decode())
    known.tell({status}, {{"anomalies": 2}}, Event("id-1", "/test", "a.type", 1, b"secret data"))
"""


def answered(address, parent, status):
    """Answer in a process of its own, whose end sends what is left; return what it published."""
    done = subprocess.run(
        [sys.executable, "-c", CHILD.format(parent=parent, status=status)],
        env={**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": address,
             "PYTHONPATH": f"{ROOT}:{ROOT / 'shared'}"},
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    return done.stdout.strip()


def test_a_span_goes_on_where_the_event_came_from_and_is_carried_on(collector):
    address, spans = collector
    published = answered(address, PARENT, 204)
    ((service, span),) = spans
    assert (service, span.name) == ("aiops-detect", "detect")
    assert span.trace_id.hex() == TRACE
    assert span.parent_span_id.hex() == "00f067aa0ba902b7"
    assert published == f"00-{TRACE}-{span.span_id.hex()}-01"
    told = {one.key: one.value for one in span.attributes}
    assert told["cloudevents.event_id"].string_value == "id-1"
    assert told["http.response.status_code"].int_value == 204
    assert told["aiops.anomalies"].int_value == 2
    assert b"secret data" not in span.SerializeToString()


@pytest.mark.parametrize(("status", "code"), [(204, 0), (400, 0), (503, 2)])
def test_an_answer_that_is_our_fault_is_an_error(collector, status, code):
    address, spans = collector
    answered(address, "", status)
    assert [span.status.code for _, span in spans] == [code]


def test_where_nobody_asks_nothing_is_loaded_and_nothing_added(monkeypatch):
    monkeypatch.setattr(tracing, "_library", lambda: pytest.fail("loaded"))
    with Tracing("detect", {}).answering(PARENT) as known:
        known.tell(204, {}, EVENT)
    assert carrying([("ce_id", b"x")]) == [("ce_id", b"x")]


def test_an_image_that_cannot_is_named_when_it_starts(monkeypatch):
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk", None)
    with pytest.raises(Misconfigured, match=r"OTEL_EXPORTER_OTLP_ENDPOINT.*EXTRA=otel"):
        Tracing("detect", {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"})


@pytest.mark.parametrize(
    ("headers", "parent"),
    [
        ({"ce-traceparent": "event", "traceparent": "delivery"}, "event"),
        ({"traceparent": "delivery"}, "delivery"),
        ({}, ""),
    ],
)
def test_the_events_own_trace_goes_before_that_of_who_delivers(headers, parent):
    request = Request.from_values(headers=headers)
    assert parent_of(request) == parent
