"""What everybody promises who remembers which calls spans told of: memory and Redis."""

import uuid
from collections.abc import Iterator

import pytest
import redis

from aiops.adapters.keys import Keys
from aiops.adapters.memory_call_sightings import MemoryCallSightings
from aiops.adapters.redis_call_sightings import RedisCallSightings
from aiops.call_sightings import CallSightings, SeenCall
from tests.redis_kinds import STORES, client_of

CART = SeenCall("shop", "cart")
STORE = SeenCall("cart", "rédis \n", "database")


@pytest.fixture(params=STORES)
def calls(request: pytest.FixtureRequest) -> Iterator[CallSightings]:
    if request.param == "memory":
        yield MemoryCallSightings()
        return
    yield RedisCallSightings(client_of(request), Keys(f"t{uuid.uuid4().hex}:"))


def test_when_a_call_was_last_seen_never_goes_back(calls: CallSightings) -> None:
    calls.note({CART: 20, STORE: 5})
    calls.note({CART: 10, STORE: 30})
    calls.note({})
    assert list(calls.since(0)) == [(STORE, 30), (CART, 20)]


def test_calls_not_seen_for_long_are_forgotten(calls: CallSightings) -> None:
    calls.note({CART: 20, STORE: 5})
    assert list(calls.since(20)) == [(CART, 20)]
    assert list(calls.since(0)) == [(CART, 20)]


def test_calls_expire_on_redis(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        keys = Keys(f"t{uuid.uuid4().hex}:")
        RedisCallSightings(client, keys, rate=60.0).note({CART: 1})
        assert 0 < client.pttl(keys.calls()) <= 30 * 24 * 3_600_000 // 60
