"""What every holder of admissions promises: the twin in memory and Redis alike."""

import uuid
from collections.abc import Iterator

import pytest
import redis

from aiops.adapters.keys import SERIES_LIFETIME, Keys
from aiops.adapters.memory_admissions import MemoryAdmissions
from aiops.adapters.redis_admissions import AT_ONCE, RedisAdmissions
from aiops.admissions import Admissions
from tests.redis_kinds import STORES, client_of

NOW = 1_767_225_600_000


@pytest.fixture(params=STORES)
def admissions(request: pytest.FixtureRequest) -> Iterator[Admissions]:
    if request.param == "memory":
        yield MemoryAdmissions()
        return
    client = client_of(request)
    yield RedisAdmissions(client, Keys(f"t{uuid.uuid4().hex}:"))


def test_the_first_are_taken_in_and_stay_so(admissions: Admissions) -> None:
    assert admissions.admit("s", 2, ["a", "b", "c"], NOW) == [True, True, False]
    assert admissions.admit("s", 2, ["c", "b", "a"], NOW + 1) == [False, True, True]
    assert admissions.admit("s", 2, [], NOW) == []


def test_selectors_know_nothing_of_each_other(admissions: Admissions) -> None:
    assert admissions.admit("s", 1, ["a"], NOW) == [True]
    assert admissions.admit("t", 1, ["b"], NOW) == [True]
    assert admissions.admit("none", 0, ["a"], NOW) == [False]


def test_more_are_taken_in_when_there_may_be_more_and_none_is_put_out_for_fewer(
    admissions: Admissions,
) -> None:
    assert admissions.admit("s", 1, ["a", "b"], NOW) == [True, False]
    assert admissions.admit("s", 2, ["b"], NOW) == [True]
    assert admissions.admit("s", 1, ["a", "b", "c"], NOW) == [True, True, False]


def test_a_series_that_is_silent_for_long_leaves_its_place(admissions: Admissions) -> None:
    assert admissions.admit("s", 2, ["a", "b"], NOW) == [True, True]
    later = NOW + SERIES_LIFETIME
    assert admissions.admit("s", 2, ["b"], later - 1) == [True]
    assert admissions.admit("s", 2, ["b"], NOW) == [True], "an older question takes nothing back"
    assert admissions.admit("s", 2, ["c", "a"], later) == [True, False]


def test_more_series_than_one_call_takes_are_asked_for_in_several(admissions: Admissions) -> None:
    keys = [f"{place:032x}" for place in range(AT_ONCE + 10)]
    assert admissions.admit("s", AT_ONCE + 5, keys, NOW) == [True] * (AT_ONCE + 5) + [False] * 5


def test_admissions_expire_on_redis(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        keys = Keys(f"t{uuid.uuid4().hex}:")
        RedisAdmissions(client, keys, rate=60.0).admit("s", 1, ["a"], NOW)
        assert 0 < client.pttl(keys.admitted("s")) <= SERIES_LIFETIME // 60
