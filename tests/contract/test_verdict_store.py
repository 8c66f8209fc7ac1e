"""What every verdict store promises: the twin in memory and Redis alike."""

import itertools
import uuid
from collections.abc import Iterator

import pytest
import redis

from aiops.adapters.keys import Keys
from aiops.adapters.memory_verdicts import MemoryVerdicts
from aiops.adapters.redis_verdicts import RedisVerdicts
from aiops.verdicts import MOST_VERDICTS, VERDICT_LIFETIME, Given, VerdictStore
from tests.redis_kinds import STORES, client_of

SERIES = "0" * 32


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest) -> Iterator[VerdictStore]:
    if request.param == "memory":
        yield MemoryVerdicts()
        return
    client = client_of(request)
    yield RedisVerdicts(client, Keys(f"t{uuid.uuid4().hex}:"))


def given(anomaly: str, at: int, verdict="not_anomaly") -> Given:
    return Given(anomaly, verdict, 1_000, "baseline", 2.5, "ü", at)


def test_verdicts_come_back_in_the_order_they_were_given(store: VerdictStore) -> None:
    store.add(3, SERIES, given("b", 20))
    store.add(3, SERIES, given("a", 30))
    store.add(3, SERIES, given("c", 10))
    store.add(3, "1" * 32, given("d", 5))
    found = store.read([(3, SERIES), (3, "2" * 32), (3, "1" * 32)])
    assert found == [(given("c", 10), given("b", 20), given("a", 30)), (), (given("d", 5),)]


def test_the_later_word_on_an_anomaly_counts_in_whatever_order_they_arrive(
    store: VerdictStore,
) -> None:
    words = [given("a", 10), given("a", 20, "anomaly"), given("a", 30, "withdrawn")]
    for number, order in enumerate(itertools.permutations(words)):
        for word in (*order, *order):
            store.add(number, SERIES, word)
        assert store.read([(number, SERIES)]) == [(words[2],)]


def test_only_so_many_are_kept_and_those_given_first_go(store: VerdictStore) -> None:
    for at in range(MOST_VERDICTS + 3):
        store.add(3, SERIES, given(f"{at:03d}", at))
    (found,) = store.read([(3, SERIES)])
    assert [one.given_at for one in found] == list(range(3, MOST_VERDICTS + 3))


def test_everything_that_was_said_can_be_had(store: VerdictStore) -> None:
    store.add(3, SERIES, given("a", 10))
    store.add(5, "1" * 32, given("b", 20))
    expected = {SERIES: (given("a", 10),), "1" * 32: (given("b", 20),)}
    assert dict(store.everything()) == expected


def test_verdicts_expire_on_redis_after_the_last_of_them(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        keys = Keys(f"t{uuid.uuid4().hex}:")
        RedisVerdicts(client, keys, rate=60.0).add(3, SERIES, given("a", 10))
        left = client.pttl(keys.verdicts(3, SERIES))
        assert VERDICT_LIFETIME // 60 - 60_000 < left <= VERDICT_LIFETIME // 60


def test_a_script_with_wrong_arguments_writes_nothing(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        keys = Keys(f"t{uuid.uuid4().hex}:")
        store = RedisVerdicts(client, keys)
        with pytest.raises(redis.ResponseError, match="add_verdict: arguments"):
            store._add(keys=[keys.verdicts(3, SERIES)], args=["a", "no time", 1, 1])
        assert list(client.scan_iter(f"aiops:{keys.generation}*")) == []
