"""Counts and durations by the minute: when a minute is over, and what is told of it."""

from math import isclose

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiops.events import Anomaly, Samples
from aiops.series import SeriesMap
from functions.detect.windows.config import WindowsConfig
from functions.detect.windows.fold import Folded, fold, pass_by, quantile, waits
from functions.detect.windows.state import (
    MOST_IDS,
    MOST_LANES,
    MOST_TOTALS,
    Origin,
    ServiceState,
    packed,
    unpacked,
)
from functions.detect.windows.tally import MINUTE_MS, ServiceTally, Sighting, bucket_of
from functions.detect.windows.telling import Telling

START = 1_700_000_040_000
assert START % MINUTE_MS == 0
LINES = ("log_lines", (("level", "error"),))
TIMES = ("span_duration_seconds", (("operation", "GET /"),))
CONFIG = WindowsConfig(zeros=120, learn_for=600)
TELLING = Telling(SeriesMap(), "shop")


def at(minute: float) -> int:
    return START + int(minute * MINUTE_MS)


class Service:
    """One service, told of record by record."""

    def __init__(self, config: WindowsConfig = CONFIG) -> None:
        self.state, self.config, self.offset = ServiceState(), config, 0

    def tell(self, *minutes: float, sent: float | None = None, row=LINES) -> Folded:
        part = ServiceTally()
        for minute in minutes:
            part.count(at(minute), row)
        return self.take(part, max(minutes) if sent is None else sent)

    def take(self, part: ServiceTally, sent: float) -> Folded:
        self.offset += 1
        origin = Origin(f"id-{self.offset}", at(sent), "logs/0", self.offset)
        return fold(self.state, part, origin, at(sent) + 300_000, self.config)


def values(folded: Folded) -> list[tuple[float, float]]:
    return [((one.time - START) / MINUTE_MS, one.value) for one in folded.counted]


def test_a_minute_is_over_when_its_service_tells_of_a_later_time_than_the_grace() -> None:
    service = Service()
    assert values(service.tell(0.1, 0.2)) == []
    assert values(service.tell(1.4)) == []
    assert values(service.tell(0.9, sent=1.4)) == []
    assert values(service.tell(1.5)) == [(1, 3)]
    late = service.tell(0.95, sent=1.6)
    assert (values(late), late.counts) == ([], {"late": 1})


def test_what_is_not_told_of_any_more_is_zero_for_a_while_then_nothing() -> None:
    service = Service()
    service.tell(0, 0)
    assert values(service.tell(6.5, row=("log_lines", ()))) == [(1, 2), (2, 0), (3, 0)]


def test_nothing_is_zero_before_it_was_ever_told_of() -> None:
    service = Service()
    service.tell(0, row=("log_lines", ()))
    folded = service.tell(2, 3.5)
    assert [(one.row, (one.time - START) / MINUTE_MS, one.value) for one in folded.counted] == [
        (("log_lines", ()), 1, 1),
        (("log_lines", ()), 2, 0),
        (("log_lines", ()), 3, 0),
        (LINES, 3, 1),
    ]


def test_a_record_is_counted_once_however_often_it_comes() -> None:
    service = Service()
    service.tell(0.1)
    service.offset -= 1
    assert service.tell(0.1).counts == {"repeated": 1}
    assert values(service.tell(1.5)) == [(1, 1)]


def test_a_topic_made_anew_begins_at_the_first_offset_again() -> None:
    service = Service()
    service.tell(0.1)
    service.tell(0.2)
    service.offset = 0
    service.tell(0.3)
    service.tell(0.4)
    assert values(service.tell(1.5)) == [(1, 4)]


