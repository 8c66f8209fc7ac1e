"""Alarm lines as a function of what people said."""

import numpy as np
import pytest
from hypothesis import given as over
from hypothesis import settings
from hypothesis import strategies as st

from aiops.verdicts import Given
from functions.detect.config import DetectConfig, Rule
from functions.detect.lines import HIGHEST, HOUR_MS, LOWEST, line_of, lines_of, write_lines
from functions.detect.record import HEADER
from tests.detecting import (
    HEAD,
    HOUR,
    MINUTE,
    NAMES,
    START,
    Detecting,
    band,
    feedback,
    minutes,
)  # fmt: skip

VERDICTS = ("anomaly", "expected", "not_anomaly", "new_trend", "withdrawn")
verdicts = st.lists(
    st.builds(
        Given,
        anomaly=st.sampled_from("abcdefgh"),
        verdict=st.sampled_from(VERDICTS),
        time=st.integers(START, START + 48 * HOUR),
        detector=st.sampled_from(("baseline", "prophet")),
        evidence=st.floats(0, 1e9),
        given_by=st.just(""),
        given_at=st.integers(START, START + 99),
    ),
    max_size=8,
    unique_by=lambda one: one.anomaly,
)


def said(name: str, verdict: str, evidence: float, at: int = 0, **fields) -> Given:
    fields = {"time": START, "detector": "baseline", **fields}
    return Given(
        anomaly=name, verdict=verdict, evidence=evidence, given_by="", given_at=at, **fields
    )


