"""A dependency that is away: 503 within the deadline, and what was found is kept."""

import time
import uuid
from pathlib import Path

import functions_framework
import pytest
import redis

from aiops.adapters.keys import Keys
from aiops.adapters.redis_series import RedisSeriesStore
from aiops.series import SHARDS
from local.servers.process import free_ports
from local.servers.redis import debian_redis
from tests.function.test_bad_input import HEADERS, NOW_MS, batch

ROOT = Path(__file__).parents[2]
DEADLINE_SECONDS = 20.0


@pytest.fixture
def generation(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    (tmp_path / "aiops.yaml").write_text(
        "detect: {default: {detector: static, params: {upper: 10}}}", encoding="utf-8"
    )
    name = f"t{uuid.uuid4().hex}"
    (port,) = free_ports(1)
    monkeypatch.setenv("AIOPS_CONFIG", str(tmp_path))
    monkeypatch.setenv("AIOPS_GENERATION", name)
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", f"127.0.0.1:{port}")
    return name


def post(value: float) -> tuple[int, str, float]:
    source = ROOT / "functions" / "detect" / "main.py"
    client = functions_framework.create_app("detect", str(source), "http").test_client()
    started = time.monotonic()
    answer = client.post("/", data=batch(samples=[[0, NOW_MS, value]]), headers=HEADERS)
    return answer.status_code, answer.text, time.monotonic() - started


def test_without_a_broker_the_answer_is_503_in_time_and_the_anomaly_is_kept(
    generation: str, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", redis_url)
    status, text, seconds = post(99.0)
    assert (status, text[:6]) == (503, "Kafka:")
    assert seconds < DEADLINE_SECONDS
    with redis.Redis.from_url(redis_url) as client:
        store = RedisSeriesStore(client, Keys(f"{generation}:"))
        later = time.time_ns() // 1_000_000 + 60_000
        assert len(store.load([], range(SHARDS), later).overdue) == 1


def test_what_alarms_nobody_needs_no_broker(
    generation: str, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert generation
    monkeypatch.setenv("REDIS_URL", redis_url)
    assert post(1.0)[0] == 204


def test_without_redis_the_answer_is_503_in_time(
    generation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert generation
    (port,) = free_ports(1)
    monkeypatch.setenv("REDIS_URL", f"redis://127.0.0.1:{port}/0")
    status, text, seconds = post(1.0)
    assert (status, text) == (503, "Redis: ConnectionError\n")
    assert seconds < DEADLINE_SECONDS


@pytest.mark.redis
def test_a_redis_that_would_forget_state_is_not_worked_with(
    generation: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert generation
    server = debian_redis()
    server.start(tmp_path / "redis")
    try:
        server.wait_ready()
        with redis.Redis.from_url(server.url) as client:
            client.config_set("maxmemory", "64mb")
            client.config_set("maxmemory-policy", "allkeys-lru")
        monkeypatch.setenv("REDIS_URL", server.url)
        status, text, _ = post(1.0)
        assert status == 503
        assert "maxmemory-policy is allkeys-lru" in text
    finally:
        server.stop()