def test_without_an_offset_a_repeat_is_known_by_the_id_of_the_event() -> None:
    state = ServiceState()
    for number in range(MOST_IDS + 1):
        part = ServiceTally()
        part.count(at(0), LINES)
        origin = Origin(f"id-{number}", at(0))
        fold(state, part, origin, at(5), CONFIG)
        assert fold(state, part, origin, at(5), CONFIG).counts == {"repeated": 1}
    assert len(state.ids) == MOST_IDS
    assert state.windows[at(0) // MINUTE_MS].counts[LINES] == MOST_IDS + 1


def test_partitions_long_unused_are_forgotten_first() -> None:
    state = ServiceState()
    for number in range(MOST_LANES + 1):
        state.note(Origin("", at(0), f"logs/{number}", 7))
    assert len(state.lanes) == MOST_LANES
    assert not state.repeats(Origin("", at(0), "logs/0", 7))
    assert state.repeats(Origin("", at(0), "logs/1", 7))


def test_a_clock_that_is_ahead_closes_no_minute_for_others() -> None:
    service = Service()
    service.tell(0.1)
    folded = service.tell(4, 20, sent=0.2)
    assert (values(folded), folded.counts) == ([], {"future": 1})
    assert values(service.tell(0.3)) == []
    assert values(service.tell(1.6)) == [(1, 2)]


def test_minutes_of_a_quiet_service_go_by_with_the_clock() -> None:
    service = Service()
    service.tell(0.1)
    service.state.touched = 1_000_000
    assert values(pass_by(service.state, 1_059_999, CONFIG)) == []
    assert values(pass_by(service.state, 1_090_000, CONFIG)) == [(1, 1)]
    assert waits(service.state)
    assert values(pass_by(service.state, 1_400_000, CONFIG)) == [(2, 0), (3, 0)]
    assert not waits(service.state)


def test_of_a_count_that_somebody_else_keeps_only_what_was_added_is_counted() -> None:
    service = Service()
    for minute, name, total in (
        (0, "a", 7), (0.1, "a", 9), (0.2, "a", 9), (0.3, "a", 8), (0.4, "b", 1), (1.1, "a", 11),
    ):  # fmt: skip
        part = ServiceTally()
        part.total(name, at(minute), LINES, total)
        service.take(part, minute)
    assert values(service.tell(3.0)) == [(1, 4), (2, 2)]


def test_counts_that_others_keep_are_forgotten_when_there_are_too_many() -> None:
    state = ServiceState()
    for name in range(MOST_TOTALS + 1):
        assert state.added(str(name), 5) == 1
    assert len(state.totals) == MOST_TOTALS
    assert (state.added("1", 7), state.added("0", 9)) == (2, 1)


def test_a_service_has_no_more_rows_in_a_minute_than_allowed() -> None:
    service = Service(WindowsConfig(max_rows=2))
    for name in "abbc":
        folded = service.tell(0, row=("span_requests", (("operation", name),)))
    assert folded.counts == {"too_many_rows": 1}
    part = ServiceTally()
    part.duration(at(0), TIMES, 1.0)
    assert service.take(part, 0).counts == {"too_many_rows": 1}


def test_durations_of_a_minute_become_their_median_and_95th_percentile() -> None:
    service = Service()
    part = ServiceTally()
    for n in range(100):
        part.duration(at(0), TIMES, (n + 1) / 100, f"trace-{n}")
    service.take(part, 0)
    folded = service.tell(1.5)
    found = {one.row[0]: one for one in folded.counted}
    assert set(found) == {"span_duration_seconds_p50", "span_duration_seconds_p95"}
    assert isclose(found["span_duration_seconds_p50"].value, 0.5, rel_tol=0.05)
    assert isclose(found["span_duration_seconds_p95"].value, 0.95, rel_tol=0.05)
    assert found["span_duration_seconds_p95"].exemplars == ("trace-0", "trace-1", "trace-2")


@given(st.lists(st.floats(1e-6, 1e5), min_size=1), st.floats(0.01, 1))
def test_a_quantile_is_off_by_no_more_than_promised(durations: list[float], q: float) -> None:
    buckets: dict[int, int] = {}
    for one in durations:
        buckets[bucket_of(one)] = buckets.get(bucket_of(one), 0) + 1
    rank = next(n for n in range(1, len(durations) + 1) if n >= q * len(durations))
    assert isclose(quantile(buckets, q), sorted(durations)[rank - 1], rel_tol=0.0445)


@pytest.mark.parametrize("seconds", [0.0, -0.0, 1e-30, 1e30])
def test_durations_of_no_size_have_a_bucket(seconds: float) -> None:
    assert quantile({bucket_of(seconds): 1}, 0.5) > 0


def seen(minute: float, text: str = "boom") -> Sighting:
    return Sighting(at(minute), LINES, text, "4bf92f")


def test_an_error_is_new_once_its_service_is_known_for_long_enough() -> None:
    service = Service()
    known, early, new = ServiceTally(), ServiceTally(), ServiceTally()
    known.count(at(0), LINES)
    early.sighting("a", seen(9.9))
    new.sighting("a", seen(10.1))
    new.sighting("b", seen(10.2))
    new.sighting("b", seen(10.0))
    assert service.take(known, 0).fresh == {}
    assert service.take(early, 9.9).fresh == {}
    assert service.take(new, 10.2).fresh == {"b": seen(10.0)}
    assert service.take(new, 10.3).fresh == {}


def test_a_new_error_that_goes_on_is_told_again_in_two_more_minutes_and_then_is_known() -> None:
    service = Service(WindowsConfig(learn_for=0))
    told = []
    for minute in (0, 0.1, 0.2, 1.1, 1.3, 1.2, 2.1, 3.1, 4.1):
        part = ServiceTally()
        part.count(at(minute), LINES)
        part.sighting("a", seen(minute))
        told += [minute for _ in service.take(part, max(minute, 1.3)).fresh]
    assert told == [0, 1.1, 2.1]
    assert service.state.fresh == {}


def test_an_error_that_comes_back_after_long_is_not_new() -> None:
    service = Service(WindowsConfig(learn_for=0))
    told = []
    for minute in (0, 11, 12):
        part = ServiceTally()
        part.sighting("a", seen(minute))
        part.count(at(minute), LINES)
        told += [minute for _ in service.take(part, minute).fresh]
    assert told == [0]


def test_people_are_told_of_so_many_new_errors_a_minute_and_no_more() -> None:
    service = Service(WindowsConfig(learn_for=0, max_new=2, max_templates=3))
    part = ServiceTally()
    part.count(at(0), LINES)
    for n in range(4):
        part.sighting(str(n), seen(n / 10))
    part.sighting("future", seen(30))
    folded = service.take(part, 0.5)
    assert (set(folded.fresh), folded.counts) == ({"0", "1"}, {"too_many_new": 2})
    assert list(service.state.templates) == ["1", "2", "3"]
    part = ServiceTally()
    part.sighting("4", seen(1))
    assert set(service.take(part, 1).fresh) == {"4"}


MINUTES = st.floats(0, 9).map(at)
ROWS = st.sampled_from([LINES, ("log_lines", ()), ("x", (("a", "ü\x1f"), ("b", "")))])
TOLD = st.lists(st.tuples(MINUTES, ROWS, st.floats(0, 100), st.sampled_from(["", "t1", "t2"])))


@given(TOLD, st.lists(st.text(max_size=5), max_size=3))
def test_what_is_stored_is_read_again_as_it_was(told, pending: list[str]) -> None:
    service = Service()
    part = ServiceTally()
    for time, row, seconds, trace in told:
        part.count(time, row, 2, trace)
        part.duration(time, row, seconds, trace)
        part.sighting(trace, Sighting(time, row, "text", trace))
        part.total(trace, time, row, int(seconds))
    service.take(part, 9)
    service.state.pending = pending
    record = packed(service.state)
    assert unpacked(record) == service.state
    assert packed(unpacked(record)) == record


@given(TOLD, st.integers(1, 5))
def test_how_records_are_cut_into_events_makes_no_difference(told, size: int) -> None:
    told = sorted(told, key=lambda one: one[0])
    whole, cut = Service(), Service()
    found: list[list[tuple]] = []
    for service, step in ((whole, len(told) or 1), (cut, size)):
        counted = []
        for start in range(0, len(told), step):
            part = ServiceTally()
            for time, row, seconds, _ in told[start : start + step]:
                part.count(time, row)
                part.duration(time, row, seconds)
            counted += service.take(part, (part.newest - START) / MINUTE_MS).counted
        service.state.touched = 0
        counted += pass_by(service.state, 600_000, CONFIG).counted
        found.append(sorted((one.time, one.row, one.value) for one in counted))
    assert found[0] == found[1]


def test_minutes_become_one_event_of_samples_with_their_traces() -> None:
    service = Service()
    part = ServiceTally()
    part.count(at(0), LINES, 3, "4bf92f")
    service.take(part, 0)
    counted = service.tell(1.5).counted
    ((name, data),) = TELLING.samples("cart", counted)
    fact = Samples.model_validate_json(data)
    assert [head.labels for head in fact.series] == [{"service": "cart", "level": "error"}]
    assert fact.samples == ((0, at(1), 3.0),)
    assert fact.exemplars == ((0, "4bf92f"),)
    first = TELLING.message((name, data), at(2), {})
    again = TELLING.message((name, data), at(3), {})
    assert (first.topic, first.event.id) == ("metrics", again.event.id)
    assert first.event.subject == "windows:cart"


def test_a_new_error_is_an_anomaly_that_says_what_it_says() -> None:
    name, data = TELLING.anomaly("cart", "f00d", seen(0, "cannot charge\n<card>")) or ("", b"")
    found = Anomaly.model_validate_json(data)
    assert (found.service, found.template, found.role) == ("cart", "f00d", "errors")
    assert found.reason == "its logs have a new error: cannot charge <card>; trace 4bf92f"
    assert found.told
    message = TELLING.message((name, data), at(1), {})
    assert message.topic == "anomalies"
    assert orjson.loads(message.event.data)["anomalies"][0]["id"] == found.id


def test_an_error_whose_series_cannot_be_taken_is_no_anomaly() -> None:
    long = Sighting(at(0), ("log_lines", (("level", "x" * 5_000),)), "boom")
    assert TELLING.anomaly("cart", "f00d", long) is None
