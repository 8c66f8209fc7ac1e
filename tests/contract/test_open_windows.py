"""What everybody promises who remembers which services the clock has to look at."""

import uuid
from collections.abc import Iterator

import pytest
import redis

from aiops.adapters.keys import Keys
from aiops.adapters.memory_open_windows import MemoryOpenWindows
from aiops.adapters.redis_open_windows import RedisOpenWindows
from aiops.open_windows import Due, OpenWindows
from tests.redis_kinds import STORES, client_of


@pytest.fixture(params=STORES)
def index(request: pytest.FixtureRequest) -> Iterator[OpenWindows]:
    if request.param == "memory":
        yield MemoryOpenWindows()
        return
    yield RedisOpenWindows(client_of(request), Keys(f"t{uuid.uuid4().hex}:"))


def test_those_whose_time_has_come_are_told_the_earliest_first(index: OpenWindows) -> None:
    index.note(["c", "b"], 20)
    index.note(["a"], 30)
    index.note(["shop/ü\n x"], 10)
    assert index.due(20, 10) == [Due("shop/ü\n x", 10), Due("b", 20), Due("c", 20)]
    assert index.due(20, 2) == [Due("shop/ü\n x", 10), Due("b", 20)]
    assert index.due(9, 10) == []


def test_who_is_noted_again_meanwhile_is_not_forgotten(index: OpenWindows) -> None:
    index.note(["a", "b", "c"], 10)
    due = index.due(10, 10)
    index.note(["a"], 50)
    index.note(["b"], 5)
    index.settle(due)
    assert index.due(100, 10) == [Due("b", 5), Due("a", 50)]


def test_nothing_to_note_and_nothing_to_settle_is_no_call(index: OpenWindows) -> None:
    index.note([], 10)
    index.settle([])
    assert index.due(10, 10) == []


def test_the_script_refuses_a_name_without_a_time(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        store = RedisOpenWindows(client, Keys(f"t{uuid.uuid4().hex}:"))
        with pytest.raises(redis.ResponseError, match="a name without a time"):
            store._settle(keys=["x"], args=["a"])
