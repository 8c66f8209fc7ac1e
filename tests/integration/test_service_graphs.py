"""The service graphs `collect` asks for, answered by a real Prometheus."""

import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from aiops.adapters.memory_incidents import MemoryIncidents
from aiops.adapters.prometheus import Prometheus
from aiops.call_table import calls_of
from aiops.errors import Unavailable
from aiops.events import TopologyObserved
from aiops.ports import Event
from functions.collect.config import CollectConfig
from functions.collect.handler import TICK
from local.servers.process import ChildProcess, free_ports
from tests.function.test_collect import make

SCRAPED = """
global: {scrape_interval: 1s}
scrape_configs:
  - job_name: graphs
    static_configs: [{targets: ["127.0.0.1:%d"]}]
"""
COUNTERS = (
    'traces_service_graph_request_total{client="user",server="web",connection_type="virtual_node"}',
    'traces_service_graph_request_total{client="web",server="db",connection_type="database"}',
    'istio_requests_total{reporter="source",source_workload="web",destination_workload="cart"}',
    'istio_requests_total{reporter="destination",source_workload="web",destination_workload="cart"}',
    'istio_requests_total{reporter="source",source_workload="unknown",destination_workload="web"}',
)


class Counting(BaseHTTPRequestHandler):
    """Says that all counters rise by ten a second."""

    def do_GET(self) -> None:
        value = 10 * time.time()
        body = "".join(f"{name} {value:.0f}\n" for name in COUNTERS).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def prometheus(tmp_path) -> Iterator[str]:
    exporter = ThreadingHTTPServer(("127.0.0.1", 0), Counting)
    Thread(target=exporter.serve_forever, daemon=True).start()
    (port,) = free_ports(1)
    (tmp_path / "prometheus.yml").write_text(SCRAPED % exporter.server_address[1])
    child = ChildProcess(
        "prometheus",
        [
            "prometheus",
            f"--config.file={tmp_path}/prometheus.yml",
            f"--storage.tsdb.path={tmp_path}/data",
            f"--web.listen-address=127.0.0.1:{port}",
        ],
        tmp_path / "prometheus.log",
    )
    child.start()
    url = f"http://127.0.0.1:{port}"
    try:
        child.wait_until(lambda: _counted(url), 60)
        yield url
    finally:
        child.stop()
        exporter.shutdown()
        exporter.server_close()


def _counted(url: str) -> bool:
    """Return whether every counter was scraped often enough for a rate."""
    asked = "count(rate({__name__=~'traces_service.*|istio.*'}[5m]))"
    try:
        found = Prometheus(url, 2).query(asked, time.time_ns() // 1_000_000).samples
    except Unavailable:
        return False
    return bool(found) and found[0].value == len(COUNTERS)


@pytest.mark.prometheus
def test_service_graphs_of_traces_and_of_a_mesh_become_one_topology(prometheus: str) -> None:
    now = time.time_ns() // 1_000_000
    config = CollectConfig(queries=(), topology_minutes=1)
    handler = make(Prometheus(prometheus, 5), incidents=MemoryIncidents(), config=config)
    counts = handler(Event("t", "ping", TICK, now, b""))
    assert counts["calls"] == 3
    (message,) = handler.publisher.take("control")
    calls = calls_of(TopologyObserved.model_validate_json(message.event.data))
    assert [(c.client, c.server, c.connection, c.source) for c in calls] == [
        ("user", "web", "virtual_node", "traces"),
        ("web", "cart", None, "istio"),
        ("web", "db", "database", "traces"),
    ]
    # All counters rise alike; what the server's proxy counted is not added to the client's.
    assert len({call.traffic for call in calls}) == 1
    assert calls[0].traffic
