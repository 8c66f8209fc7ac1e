"""What everybody promises who remembers up to when queries were published: memory and Redis."""

import uuid
from collections.abc import Iterator

import pytest
import redis

from aiops.adapters.keys import Keys
from aiops.adapters.memory_published import MemoryPublished
from aiops.adapters.redis_published import RedisPublished
from aiops.published import Published
from tests.redis_kinds import STORES, client_of


@pytest.fixture(params=STORES)
def published(request: pytest.FixtureRequest) -> Iterator[Published]:
    if request.param == "memory":
        yield MemoryPublished()
        return
    client = client_of(request)
    yield RedisPublished(client, Keys(f"t{uuid.uuid4().hex}:"))


def test_times_only_move_forward_whoever_says_so_last(published: Published) -> None:
    published.advance({"a": 20, "b": 5}, 0)
    published.advance({"a": 10, "b": 6}, 0)
    assert published.until(["a", "never", "b"]) == {"a": 20, "b": 6}
    assert published.until([]) == {}


def test_queries_nobody_asks_any_more_are_forgotten(published: Published) -> None:
    published.advance({"a": 10, "b": 20}, 0)
    published.advance({"b": 30}, 15)
    assert published.until(["a", "b"]) == {"b": 30}


def test_times_expire_on_redis(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        keys = Keys(f"t{uuid.uuid4().hex}:")
        RedisPublished(client, keys, rate=60.0).advance({"a": 1}, 0)
        assert 0 < client.pttl(keys.published()) <= 7 * 24 * 3_600_000 // 60


def test_the_script_refuses_what_is_no_time_before_it_writes_any(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        keys = Keys(f"t{uuid.uuid4().hex}:")
        with pytest.raises(redis.ResponseError, match="not a number"):
            RedisPublished(client, keys)._advance(keys=[keys.published()], args=[1, 0, "a", "x"])
        assert not client.exists(keys.published())
