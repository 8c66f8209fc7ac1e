"""Samples into events: one shard each, none too large, none lost."""

import math

from hypothesis import given
from hypothesis import strategies as st

from aiops.batching import MAX_BYTES, MAX_SAMPLES, Reading, batches
from aiops.events import Samples, SeriesHead
from aiops.series import SeriesMap

NAMES = SeriesMap()
READINGS = st.lists(
    st.builds(
        Reading,
        st.builds(
            SeriesHead,
            metric=st.sampled_from(["cpu", "memory", "requests"]),
            labels=st.dictionaries(st.just("service"), st.text(max_size=5), max_size=1),
        ),
        st.integers(0, 10**13),
        st.floats(allow_nan=False),
    ),
    max_size=60,
)


def back(message) -> list[Reading]:
    fact = Samples.model_validate_json(message.event.data)
    return [Reading(fact.series[i], time, value) for i, time, value in fact.samples]


@given(READINGS)
def test_every_sample_goes_out_once_in_an_event_of_its_shard(readings: list[Reading]) -> None:
    messages = list(batches(readings, NAMES, "/test", 0))
    out = [reading for message in messages for reading in back(message)]
    key = lambda r: (r.head.model_dump_json(), r.time, r.value)  # noqa: E731
    assert sorted(out, key=key) == sorted(readings, key=key)
    for message in messages:
        shards = {NAMES.read(reading.head).shard for reading in back(message)}
        assert shards == {int(message.key)}
    assert len({message.event.id for message in messages}) == len(messages)


def test_no_event_holds_more_than_is_allowed() -> None:
    many = [Reading(SeriesHead(metric="m"), n, 1.0) for n in range(2 * MAX_SAMPLES + 1)]
    assert [len(back(m)) for m in batches(many, NAMES, "/test", 0)] == [MAX_SAMPLES] * 2 + [1]
    long = [
        Reading(SeriesHead(metric="m", labels={"service": f"{n}" + "x" * 2_000}), 1, 1.0)
        for n in range(3_000)
    ]
    messages = list(batches(long, NAMES, "/test", 0))
    assert all(len(m.event.data) <= MAX_BYTES for m in messages)
    assert sum(len(back(m)) for m in messages) == len(long)


def test_the_same_samples_make_the_same_events() -> None:
    readings = [Reading(SeriesHead(metric="m"), 1, 2.0)]
    assert list(batches(readings, NAMES, "/test", 5)) == list(batches(readings, NAMES, "/test", 5))


def test_a_gap_stays_a_gap() -> None:
    (message,) = batches([Reading(SeriesHead(metric="m"), 1, math.nan)], NAMES, "/test", 0)
    assert math.isnan(back(message)[0].value)


def test_a_series_that_cannot_be_taken_goes_along_to_be_counted() -> None:
    huge = SeriesHead(metric="m", labels={f"l{n}": "x" for n in range(99)})
    (message,) = batches([Reading(huge, 1, 2.0)], NAMES, "/test", 0)
    assert message.key == "0"
