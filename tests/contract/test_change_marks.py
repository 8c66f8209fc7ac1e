"""What every holder of change marks promises: the twin in memory and Redis alike."""

import uuid
from collections.abc import Iterator

import pytest
import redis

from aiops.adapters.keys import Keys
from aiops.adapters.memory_changes import MemoryChanges
from aiops.adapters.redis_changes import RedisChanges
from aiops.changes import ChangeMarks
from tests.redis_kinds import STORES, client_of


@pytest.fixture(params=STORES)
def marks(request: pytest.FixtureRequest) -> Iterator[ChangeMarks]:
    if request.param == "memory":
        yield MemoryChanges()
        return
    client = client_of(request)
    yield RedisChanges(client, Keys(f"t{uuid.uuid4().hex}:"))


def test_the_latest_change_counts_in_whatever_order_changes_arrive(marks: ChangeMarks) -> None:
    for at in (20, 30, 10, 30):
        marks.note("shop", at)
    marks.note("cart", 5)
    assert marks.latest({"shop", "cart", "never"}) == {"shop": 30, "cart": 5}
    assert marks.latest([]) == {}


def test_marks_expire_on_redis(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        keys = Keys(f"t{uuid.uuid4().hex}:")
        RedisChanges(client, keys, rate=60.0).note("shop", 1)
        assert 0 < client.pttl(keys.changes()) <= 30 * 24 * 3_600_000 // 60
