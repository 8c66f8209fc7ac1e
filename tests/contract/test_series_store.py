"""What every series store promises: the twin in memory and Redis alike."""

import os
import uuid
from collections.abc import Iterator

import pytest
import redis

from aiops.adapters.keys import Keys
from aiops.adapters.memory_series import MemorySeriesStore
from aiops.adapters.redis_series import RedisSeriesStore
from aiops.series_store import DRAIN_LIMIT, Mode, SeriesStore, Write
from tests.redis_kinds import KINDS, STORES, client_of

NOW = 1_700_000_000_000


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest) -> Iterator[SeriesStore]:
    if request.param == "memory":
        yield MemorySeriesStore()
        return
    client = client_of(request)
    yield RedisSeriesStore(client, Keys(f"t{uuid.uuid4().hex}:"))


@pytest.fixture
def client(request: pytest.FixtureRequest) -> "redis.Redis":
    return client_of(request)


def record(content: bytes = b"", nonce: bytes | None = None) -> bytes:
    return (nonce or os.urandom(8)) + content.ljust(56, b"\0")


def write(new: bytes, old: bytes = b"", outputs=(), shard=3, key="k", mode=Mode.WHOLE) -> Write:
    return Write(shard, key, old[:8], new, mode, tuple(outputs))


def test_an_unknown_series_has_no_record(store: SeriesStore) -> None:
    assert store.load([(3, "k")], {3}, NOW).records == [None]


def test_records_come_back_in_the_order_asked_for_across_shards(store: SeriesStore) -> None:
    first, second = record(b"a"), record(b"b")
    assert store.commit([write(first), write(second, shard=5, key="l")], NOW) == []
    assert list(store.load([(5, "l"), (3, "x"), (3, "k")], {3, 5}, 0).records) == [
        second,
        None,
        first,
    ]


def test_a_write_on_top_of_another_record_is_refused_with_its_outputs(store: SeriesStore) -> None:
    first = record(b"a")
    store.commit([write(first)], NOW)
    stale = write(record(b"b"), old=record(), outputs=[("k:1", b"{}")])
    unknown = write(record(b"c"), outputs=[("k:2", b"{}")])
    assert store.commit([stale, write(record(b"d"), key="other"), unknown], NOW) == [0, 2]
    assert list(store.load([(3, "k")], (), 0).records) == [first]
    assert store.outputs([(3, "k:1"), (3, "k:2")]) == {}


def test_only_the_span_that_changed_is_written(store: SeriesStore) -> None:
    old = record(b"abcdefgh" * 7)
    store.commit([write(old)], NOW)
    new = os.urandom(8) + old[8:16] + b"ZZZZZZZZ" + old[24:]
    assert store.commit([write(new[:24], old=old, mode=Mode.PATCH)], NOW) == []
    assert list(store.load([(3, "k")], (), 0).records) == [new]
    assert store.commit([write(record(b"short")[:40], old=new)], NOW) == []
    assert len(store.load([(3, "k")], (), 0).records[0]) == 40


def test_outputs_are_kept_with_the_record_until_removed(store: SeriesStore) -> None:
    store.commit([write(record(), outputs=[("k:1", b"one"), ("k:2", b"two")])], NOW)
    assert store.outputs([(3, "k:1"), (3, "k:9")]) == {(3, "k:1"): b"one"}
    store.remove([(3, "k:1")])
    assert store.outputs([(3, "k:1"), (3, "k:2")]) == {(3, "k:2"): b"two"}
    assert store.load([], {3}, NOW + 1).backlog == 1


def test_what_was_left_behind_is_found_once_it_is_old_enough(store: SeriesStore) -> None:
    store.commit([write(record(), outputs=[("k:1", b"one")])], NOW)
    assert store.load([], {3}, NOW).overdue == {}
    assert store.load([], {3}, NOW + 1).overdue == {(3, "k:1"): b"one"}
    assert store.load([], {4}, NOW + 1).overdue == {}


def test_one_request_takes_along_only_so_much_of_a_backlog(store: SeriesStore) -> None:
    outputs = [(f"k:{n}", b"x") for n in range(DRAIN_LIMIT + 10)]
    store.commit([write(record(), outputs=outputs)], NOW)
    loaded = store.load([], {3}, NOW + 1)
    assert loaded.backlog == DRAIN_LIMIT + 10
    assert len(loaded.overdue) == DRAIN_LIMIT


def test_a_mark_never_goes_back(store: SeriesStore) -> None:
    store.mark_processed("0", 20)
    store.mark_processed("0", 10)
    store.mark_processed("1", 5)
    assert store.processed() == {"0": 20, "1": 5}


def test_a_record_expires_on_redis_and_its_outputs_do_not(redis_url: str) -> None:
    client = redis.Redis.from_url(redis_url)
    keys = Keys(f"t{uuid.uuid4().hex}:")
    store = RedisSeriesStore(client, keys, rate=60.0)
    old = record(b"abcdefgh" * 7)
    store.commit([write(old, outputs=[("k:1", b"one")])], NOW)
    whole = 14 * 24 * 3_600_000 // 60
    assert whole - 60_000 < client.pttl(keys.series(3, "k")) <= whole
    client.pexpire(keys.series(3, "k"), 1_000_000)
    patched = os.urandom(8) + old[8:16]
    store.commit([write(patched, old=old, mode=Mode.PATCH)], NOW)
    assert 0 < client.pttl(keys.series(3, "k")) <= 1_000_000
    store.commit([write(os.urandom(16), old=patched, mode=Mode.RENEW)], NOW)
    assert whole - 60_000 < client.pttl(keys.series(3, "k")) <= whole
    assert client.pttl(keys.out(3)) == -1
    assert client.pttl(keys.out_due(3)) == -1
    client.close()


def test_a_script_with_wrong_arguments_writes_nothing(redis_url: str) -> None:
    client = redis.Redis.from_url(redis_url)
    keys = Keys(f"t{uuid.uuid4().hex}:")
    store = RedisSeriesStore(client, keys)
    good = write(record(), outputs=[("k:1", b"one")])
    bad = Write(3, "l", b"", b"short")
    with pytest.raises(redis.ResponseError, match="arguments of series 1"):
        store.commit([good, bad], NOW)
    assert list(client.scan_iter(f"aiops:{keys.generation}*")) == []
    client.close()


@pytest.mark.parametrize("client", KINDS, indirect=True)
def test_a_server_that_forgot_the_script_is_told_it_again(client: "redis.Redis") -> None:
    store = RedisSeriesStore(client, Keys(f"t{uuid.uuid4().hex}:"))
    old, other = record(), record()
    assert store.commit([write(old), write(other, shard=4)], NOW) == []
    client.script_flush()
    new = record(b"new")
    assert store.commit([write(new, old=old), write(record(), shard=4)], NOW) == [1]
    assert list(store.load([(3, "k"), (4, "k")], (), 0).records) == [new, other]
