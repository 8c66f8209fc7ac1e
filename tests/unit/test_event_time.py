"""Which recorded stamps are believed."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from local.event_time import HOUR, EventTime

START = 1_700_000_000_000
MINUTE = 60_000


def minutes(series: int, count: int, start: int = START) -> tuple[np.ndarray, np.ndarray]:
    """Return every series' sample of each minute, in the order recorded."""
    time = np.repeat(start + MINUTE * np.arange(count), series)
    return np.tile(np.arange(series), count), time


def test_samples_of_one_scrape_come_together_though_their_stamps_differ_a_little() -> None:
    time = np.array([0, 1000, 2000, 60_000, 61_000]) + START
    scrapes = list(EventTime().scrapes(np.arange(5), time))
    assert [scrape.rows.tolist() for scrape in scrapes] == [[0, 1, 2], [3, 4]]
    assert [scrape.time for scrape in scrapes] == [START + 2000, START + 61_000]


def test_a_few_series_far_ahead_do_not_move_the_time() -> None:
    series, time = minutes(40, 30)
    wild = series >= 37
    time = np.where(wild, time + 6 * 365 * 24 * HOUR, time)
    order = np.lexsort((series, time))
    believed = EventTime()
    scrapes = list(believed.scrapes(series[order], time[order]))
    assert believed.now == START + 29 * MINUTE
    late = [s for s in scrapes if time[order][s.rows].max() > believed.now]
    assert {s.time for s in late} == {believed.now}
    assert sum(len(s.rows) for s in scrapes) == len(time)


def test_a_second_recording_a_day_later_is_believed_once_many_series_are_there() -> None:
    believed = EventTime()
    series, time = minutes(40, 10)
    list(believed.scrapes(series, time))
    list(believed.scrapes(series, time + 24 * HOUR))
    assert believed.now == START + 24 * HOUR + 9 * MINUTE


def test_the_first_stamp_may_be_the_wild_one() -> None:
    series, time = minutes(40, 10)
    time[0] = 3_786_912_000_000
    believed = EventTime()
    list(believed.scrapes(series, time))
    assert believed.now == START + 9 * MINUTE


@given(st.lists(st.integers(START, START + 10 * HOUR), max_size=50), st.integers(1, 20))
def test_no_sample_is_lost_or_doubled_and_time_never_goes_back(
    stamps: list[int], series: int
) -> None:
    time = np.array(stamps, dtype=np.int64)
    scrapes = list(EventTime().scrapes(np.arange(len(stamps)) % series, time))
    rows = [row for scrape in scrapes for row in scrape.rows.tolist()]
    assert sorted(rows) == list(range(len(stamps)))
    times = [scrape.time for scrape in scrapes]
    assert times == sorted(times)
