"""What everybody promises who brings both ends of calls together: memory and Redis."""

import uuid
from collections.abc import Iterator
from itertools import permutations

import pytest
import redis

from aiops.adapters.keys import Keys
from aiops.adapters.memory_span_pairs import MemorySpanPairs
from aiops.adapters.redis_span_pairs import RedisSpanPairs
from aiops.span_pairs import Half, SpanPairs, Whole
from tests.redis_kinds import STORES, client_of

MOST = 4


@pytest.fixture(params=STORES)
def pairs(request: pytest.FixtureRequest) -> Iterator[SpanPairs]:
    if request.param == "memory":
        yield MemorySpanPairs(MOST)
        return
    yield RedisSpanPairs(client_of(request), Keys(f"t{uuid.uuid4().hex}:"), 60_000, MOST)


def client(trace: str, call: str, told: bytes = b"client") -> Half:
    return Half(trace, call, asked=False, told=told)


def server(trace: str, call: str, told: bytes = b"server") -> Half:
    return Half(trace, call, asked=True, told=told)


WHOLE = [Whole(b"client", b"server")]


def test_a_call_belongs_to_the_record_that_brings_its_second_end(pairs: SpanPairs) -> None:
    assert pairs.join("1", [client("t", "a")]) == []
    assert pairs.join("2", [server("t", "a")]) == WHOLE
    assert pairs.join("1", [client("t", "a")]) == []
    assert pairs.join("2", [server("t", "a")]) == WHOLE
    assert pairs.join("3", [server("t", "a", b"later")]) == []


def test_both_ends_in_one_record_are_one_call(pairs: SpanPairs) -> None:
    both = [client("t", "a"), server("t", "a"), server("u", "a"), client("u", "b")]
    assert pairs.join("1", both) == WHOLE
    assert pairs.join("1", both) == WHOLE


def test_calls_of_many_traces_come_together_in_one_go(pairs: SpanPairs) -> None:
    traces = [uuid.uuid4().hex for _ in range(40)]
    assert pairs.join("1", [client(t, "a", t.encode()) for t in traces]) == []
    found = pairs.join("2", [server(t, "a") for t in traces])
    assert {one.client.decode() for one in found} == set(traces)


def test_what_was_told_first_counts(pairs: SpanPairs) -> None:
    pairs.join("1", [client("t", "a"), client("t", "a", b"again")])
    pairs.join("2", [client("t", "a", b"and again")])
    assert pairs.join("3", [server("t", "a")]) == WHOLE


def test_a_trace_that_never_ends_keeps_so_many_ends_and_no_more(pairs: SpanPairs) -> None:
    pairs.join("1", [client("t", str(n)) for n in range(MOST + 3)])
    assert pairs.join("2", [server("t", "0"), server("u", "0")]) == []
    assert pairs.join("3", [client("u", "0")]) == WHOLE


def test_nothing_is_asked_for_nothing(pairs: SpanPairs) -> None:
    assert pairs.join("1", []) == []


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_in_whatever_order_ends_come_each_call_is_told_of_once(order: tuple[int, ...]) -> None:
    pairs = MemorySpanPairs()
    records = [[client("t", "a")], [server("t", "a"), client("t", "b")], [server("t", "b")], []]
    found = [whole for place in order for whole in pairs.join(str(place), records[place])]
    assert len(found) == 2


def test_ends_expire_on_redis(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as connection:
        keys = Keys(f"t{uuid.uuid4().hex}:")
        RedisSpanPairs(connection, keys, 60_000, rate=60.0).join("1", [client("t", "a")])
        (key,) = connection.keys(f"*{keys.generation}*")
        assert 0 < connection.pttl(key) <= 1_000


@pytest.mark.parametrize(
    "arguments", [["r", 0, 4], ["r", 5, "x"], ["r", 5, 4, 1, "c"], ["r", 5, 4, 2, "c", "a", "b"],
                  ["r", 5, 4, 1, "x", "a", "b"]],
)  # fmt: skip
def test_the_script_refuses_what_it_does_not_understand(redis_url: str, arguments) -> None:
    with redis.Redis.from_url(redis_url) as connection:
        pairs = RedisSpanPairs(connection, Keys(f"t{uuid.uuid4().hex}:"), 60_000)
        with pytest.raises(redis.ResponseError, match="pair_spans"):
            pairs._pair(keys=["k"], args=arguments)
        assert not connection.exists("k")
