"""Queries against a real Prometheus that scrapes itself."""

import json
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import ClassVar

import numpy as np
import pytest

from aiops.adapters.prometheus import Prometheus
from aiops.errors import Unavailable
from aiops.events import SeriesHead
from aiops.history import History
from aiops.queries import Query
from aiops.series import SeriesMap
from functions.train.backfill import Backfill
from local.servers.process import ChildProcess, free_ports

CONFIG = """
global: {scrape_interval: 1s}
scrape_configs:
  - job_name: prometheus
    static_configs: [{targets: ["127.0.0.1:%d"]}]
"""


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("prometheus")
    (port,) = free_ports(1)
    (folder / "prometheus.yml").write_text(CONFIG % port)
    child = ChildProcess(
        "prometheus",
        [
            "prometheus",
            f"--config.file={folder}/prometheus.yml",
            f"--storage.tsdb.path={folder}/data",
            f"--web.listen-address=127.0.0.1:{port}",
        ],
        folder / "prometheus.log",
    )
    child.start()
    url = f"http://127.0.0.1:{port}"
    try:
        child.wait_until(lambda: _scraped(url), 30)
        yield url
    finally:
        child.stop()


def _scraped(url: str) -> bool:
    try:
        return bool(Prometheus(url, 2).query("up == 1", time.time_ns() // 1_000_000).samples)
    except Unavailable:
        return False


@pytest.mark.prometheus
def test_a_range_becomes_samples_in_order_and_too_fine_a_one_is_no_answer(prometheus: str) -> None:
    now = time.time_ns() // 1_000_000
    deadline = time.monotonic() + 20
    while True:
        found = (
            Prometheus(prometheus, 5).query_range("up", now - 60_000, now + 10_000, 1_000).samples
        )
        if len(found) >= 2 or time.monotonic() > deadline:
            break
        time.sleep(0.5)
    times = [sample.time for sample in found]
    assert len(times) >= 2
    assert times == sorted(set(times))
    assert {sample.labels["job"] for sample in found} == {"prometheus"}
    with pytest.raises(Unavailable, match="bad_data"):
        Prometheus(prometheus, 5).query_range("up", 0, now, 1_000)


@pytest.mark.prometheus
@pytest.mark.parametrize("asked", ["prometheus_http_requests_total", "handled"])
def test_the_past_of_one_series_is_read_by_its_name_or_by_its_query(
    prometheus: str, asked: str
) -> None:
    client = Prometheus(prometheus, 5)
    query = Query(metric="handled", promql="prometheus_http_requests_total")
    found: History | None = None
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and (found is None or len(found.time) < 3):
        time.sleep(0.5)
        now = time.time_ns() // 1_000_000
        vector = client.query("prometheus_http_requests_total", now).samples
        if len(vector) < 2:
            continue
        head = SeriesHead(metric=asked, labels=dict(vector[0].labels))
        backfill = Backfill(client, (query,), SeriesMap(), 1_000)
        found = backfill.read(head, now - 60_000, now)
    assert found is not None
    assert len(found.time) >= 3
    assert set(np.diff(found.time)) == {1_000}
    assert np.all(np.diff(found.value) >= 0)


@pytest.mark.prometheus
def test_a_vector_becomes_samples_with_their_labels_and_times(prometheus: str) -> None:
    now = time.time_ns() // 1_000_000
    (sample,) = Prometheus(prometheus, 5).query("up", now).samples
    assert sample.value == 1.0
    assert sample.labels["job"] == "prometheus"
    assert "__name__" not in sample.labels
    assert abs(sample.time - now) <= 1


@pytest.mark.prometheus
@pytest.mark.parametrize(
    ("promql", "words"),
    [("sum by (", "bad_data"), ("scalar(up)", "a scalar where a vector was expected")],
)
def test_a_query_without_a_good_answer_says_why(prometheus: str, promql: str, words: str) -> None:
    with pytest.raises(Unavailable, match=words):
        Prometheus(prometheus, 5).query(promql, time.time_ns() // 1_000_000)


@pytest.mark.prometheus
def test_nan_and_infinities_come_as_prometheus_writes_them(prometheus: str) -> None:
    now = time.time_ns() // 1_000_000
    (infinite,) = Prometheus(prometheus, 5).query("vector(1) / vector(0)", now).samples
    (gap,) = Prometheus(prometheus, 5).query("vector(0) / vector(0)", now).samples
    assert infinite.value == float("inf")
    assert gap.value != gap.value


def test_nobody_there_is_unavailable() -> None:
    (port,) = free_ports(1)
    with pytest.raises(Unavailable, match="Prometheus: ConnectionError"):
        Prometheus(f"http://127.0.0.1:{port}", 1).query("up", 0)


class _Answers(BaseHTTPRequestHandler):
    bodies: ClassVar[list[bytes]] = []

    def do_POST(self) -> None:
        body = self.bodies.pop(0)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.parametrize("body", [b"<html>", b"[]", json.dumps({"status": "error"}).encode()])
def test_something_that_is_no_prometheus_is_unavailable(body: bytes) -> None:
    server = HTTPServer(("127.0.0.1", 0), _Answers)
    _Answers.bodies = [body]
    thread = Thread(target=server.handle_request)
    thread.start()
    with pytest.raises(Unavailable, match="Prometheus: "):
        Prometheus(f"http://127.0.0.1:{server.server_address[1]}", 2).query("up", 0)
    thread.join()
    server.server_close()
