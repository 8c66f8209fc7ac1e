"""Totals of what functions count, on real Redis."""

from collections import Counter

import pytest

from aiops.adapters.counting import Counting
from aiops.adapters.keys import WRITER_LIFETIME, Keys
from aiops.adapters.redis_client import connect
from aiops.adapters.redis_counters import RedisCounters
from aiops.counters import EVENTS, OVERFLOW, REQUEST, field_of, observe, read_field
from aiops.errors import Unavailable

pytestmark = pytest.mark.redis

OK = field_of(EVENTS, ("detect", "ok"))


@pytest.fixture
def keys(request):
    return Keys(f"{abs(hash(request.node.nodeid))}:")


@pytest.fixture
def store(redis_url, keys):
    return RedisCounters(connect(redis_url), keys)


def test_numbers_add_up_over_writers(store):
    store.add("a", 1, {OK: 2})
    store.add("b", 1, {OK: 3})
    store.add("a", 2, {OK: 1})
    assert store.read() == {OK: 6}


def test_a_batch_told_twice_counts_once(store):
    store.add("a", 1, {OK: 2})
    store.add("a", 1, {OK: 2})
    assert store.read() == {OK: 2}


def test_totals_stay_and_writers_go(store, keys, redis_url):
    store.add("a", 1, {OK: 1})
    client = connect(redis_url)
    assert client.pttl(keys.counters()) == -1
    assert 0 < client.pttl(keys.counter_writer("a")) <= WRITER_LIFETIME


def test_what_is_new_beyond_the_bound_is_overflow_and_nothing_is_lost(redis_url, keys):
    store = RedisCounters(connect(redis_url), keys, most=2)
    names = [field_of(EVENTS, ("detect", f"made-up-{n}")) for n in range(5)]
    store.add("a", 1, dict.fromkeys(names, 1))
    store.add("a", 2, dict.fromkeys(names, 1))
    assert store.read() == {names[0]: 2, names[1]: 2, field_of(OVERFLOW, ()): 6}


def test_generations_are_counted_apart(store, redis_url, keys):
    store.add("a", 1, {OK: 1})
    assert RedisCounters(connect(redis_url), Keys(f"x{keys.generation}")).read() == {}


def test_an_answer_that_got_lost_is_not_counted_twice(store):
    class LosesItsAnswer:
        def __init__(self):
            self.calls = 0

        def add(self, who, number, fields):
            store.add(who, number, fields)
            self.calls += 1
            if self.calls == 1:
                raise Unavailable("Redis: TimeoutError")

        def read(self):
            return store.read()

    held = LosesItsAnswer()
    counting = Counting(lambda: held)
    counting.count(EVENTS, "detect", "ok")
    assert not counting.tell()
    counting.count(EVENTS, "detect", "ok")
    assert counting.tell()
    assert store.read() == {OK: 2}
    assert held.calls == 3


def test_what_cannot_be_told_is_told_with_the_next_answer_and_never_fails_one(store, capfd):
    class Broken:
        def add(self, *_):
            raise ValueError("no such right")

        def read(self):
            return {}

    stores = [Broken(), store]
    counting = Counting(lambda: stores[0])
    counting.count(EVENTS, "detect", "ok")
    assert not counting.tell()
    assert "no such right" in capfd.readouterr().err
    del stores[0]
    assert counting.tell()
    assert store.read() == {OK: 1}


@pytest.mark.parametrize(
    ("ms", "bucket"), [(0, "5"), (5, "5"), (5.4, "5"), (6, "10"), (20_000, "20000"), (1e9, "+Inf")]
)
def test_an_observation_falls_into_the_first_bucket_that_holds_it(ms, bucket):
    fields = Counter()
    observe(fields, REQUEST, ("act",), ms)
    assert fields == {
        field_of(REQUEST, ("act",), bucket): 1,
        field_of(REQUEST, ("act",), "sum"): round(ms),
    }


def test_no_label_can_look_like_another_field():
    strange = ('a","b', "ok")
    assert read_field(field_of(EVENTS, strange)) == ("aiops_events", strange, "")
    assert field_of(EVENTS, strange) != field_of(EVENTS, ("a", "b"))
