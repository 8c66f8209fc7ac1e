"""A real Prometheus scrapes real exporters; real faults become incidents that name their target."""

import json
import shutil
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from math import isnan
from pathlib import Path

import pytest
import requests

from aiops.adapters.cloudevent import iso
from aiops.adapters.prometheus import Prometheus
from aiops.errors import Unavailable
from aiops.events import Incident, Samples
from aiops.series import SeriesMap
from functions.collect.asking import questions
from functions.collect.config import CollectConfig
from functions.collect.handler import TICK
from local.past import Past
from local.servers.process import ChildProcess, free_ports
from tests.running import Running, running
from tests.waiting import until

SCRAPED = """
global: {scrape_interval: 1s, scrape_timeout: 1s}
scrape_configs:
  - job_name: shop
    static_configs: [{targets: ["127.0.0.1:%d"]}]
  - job_name: machine
    static_configs: [{targets: ["127.0.0.1:%d"]}]
"""
COLLECTED = {
    "every": 1,
    "delay": 3,
    "sets": ["node"],
    "service_graphs": [],
    "queries": [
        {"metric": "target_availability", "promql": "min by (job) (up)"},
        {
            "metric": "process_cpu_cores",
            "promql": "sum by (job) (rate(process_cpu_seconds_total{job='shop'}[5s]))",
        },
    ],
}
CONFIG = json.dumps(
    {
        "collect": COLLECTED,
        "correlate": {"group_wait": 0},
        "detect": {
            "rules": [
                # Of a machine that has much else to do.
                {"match": {"metric": "node_.*"}, "min_history": 1_000_000},
                {
                    "match": {"metric": "target_availability"},
                    "detector": "static",
                    "params": {"lower": 0.5},
                },
                {
                    "match": {"metric": "process_cpu_cores"},
                    "detector": "static",
                    "params": {"upper": 0.3},
                    "min_history": 10,
                },
            ],
        },
    }
)
SHOP = """
import sys, threading, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def burn():
    end = time.monotonic() + 12
    while time.monotonic() < end:
        pass


class Shop(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/burn":
            threading.Thread(target=burn, daemon=True).start()
        body = f"process_cpu_seconds_total {time.process_time()}\\n".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Shop).serve_forever()
"""
READ = {"metrics": 12, "incidents": 6}


@dataclass(slots=True)
class World:
    """The pipeline, what it looks at, and what it published."""

    it: Running
    prometheus: str
    shop: str
    machine: ChildProcess
    gathered: dict[tuple[str, int], float] = field(default_factory=dict)
    incidents: list[Incident] = field(default_factory=list)

    def tick(self) -> None:
        """Let the clock tick, as often as the machine likes, and read what is published."""
        now = time.time_ns() // 1_000_000
        headers = {
            "ce-specversion": "1.0",
            "ce-id": str(uuid.uuid4()),
            "ce-source": "/test",
            "ce-type": TICK,
            "ce-time": iso(now),
        }
        url = self.it.pipeline.urls["aiops-collect"][0]
        answer = requests.post(url, headers=headers, data=b"", timeout=30)
        assert answer.status_code == 204, answer.text
        for records in self.it.consumer.poll(500).values():
            for record in records:
                if record.topic == "incidents":
                    self.incidents.append(Incident.model_validate_json(record.value))
                elif dict(record.headers).get("ce_type") == Samples.type.encode():
                    self.note(Samples.model_validate_json(record.value))

    def note(self, fact: Samples) -> None:
        for place, at, value in fact.samples:
            self.gathered[written(fact.series[place]), at] = value

    def told(self, service: str, metric: str) -> bool:
        """Return whether people are told of an incident that is blamed on a service."""
        self.tick()
        return any(
            one.notified_at
            and one.root_cause
            and (one.root_cause[0].service, one.root_cause[0].metric) == (service, metric)
            for one in self.incidents
        )


def written(head) -> str:
    return json.dumps([head.metric, sorted(head.labels.items())])


@pytest.fixture
def world(tmp_path: Path, note_server: Callable[[str], None]) -> Iterator[World]:
    shop, machine, port = free_ports(3)
    (tmp_path / "shop.py").write_text(SHOP)
    (tmp_path / "prometheus.yml").write_text(SCRAPED % (shop, machine))
    url = f"http://127.0.0.1:{port}"
    commands = {
        "shop": [sys.executable, str(tmp_path / "shop.py"), str(shop)],
        "machine": ["prometheus-node-exporter", f"--web.listen-address=127.0.0.1:{machine}"],
        "prometheus": [
            "prometheus",
            f"--config.file={tmp_path}/prometheus.yml",
            f"--storage.tsdb.path={tmp_path}/data",
            f"--web.listen-address=127.0.0.1:{port}",
        ],
    }
    with ExitStack() as stack:
        started = {}
        for name, command in commands.items():
            started[name] = ChildProcess(name, command, tmp_path / f"{name}.log")
            started[name].start()
            stack.callback(started[name].stop)
        started["prometheus"].wait_until(lambda: scraped(url), 60)
        it = stack.enter_context(
            running(
                "real",
                tmp_path,
                CONFIG,
                note_server,
                environ={"PROMETHEUS_URL": url},
                backoff_speed=4.0,
                reads=READ,
            )
        )
        yield World(it, url, f"http://127.0.0.1:{shop}", started["machine"])


def scraped(url: str) -> bool:
    try:
        answer = Prometheus(url, 2).query("up == 1", time.time_ns() // 1_000_000)
    except Unavailable:
        return False
    return len(answer.samples) == 2


@pytest.mark.skipif(
    not shutil.which("prometheus-node-exporter"), reason="prometheus-node-exporter is not installed"
)
@pytest.mark.redis
@pytest.mark.kafka
@pytest.mark.prometheus
def test_a_busy_loop_and_a_stopped_process_are_found_and_the_past_equals_what_was_gathered(
    world: World,
) -> None:
    def learned() -> bool:
        world.tick()
        return sum("process_cpu_cores" in name for name, _ in world.gathered) >= 15

    # No longer than it takes the rates to be calm.
    until(learned, 60)
    assert world.incidents == []
    requests.get(f"{world.shop}/burn", timeout=10)
    until(lambda: world.told("shop", "process_cpu_cores"), 45)
    assert {name for one in world.incidents for name in one.services} == {"shop"}
    world.machine.stop()
    until(lambda: world.told("machine", "target_availability"), 45)
    blamed = [one for one in world.incidents if "machine" in one.services]
    assert all(one.root_cause[0].service == "machine" for one in blamed if one.notified_at)
    assert same_again(world) > 100


def same_again(world: World) -> int:
    """Compare what was gathered with what is asked for later; return how many samples there are."""
    config = CollectConfig.model_validate(COLLECTED)
    past = Past(config, SeriesMap())
    times = sorted({at for _, at in world.gathered})
    asked = past.times(times[0], times[-1])
    found = {
        (written(one.head), one.time): one.value
        for question in questions(config, Prometheus(world.prometheus, 10), None)
        for piece in past.pieces(question, asked)
        for _, readings in past.readings(question, piece)
        for one in readings
    }
    assert set(found) == set(world.gathered)
    for place, value in found.items():
        before = world.gathered[place]
        assert value == before or (isnan(value) and isnan(before)), place
    return len(found)
