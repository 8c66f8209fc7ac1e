"""The connection to Redis: what it refuses, and what it takes for a matter of time."""

from pathlib import Path

import pytest
import redis

from aiops.adapters.redis_client import connect, translated
from aiops.errors import Misconfigured, Unavailable
from local.servers.redis import embedded_redis


@pytest.fixture
def url(tmp_path: Path):
    server = embedded_redis()
    server.start(tmp_path)
    try:
        server.wait_ready()
        yield server.url
    finally:
        server.stop()


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
    with redis.Redis.from_url(url) as admin:
        admin.config_set("min-replicas-to-write", 1)
    for write in (
        lambda: client.set("a", 1),
        lambda: client.pipeline(transaction=False).set("a", 1).execute(),
        lambda: client.eval("return redis.call('SET', KEYS[1], '1')", 1, "a"),
    ):
        with pytest.raises(Unavailable, match="Redis: NOREPLICAS"), translated():
            write()


def test_a_command_that_is_wrong_stays_a_bug(url: str) -> None:
    client = connect(url)
    client.set("a", "text")
    with pytest.raises(redis.ResponseError, match="WRONGTYPE"), translated():
        client.pipeline(transaction=False).hset("a", "b", "OOM").execute()
