"""Samples from bytes: the short way says what the long way says, or nothing."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiops.adapters.cloudevent import read_fact
from aiops.errors import Rejected
from aiops.events import Samples, SeriesHead
from aiops.ports import Event
from aiops.series import SeriesMap
from functions.detect import reading
from functions.detect.reading import REFUSED, Columns, SampleReader

HEADS = [
    {"metric": "cpu", "labels": {"service": 'a,"samples":[[', "pod": "1"}, "kind": "gauge"},
    {"metric": "cpu", "labels": {"pod": "1", "service": 'a,"samples":[['}, "kind": "counter"},
    {"metric": "x" * 3_000, "labels": {}},
    {"metric": "mem", "labels": {"service": "b"}, "kind": "counter"},
]


def reader() -> SampleReader:
    return SampleReader(SeriesMap(), lambda series: len(series.metric))


def long_way(data: bytes) -> Columns:
    event = Event("1", "/t", Samples.type, 0, data)
    return reader().of(read_fact(event, Samples))


def seen(columns: Columns) -> tuple[object, ...]:
    heads = columns.heads
    arrays = (heads.rule, heads.counter, heads.place, columns.head, columns.time, columns.value)
    named = [columns.named(place) for place in range(len(heads.keys))]
    return heads.keys, heads.refusals, named, [(a.dtype, a.tobytes()) for a in arrays]


def text(series: object, samples: object) -> bytes:
    return json.dumps({"series": series, "samples": samples}, separators=(",", ":")).encode()


ROWS = st.lists(
    st.tuples(
        st.integers(-2, 9),
        st.integers(-(1 << 63), (1 << 63) - 1),
        st.floats() | st.integers(-(10**9), 10**9),
    ),
    max_size=6,
)


@given(ROWS)
def test_the_short_way_reads_what_the_long_way_reads(rows) -> None:
    data = text(HEADS, rows)
    fast = reader().read(data)
    assert fast is not None
    assert seen(fast) == seen(long_way(data))


def test_the_second_event_of_the_same_series_reads_their_names_no_more(monkeypatch) -> None:
    read = reader()
    read.read(text(HEADS, [[0, 1, 2.0]]))
    monkeypatch.setattr(SeriesMap, "read", lambda *_: pytest.fail("read again"))
    again = read.read(text(HEADS, [[3, 7, 1.5]]))
    assert again is not None
    assert (again.head.tolist(), again.time.tolist(), again.value.tolist()) == ([3], [7], [1.5])
    assert [shard_and_key[1][:0] for shard_and_key in again.heads.keys] == ["", ""]
    assert again.heads.place.tolist() == [0, 0, REFUSED, 1]
    assert again.heads.refusals == {2: "metric_too_long"}


WRONG = [
    b"",
    b"{}",
    b"[]",
    b'{"series":[],"samples":[[0,1,2.0]],"more":1}',
    b'{"series":[],"samples":[],"series":[],"samples":[[0,1]]}',
    b'{"series":[],"samples":[[0,1,2.0]',
    b'{"series":[,"samples":[[0,1,2.0]]}',
    b'{"series":[],"samples":[[0,1,2.0],[0,1,2.0,3]]}',
    b'{"series":[],"samples":[[0,1,2.0],[0,1]]}',
    b'{"series":[],"samples":[[0,1,"2.0"]]}',
    b'{"series":[],"samples":[[0,1,null]]}',
    b'{"series":[],"samples":[[0,1,true]]}',
    b'{"series":[],"samples":[[true,1,1.0]]}',
    b'{"series":[],"samples":[[0,1.5,1.0]]}',
    b'{"series":[],"samples":[[0,1e3,1.0]]}',
    b'{"series":[],"samples":[[0,99999999999999999999,1.0]]}',
    b'{"series":[],"samples":{"a":[0,1,1.0]}}',
    b'{"series":[],"samples":[{"a":1,"b":2,"c":3}]}',
    b'{"series":[],"samples":["abc"]}',
    b'{"series":[{"metric":""}],"samples":[[0,1,1.0]]}',
    b'{"series":[{"metric":"m","extra":1}],"samples":[[0,1,1.0]]}',
    b'{"series":[{"metric":"m","labels":{"a":1}}],"samples":[[0,1,1.0]]}',
    b'{"series":[{"metric":"m","labels":{"x":",\\"samples\\":"}}]}',
    b'{"series":[{"metric":"m"}],"samples":[[0,1,1.0]]}}',
]


@pytest.mark.parametrize("data", WRONG)
def test_what_is_no_samples_event_goes_the_long_way_and_is_refused_there(data: bytes) -> None:
    assert reader().read(data) is None
    with pytest.raises(Rejected):
        long_way(data)


@given(st.binary(max_size=12), st.integers(0, 80), st.integers(0, 12))
def test_a_broken_event_is_never_read_as_something_else(noise, at, length) -> None:
    whole = text(HEADS[3:], [[0, 1, 2.0], [0, 3, 4.0]])
    data = whole[:at] + noise + whole[at + length :]
    fast = reader().read(data)
    if fast is not None:
        assert seen(fast) == seen(long_way(data))


def test_only_so_many_heads_are_remembered(monkeypatch) -> None:
    monkeypatch.setattr(reading, "MOST_KNOWN", 4)
    read = reader()
    for n in range(9):
        columns = read.read(text([{"metric": f"m{n}", "labels": {}}] * 2, [[0, 1, 1.0]]))
        assert columns is not None
    assert sum(len(heads.place) for heads in read._known.values()) <= 4


def test_a_huge_value_is_no_number_of_ours() -> None:
    data = b'{"series":[{"metric":"m"}],"samples":[[0,1,1' + b"0" * 400 + b"]]}"
    fast = reader().read(data)
    assert fast is None or not np.isfinite(fast.value).any()


def test_a_series_is_named_in_full_where_it_is_asked_for() -> None:
    data = text(HEADS, [])
    columns = reader().read(data)
    assert columns is not None
    assert columns.named(1).service == "b"
    assert columns.named(1) == SeriesMap().read(SeriesHead(metric="mem", labels={"service": "b"}))
