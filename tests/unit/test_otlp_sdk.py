"""Metrics as the OpenTelemetry SDK and its exporter send them are understood as they were meant."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest
from opentelemetry.exporter.otlp.json.common.metrics_encoder import (
    encode_metrics as encode_metrics_as_json,
)
from opentelemetry.exporter.otlp.json.http.metric_exporter import (
    OTLPMetricExporter as OTLPJSONMetricExporter,
)
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import (
    Counter,
    Histogram,
    MeterProvider,
    ObservableCounter,
)
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    InMemoryMetricReader,
    MetricsData,
)
from opentelemetry.sdk.resources import Resource

from aiops.ports import Event
from functions.detect.sources import PLAIN_RECORD, Encoding, source_of
from tests.decoding import decoded

CUMULATIVE = dict.fromkeys((Counter, Histogram), AggregationTemporality.CUMULATIVE)
DELTA = dict.fromkeys((Counter, Histogram, ObservableCounter), AggregationTemporality.DELTA)
WHO = {"service": "cart", "pod": "cart-1"}
Read = dict[tuple[str, str, str], tuple[str, float]]
"""Kind and value, by metric, the label `route` and the bound or the quantile."""


def measured(temporality: dict[type, AggregationTemporality]) -> tuple[MetricsData, MetricsData]:
    """Return what the SDK collects of a small service, twice."""
    reader = InMemoryMetricReader(preferred_temporality=temporality)
    resource = Resource.create({"service.name": "cart", "k8s.pod.name": "cart-1"})
    provider = MeterProvider([reader], resource=resource, shutdown_on_exit=False)
    meter = provider.get_meter("shop", "1.0")
    requests = meter.create_counter("http.server.requests", unit="{request}")
    queue = meter.create_up_down_counter("queue.length")
    duration = meter.create_histogram(
        "http.server.request.duration", unit="s", explicit_bucket_boundaries_advisory=[0.1, 1.0]
    )
    level = meter.create_gauge("temperature")
    found = []
    for times in (3, 4):
        requests.add(times, {"route": "/a"})
        requests.add(1.5, {"route": "/b", "retried": True})
        queue.add(-1)
        level.set(21.5)
        for _ in range(times):
            duration.record(0.05, {"route": "/a"})
            duration.record(0.55, {"route": "/a"})
        found.append(reader.get_metrics_data())
    provider.shutdown()
    first, second = found
    assert first is not None
    assert second is not None
    return first, second


def encoded(data: MetricsData, encoding: Encoding) -> bytes:
    """Return what an exporter sends."""
    if encoding == "json":
        return encode_metrics_as_json(data).to_json().encode()
    return encode_metrics(data).SerializeToString()


def latest(data: MetricsData) -> int:
    points = [
        point.time_unix_nano
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        for point in metric.data.data_points
    ]
    return max(points) // 1_000_000


def read(body: bytes, encoding: Encoding, time: int) -> Read:
    samples, dropped = decoded(body, encoding, time)
    assert not dropped
    found = {}
    for metric, labels, kind, at, value in samples:
        assert labels.items() >= WHO.items()
        assert abs(at - time) < 60_000
        bound = labels.get("le") or labels.get("quantile", "")
        found[metric, labels.get("route", ""), bound] = (kind, value)
    assert len(found) == len(samples)
    return found


@pytest.mark.parametrize("encoding", ["json", "otlp_proto"])
def test_what_the_sdk_counts_since_its_start_becomes_counters(encoding: Encoding) -> None:
    _, second = measured(CUMULATIVE)
    assert read(encoded(second, encoding), encoding, latest(second)) == {
        ("http_server_requests", "/a", ""): ("counter", 7.0),
        ("http_server_requests", "/b", ""): ("counter", 3.0),
        ("queue_length", "", ""): ("gauge", -2.0),
        ("temperature", "", ""): ("gauge", 21.5),
        ("http_server_request_duration_bucket", "/a", "0.1"): ("counter", 7.0),
        ("http_server_request_duration_bucket", "/a", "1"): ("counter", 14.0),
        ("http_server_request_duration_bucket", "/a", "+Inf"): ("counter", 14.0),
        ("http_server_request_duration_count", "/a", ""): ("counter", 14.0),
        ("http_server_request_duration_sum", "/a", ""): ("counter", pytest.approx(4.2)),
    }


@pytest.mark.parametrize("encoding", ["json", "otlp_proto"])
def test_what_the_sdk_counts_since_its_last_message_becomes_rates_and_quantiles(
    encoding: Encoding,
) -> None:
    _, second = measured(DELTA)
    for resource in second.resource_metrics:
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                for point in metric.data.data_points:
                    if point.start_time_unix_nano is not None:
                        start = point.time_unix_nano - 2_000_000_000
                        object.__setattr__(point, "start_time_unix_nano", start)
    found = read(encoded(second, encoding), encoding, latest(second))
    assert found["http_server_requests", "/a", ""] == ("gauge", pytest.approx(2.0, rel=1e-3))
    assert found["http_server_request_duration", "/a", "0.5"] == ("gauge", pytest.approx(0.1))
    assert found["http_server_request_duration", "/a", "0.95"] == ("gauge", pytest.approx(0.91))
    assert found["http_server_request_duration_count", "/a", ""] == (
        "gauge",
        pytest.approx(4.0, rel=1e-3),
    )
    assert not any(kind == "counter" for kind, _ in found.values())


@contextmanager
def receiving() -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    """Serve an OTLP receiver, and give its address and what it gets."""
    got: list[tuple[str, bytes]] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            got.append((self.headers["content-type"], body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Receiver)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1/metrics", got
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


EXPORTERS: dict[str, tuple[Any, Encoding]] = {
    "application/x-protobuf": (OTLPMetricExporter, "otlp_proto"),
    "application/json": (OTLPJSONMetricExporter, "json"),
}


@pytest.mark.parametrize("content_type", EXPORTERS)
def test_what_an_exporter_posts_is_understood_by_its_content_type(content_type: str) -> None:
    exporter, encoding = EXPORTERS[content_type]
    first, _ = measured(CUMULATIVE)
    with receiving() as (address, got):
        exporting = exporter(address)
        exporting.export(first)
        exporting.shutdown()
    ((told, body),) = got
    assert told == content_type
    record = Event("1", "/x#metrics", PLAIN_RECORD, 0, body, content_type=told)
    assert source_of(record, {}).encoding == encoding
    found = read(body, encoding, latest(first))
    assert found["http_server_requests", "/a", ""] == ("counter", 3.0)