def line(*given: Given, base: float = 1.0, hour: int = 5, modelled: bool = False) -> float:
    header = np.zeros(1, HEADER)
    write_lines(header, 0, lines_of(given))
    time = np.array([START // HOUR_MS // 24 * 24 * HOUR_MS + hour * HOUR_MS])
    return float(line_of(base, header, time, np.array([modelled]))[0])


def test_without_verdicts_the_line_is_the_detectors_own() -> None:
    assert line() == 1.0
    assert line(base=7.0) == 7.0


def test_what_was_no_anomaly_lies_under_the_line_with_room_to_spare() -> None:
    assert line(said("a", "not_anomaly", 4.0)) == 5.0
    assert line(said("a", "not_anomaly", 4.0), said("b", "not_anomaly", 2.0)) == 5.0


def test_what_was_an_anomaly_stays_over_the_line_and_the_later_word_counts() -> None:
    noise, fault = said("a", "not_anomaly", 4.0, 1), said("b", "anomaly", 4.4, 2)
    assert line(noise, fault) == pytest.approx(4.0)
    assert line(noise._replace(given_at=3), fault) == 5.0
    assert line(said("b", "anomaly", 40.0)) == 1.0


def test_what_was_expected_raises_the_line_at_that_time_of_the_day_only() -> None:
    backup = said("a", "expected", 4.0, time=START + 2 * HOUR + 40 * MINUTE)
    found = [line(backup, hour=hour) for hour in range(5)]
    assert found == [1.0, 1.0, 5.0, 5.0, 1.0]


def test_a_verdict_on_what_a_model_found_moves_that_line_and_no_other() -> None:
    noise = said("a", "not_anomaly", 4.0, detector="prophet")
    assert (line(noise), line(noise, modelled=True)) == (1.0, 5.0)


def test_a_line_moves_within_bounds() -> None:
    assert line(said("a", "not_anomaly", 1e300), base=2.0) == 2.0 * HIGHEST
    assert line(said("a", "anomaly", 0.0), base=2.0) == 2.0 * LOWEST
    assert line(said("a", "expected", 1e300, time=START), hour=0) == HIGHEST


@settings(deadline=None)
@over(verdicts, st.randoms())
def test_the_order_in_which_verdicts_arrive_does_not_matter(given: list[Given], random) -> None:
    shuffled = list(given)
    random.shuffle(shuffled)
    assert lines_of(given) == lines_of(shuffled)


@settings(deadline=None)
@over(verdicts, verdicts)
def test_what_is_withdrawn_leaves_the_lines_as_if_it_had_never_been_said(
    kept: list[Given], taken: list[Given]
) -> None:
    others = [one._replace(anomaly=f"w{one.anomaly}", verdict="withdrawn") for one in taken]
    before, after = lines_of(kept), lines_of([*kept, *others])
    assert (before.limits, before.hours, before.hourly) == (after.limits, after.hours, after.hourly)
    assert (before.since, before.retired) == (after.since, after.retired)


@settings(deadline=None)
@over(verdicts, st.integers(0, 23), st.booleans())
def test_a_line_is_always_a_number_within_its_bounds(
    given: list[Given], hour: int, modelled: bool
) -> None:
    assert LOWEST <= line(*given, hour=hour, modelled=modelled) <= HIGHEST


def noisy(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(100.0, 3.0, count)


def test_a_noisy_series_goes_quiet_a_real_fault_is_found_and_all_of_it_can_be_taken_back() -> None:
    detecting = Detecting(DetectConfig(default=Rule(detector="prophet")))
    detecting.fit(band(START, hours=90))
    noise = [100.0 + 14.0 * (n % 60 == 0) + 22.0 * (n % 97 == 96) for n in range(1, 1500)]
    first = detecting.feed(minutes(START, noise[:90]), size=10)
    assert [one.value for one in first] == [114.0]
    untouched = detecting.header()["line"].tobytes()
    detecting.say(first[0], "not_anomaly", START + 201 * MINUTE)
    quieter = detecting.feed(minutes(START + 210 * MINUTE, noise[90:400]), size=10)
    assert {one.value for one in quieter} == {122.0}
    loudest = max(quieter, key=lambda one: one.evidence)
    detecting.say(loudest, "not_anomaly", START + 411 * MINUTE)
    raised = detecting.header()["line"].tobytes()
    assert detecting.feed(minutes(START + 420 * MINUTE, noise[400:900]), size=10) == []
    (fault,) = detecting.feed(minutes(START + 921 * MINUTE, [100.0, 180.0, 100.0]))
    assert (fault.value, fault.detector) == (180.0, "prophet")
    assert fault.alarm_line == pytest.approx(1.25 * loudest.evidence)
    detecting.say(first[0], "withdrawn", START + 930 * MINUTE)
    detecting.say(loudest, "withdrawn", START + 931 * MINUTE)
    assert detecting.header()["line"].tobytes() == untouched != raised
    again = detecting.feed(minutes(START + 940 * MINUTE, noise[900:1100]), size=10)
    assert {one.alarm_line for one in again} == {1.0}
    assert len(again) >= 4


def test_the_baseline_goes_quiet_and_comes_back_in_the_same_way() -> None:
    told, silent = Detecting(DetectConfig()), Detecting(DetectConfig())
    values = noisy(1500, 3)
    values[[700, 1300]] = 150.0, 250.0
    found = told.feed(minutes(START, values), size=60)
    silent.feed(minutes(START, values), size=60)
    assert [one.value for one in found] == [150.0, 250.0]
    loudest = sorted(found, key=lambda one: one.evidence)[-2:]
    for one in loudest:
        told.say(one, "not_anomaly", START + 1501 * MINUTE)
    line = 1.25 * max(one.evidence for one in found)
    assert told.header()["line"][0, 0] == pytest.approx(line)
    later = START + 1510 * MINUTE
    told.feed(minutes(later, [100.0]))
    (fault,) = told.feed(minutes(later + MINUTE, [1e5]))
    assert fault.alarm_line == pytest.approx(min(line, HIGHEST))
    for one in loudest:
        told.say(one, "withdrawn", START + 1520 * MINUTE)
    silent.feed(minutes(later, [100.0, 1e5]))
    silent.found()
    same = ("line", "hours", "hourly", "since", "model", "count")
    assert [told.header()[name].tobytes() for name in same] == [
        silent.header()[name].tobytes() for name in same
    ]
    rest = noisy(300, 4)
    rest[200] = 1e6
    after = [one.feed(minutes(later + 10 * MINUTE, rest), size=60) for one in (told, silent)]
    assert after[0] == after[1] != []


def test_a_record_that_is_lost_gets_its_line_back_from_the_verdicts() -> None:
    detecting = Detecting(DetectConfig(default=Rule(detector="static", params={"upper": 10.0})))
    (found,) = detecting.feed([(START, 30.0)])
    detecting.say(found, "not_anomaly", START + MINUTE)
    kept = detecting.header()["line"].tobytes()
    detecting.store.records.clear()
    assert detecting.feed([(START + 2 * MINUTE, 30.0)]) == []
    assert detecting.header()["line"].tobytes() == kept


def test_a_verdict_on_a_series_without_a_record_waits_for_it() -> None:
    detecting = Detecting(DetectConfig(default=Rule(detector="static", params={"upper": 10.0})))
    (found,) = detecting.feed([(START, 30.0)])
    detecting.store.records.clear()
    detecting.say(found, "not_anomaly", START + MINUTE)
    assert detecting.feed([(START + 2 * MINUTE, 30.0), (START + 3 * MINUTE, 90.0)])[0].value == 90.0


def test_another_detector_keeps_what_was_said() -> None:
    detecting = Detecting(DetectConfig(default=Rule(detector="static", params={"upper": 10.0})))
    (found,) = detecting.feed([(START, 30.0)])
    detecting.say(found, "not_anomaly", START + MINUTE)
    detecting.begin_again(DetectConfig())
    detecting.feed([(START + 2 * MINUTE, 30.0)])
    assert detecting.header()["line"][0, 0] == pytest.approx(3.75)


def test_a_verdict_that_comes_twice_or_late_changes_nothing() -> None:
    detecting = Detecting(DetectConfig(default=Rule(detector="static", params={"upper": 10.0})))
    (found,) = detecting.feed([(START, 30.0)])
    detecting.say(found, "withdrawn", START + 2 * MINUTE)
    before = dict(detecting.store.records)
    for verdict, at in (("withdrawn", 2), ("not_anomaly", 1)):
        detecting.tell(feedback(found, verdict, START + at * MINUTE), START + 3 * MINUTE)
    assert detecting.store.records == before
    assert NAMES.read(HEAD).key == found.series
