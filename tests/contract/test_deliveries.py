"""What remembers deliveries keeps its promises, in memory and on Redis."""

import uuid
from collections.abc import Iterator

import pytest
import redis

from aiops.adapters.keys import Keys
from aiops.adapters.memory_deliveries import MemoryDeliveries
from aiops.adapters.redis_deliveries import RedisDeliveries
from aiops.deliveries import Deliveries
from aiops.errors import Unavailable
from tests.waiting import until

LONG = 600_000


@pytest.fixture(params=["memory", "redis"])
def deliveries(request: pytest.FixtureRequest) -> Iterator[Deliveries]:
    if request.param == "memory":
        yield MemoryDeliveries()
        return
    client = redis.Redis.from_url(request.getfixturevalue("redis_url"))
    yield RedisDeliveries(client, Keys(uuid.uuid4().hex))
    client.close()


def test_a_delivery_is_new_once_and_done_once_it_is_settled(deliveries: Deliveries) -> None:
    assert deliveries.claim("slack", "a", LONG) == "new"
    assert deliveries.claim("slack", "a", LONG) == "in_progress"
    deliveries.settle("slack", "a", LONG)
    assert deliveries.claim("slack", "a", LONG) == "done"


def test_what_is_given_up_may_come_again(deliveries: Deliveries) -> None:
    deliveries.claim("slack", "a", LONG)
    deliveries.release("slack", "a")
    assert deliveries.claim("slack", "a", LONG) == "new"


def test_names_of_one_sender_are_not_those_of_another(deliveries: Deliveries) -> None:
    deliveries.claim("slack", "a", LONG)
    assert deliveries.claim("flux", "a", LONG) == "new"
    assert deliveries.claim("slack", "b", LONG) == "new"


def test_a_claim_nobody_settles_ends_by_itself(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        deliveries = RedisDeliveries(client, Keys(uuid.uuid4().hex))
        assert deliveries.claim("slack", "a", 50) == "new"
        until(lambda: deliveries.claim("slack", "a", LONG) == "new")


def test_what_is_remembered_is_forgotten_in_the_end(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        keys = Keys(uuid.uuid4().hex)
        RedisDeliveries(client, keys).settle("slack", "a", LONG)
        assert 0 < client.pttl(keys.delivery("slack", "a")) <= LONG


def test_redis_away_is_unavailable() -> None:
    client = redis.Redis.from_url("redis://127.0.0.1:1/0")
    with pytest.raises(Unavailable):
        RedisDeliveries(client, Keys()).claim("slack", "a", LONG)
