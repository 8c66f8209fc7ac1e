"""A dependency that is away: 503 within the deadline, and what was found is kept."""

import os
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis
import requests

from aiops.adapters.keys import Keys
from aiops.adapters.redis_series import RedisSeriesStore
from aiops.series import SHARDS
from local.func_file import load_functions
from local.functions import FunctionProcess
from local.servers.process import free_ports
from local.servers.redis import debian_redis
from tests.function.test_bad_input import HEADERS, NOW_MS, batch

ROOT = Path(__file__).parents[2]
DEADLINE_SECONDS = 20.0


@dataclass
class Detect:
    """Starts detect as its own process, with no broker anywhere."""

    folder: Path
    generation: str
    process: FunctionProcess | None = None

    def at(self, redis_url: str) -> "Detect":
        (port,) = free_ports(1)
        functions = load_functions(ROOT / "functions")
        folder, func = next((d, f) for d, f in functions.items() if d.name == "detect")
        environ = {
            **os.environ,
            "PYTHONPATH": f"{ROOT}:{ROOT / 'shared'}",
            "FUNCTION_TARGET": "detect",
            "FUNCTION_SIGNATURE_TYPE": "http",
            "THREADS": "2",
            "AIOPS_CONFIG": str(self.folder),
            "AIOPS_GENERATION": self.generation,
            "KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{port}",
            "REDIS_URL": redis_url,
        }
        self.process = FunctionProcess(folder, func, environ, self.folder / "detect.log")
        self.process.start()
        self.process.wait_ready()
        return self

    def post(self, value: float) -> tuple[int, str, float]:
        assert self.process is not None
        started = time.monotonic()
        body = batch(samples=[[0, NOW_MS, value]])
        answer = requests.post(self.process.url, data=body, headers=HEADERS, timeout=30)
        return answer.status_code, answer.text, time.monotonic() - started


@pytest.fixture
def detect(tmp_path: Path) -> Iterator[Detect]:
    (tmp_path / "aiops.yaml").write_text(
        "detect: {default: {detector: static, params: {upper: 10}}}", encoding="utf-8"
    )
    one = Detect(tmp_path, f"t{uuid.uuid4().hex}")
    yield one
    if one.process is not None:
        one.process.stop()


def test_without_a_broker_the_answer_is_503_in_time_and_the_anomaly_is_kept(
    detect: Detect, redis_url: str
) -> None:
    detect.at(redis_url)
    status, text, seconds = detect.post(99.0)
    assert (status, text[:6]) == (503, "Kafka:")
    assert seconds < DEADLINE_SECONDS
    with redis.Redis.from_url(redis_url) as client:
        store = RedisSeriesStore(client, Keys(f"{detect.generation}:"))
        later = time.time_ns() // 1_000_000 + 60_000
        assert len(store.load([], range(SHARDS), later).overdue) == 1


def test_samples_that_alarm_nobody_need_no_broker(detect: Detect, redis_url: str) -> None:
    assert detect.at(redis_url).post(1.0)[0] == 204


def test_without_redis_the_answer_is_503_in_time(detect: Detect) -> None:
    (port,) = free_ports(1)
    status, text, seconds = detect.at(f"redis://127.0.0.1:{port}/0").post(1.0)
    assert (status, text) == (503, "Redis: ConnectionError\n")
    assert seconds < DEADLINE_SECONDS


@pytest.mark.redis
def test_a_redis_that_would_forget_state_is_not_worked_with(detect: Detect, tmp_path: Path) -> None:
    server = debian_redis()
    server.start(tmp_path / "redis")
    try:
        server.wait_ready()
        with redis.Redis.from_url(server.url) as client:
            client.config_set("maxmemory", "64mb")
            client.config_set("maxmemory-policy", "allkeys-lru")
        status, text, _ = detect.at(server.url).post(1.0)
        assert status == 503
        assert "maxmemory-policy is allkeys-lru" in text
    finally:
        server.stop()
