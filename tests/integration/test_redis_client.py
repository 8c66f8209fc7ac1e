"""The connection to Redis: what it refuses, and what it takes for a matter of time."""

import os
import signal
import time
from pathlib import Path

import pytest
import redis

from aiops.adapters import redis_client
from aiops.adapters.redis_client import connect, translated
from aiops.errors import Misconfigured, Unavailable
from local.servers.redis import OwnRedis, embedded_redis


@pytest.fixture
def server(tmp_path: Path):
    started = embedded_redis()
    started.start(tmp_path)
    try:
        started.wait_ready()
        yield started
    finally:
        started.stop()


@pytest.fixture
def url(server: OwnRedis) -> str:
    return server.url


def test_a_redis_that_would_forget_state_is_refused_every_time(url: str) -> None:
    with redis.Redis.from_url(url) as client:
        client.config_set("maxmemory", "64mb")
        client.config_set("maxmemory-policy", "allkeys-lru")
        for _ in range(3):
            with pytest.raises(Misconfigured, match="allkeys-lru"):
                connect(url).set("a", 1)
        client.config_set("maxmemory-policy", "noeviction")
        assert connect(url).set("a", 1)


def test_a_write_that_is_refused_for_now_is_no_bug_wherever_it_is_made(url: str) -> None:
    client = connect(url)
    script = client.register_script("return redis.call('SET', KEYS[1], '1')")
    with redis.Redis.from_url(url) as admin:
        admin.config_set("min-replicas-to-write", 1)
    for write in (
        lambda: client.set("a", 1),
        lambda: client.pipeline(transaction=False).set("a", 1).execute(),
        lambda: script(keys=["a"]),
    ):
        with pytest.raises(Unavailable, match="Redis: NOREPLICAS"), translated():
            write()


def test_a_command_that_is_wrong_stays_a_bug(url: str) -> None:
    client = connect(url)
    client.set("a", "text")
    with pytest.raises(redis.ResponseError, match="WRONGTYPE"), translated():
        client.pipeline(transaction=False).hset("a", "b", "OOM").execute()


def test_a_redis_that_hangs_is_waited_for_once(
    server: OwnRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_client, "_TIMEOUT_SECONDS", 0.5)
    client = connect(server.url)
    client.set("a", 1)
    pid = int(client.info("server")["process_id"])
    os.kill(pid, signal.SIGSTOP)
    try:
        for _ in range(2):
            started = time.monotonic()
            with pytest.raises(Unavailable, match="Redis: TimeoutError"), translated():
                client.get("a")
            assert time.monotonic() - started < 0.9
    finally:
        os.kill(pid, signal.SIGCONT)
    assert client.get("a") == b"1"
