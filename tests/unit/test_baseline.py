from typing import Any

import numpy as np
import pytest

from aiops.baseline.detector import LARGEST, Detector
from aiops.detection import FloatArray

MINUTE = 60_000
DAY = 1440
START = 1_700_006_400_000


def evidence(values: FloatArray, step: int = MINUTE) -> FloatArray:
    """Return the evidence for each sample of one or more series, same shape as `values`."""
    table = np.atleast_2d(values)
    detector = Detector()
    state = np.zeros(len(table), detector.dtype)
    out = np.empty(table.shape)
    for k in range(table.shape[1]):
        time = np.full(len(table), START + k * step, dtype=np.int64)
        out[:, k] = detector.score(state, time, np.ascontiguousarray(table[:, k])).evidence
    return out.reshape(np.shape(values))


def noisy_days(series: int, days: int, seed: int = 4) -> FloatArray:
    """Return series of a daily wave with normal and with lognormal noise, half each."""
    draw = np.random.default_rng(seed)
    minute = np.arange(days * DAY)
    wave = np.sin(2 * np.pi * (minute[None] / DAY + draw.uniform(size=(series, 1))))
    noise = draw.normal(size=wave.shape)
    plain, skewed = 100.0 + 20.0 * wave + 10.0 * noise, 100.0 * np.exp(0.25 * noise)
    return np.where(np.arange(series)[:, None] % 2 == 0, plain, skewed)


def test_in_their_first_three_days_clean_series_alarm_seldom_and_skewed_ones_more_often() -> None:
    series, days = 100, 3
    alarms = evidence(noisy_days(series, days))[:, Detector.min_history :] > Detector.alarm_line
    assert alarms[::2].sum() <= 0.1 * series / 2 * days
    assert alarms[1::2].sum() <= 0.5 * series / 2 * days


def test_a_lasting_step_of_eight_deviations_alarms_within_three_samples_and_again_in_an_hour() -> (
    None
):
    values = 100.0 + np.random.default_rng(5).normal(size=(40, 2000))
    first, again = 1800, 1860
    values[:, first : first + 5] += 8.0
    values[:, again : again + 5] += 8.0
    alarms = evidence(values) > Detector.alarm_line
    assert alarms[:, first : first + 3].any(axis=1).mean() >= 0.95
    assert alarms[:, again : again + 3].any(axis=1).mean() >= 0.9


def test_a_fault_keeps_alarming_for_minutes_while_it_lasts() -> None:
    values = 100.0 + np.random.default_rng(6).normal(size=(40, 1500))
    values[:, 1400:1410] += 12.0
    alarms = evidence(values)[:, 1400:1410] > Detector.alarm_line
    assert np.median(alarms.sum(axis=1)) >= 5


def test_a_spike_on_a_constant_series_alarms_at_once_and_a_constant_never_does() -> None:
    values = np.full(500, 7.0)
    values[400] = 9.0
    evident = evidence(values)
    assert evident[400] > Detector.alarm_line
    assert (evident[:400] == 0.0).all()


def test_the_same_peak_every_day_is_no_news_after_a_few_days() -> None:
    draw = np.random.default_rng(8)
    values = 50.0 + draw.normal(size=(10, 6 * 288))
    for day in range(6):
        values[:, day * 288 + 36 : day * 288 + 48] += 40.0
    alarms = evidence(values, step=5 * MINUTE) > Detector.alarm_line
    daily = alarms.reshape(10, 6, 288).sum(axis=2).mean(axis=0)
    assert daily[4:].max() <= 1.0


MEMORIAL_DAY = 28
"""Days after Monday, 2024-04-29."""


def office_weeks(series: int, weeks: int) -> FloatArray:
    """Return traffic each quarter of an hour, high on working days, with a holiday."""
    draw = np.random.default_rng(12)
    at = np.arange(weeks * 7 * 96)
    day = at // 96
    off = (day % 7 >= 5) | (day == MEMORIAL_DAY)
    wave = 1.0 - np.cos(2 * np.pi * at / 96)
    return 50.0 + np.where(off, 10.0, 30.0) * wave + draw.normal(size=(series, len(at)))


@pytest.mark.parametrize("country", [None, "US"])
def test_weekends_do_not_alarm_nor_do_holidays_of_a_configured_country(country: str | None) -> None:
    start, step, values = 1_714_348_800_000, 15 * MINUTE, office_weeks(12, 5)
    detector = Detector(country=country)
    state = np.zeros(len(values), detector.dtype)
    alarms = np.zeros(values.shape, dtype=bool)
    for k in range(values.shape[1]):
        time = np.full(len(values), start + k * step, dtype=np.int64)
        alarms[:, k] = detector.score(state, time, values[:, k].copy()).evidence > 1.0
    daily = alarms.reshape(len(values), -1, 96).any(axis=2).mean(axis=0)
    assert daily[19:21].max() <= 0.2
    assert daily[26:28].max() <= 0.2
    if country is None:
        assert daily[MEMORIAL_DAY] >= 0.9
    else:
        assert daily[MEMORIAL_DAY] <= 0.2


def test_what_lies_within_the_edges_would_not_have_alarmed() -> None:
    draw = np.random.default_rng(13)
    detector, steps = Detector(), 4 * 288
    state = np.zeros(60, detector.dtype)
    noise = draw.normal(size=(60, steps)) + 100.0
    for k in range(steps):
        now = np.full(60, START + k * 5 * MINUTE)
        detector.score(state, now, noise[:, k].copy())
    now = np.full(60, START + steps * 5 * MINUTE)
    told = detector.score(state.copy(), now, np.full(60, 130.0))
    assert (told.evidence > Detector.alarm_line).all()
    assert ((told.upper < 110.0) & (told.lower > 90.0)).all()
    edge = detector.score(state.copy(), now, told.upper - 0.05 * (told.upper - told.expected))
    assert (edge.evidence <= Detector.alarm_line).mean() >= 0.9


def test_a_gap_on_the_slope_of_a_daily_wave_does_not_alarm() -> None:
    values = 100.0 + 20.0 * np.sin(2 * np.pi * np.arange(2 * DAY) / DAY)
    values = values + np.random.default_rng(15).normal(size=(20, 2 * DAY))
    detector = Detector()
    state = np.zeros(20, detector.dtype)
    after = np.zeros(20, dtype=bool)
    for k in (*range(DAY + 300), *range(DAY + 560, DAY + 620)):
        now = np.full(20, START + k * MINUTE)
        told = detector.score(state, now, values[:, k].copy())
        after |= (told.evidence > Detector.alarm_line) & (k >= DAY + 560)
    assert after.mean() <= 0.1


def test_a_series_that_always_moved_and_stands_still_alarms_at_the_fifth_equal_value() -> None:
    values = 50.0 + np.random.default_rng(14).normal(size=(20, 1500))
    values[:, 1450:] = values[:, 1450:1451]
    alarms = evidence(values, step=5 * MINUTE) > Detector.alarm_line
    assert alarms[:, 1450:1456].any(axis=1).all()
    assert alarms[:, 1458:].sum() == 0


def test_expected_is_the_level_before_the_value_and_lies_between_the_edges() -> None:
    detector = Detector()
    state = np.zeros(1, detector.dtype)
    draw = np.random.default_rng(9)
    for k in range(300):
        detector.score(state, np.array([START + k * MINUTE]), 10.0 + draw.normal(size=1))
    before = state["level"][0, 0]
    scores = detector.score(state, np.array([START + 300 * MINUTE]), np.array([500.0]))
    assert scores.expected[0] == before
    assert before == pytest.approx(10.0, abs=1.0)
    assert 0.0 < scores.lower[0] < before < scores.upper[0] < 20.0


def test_the_reason_gives_value_side_and_the_usual() -> None:
    detector = Detector()
    state = np.zeros(2, detector.dtype)
    draw = np.random.default_rng(10)
    for k in range(200):
        values = 20.0 + draw.normal(size=2)
        detector.score(state, np.full(2, START + k * MINUTE), values)
    last = detector.score(state, np.full(2, START + 200 * MINUTE), np.array([80.0, -40.0]))
    assert last.explain(0).startswith("80 is ")
    assert "deviations above the usual 19.8" in last.explain(0)
    assert "deviations below the usual" in last.explain(1)


def test_values_beyond_the_largest_count_as_the_largest() -> None:
    huge, largest = np.zeros(300), np.zeros(300)
    huge[250:], largest[250:] = 1e300, LARGEST
    assert (evidence(huge) == evidence(largest)).all()


def test_a_state_fits_the_store_and_starts_as_zeros() -> None:
    assert Detector.dtype.itemsize <= 2050
    untouched = np.zeros(1, Detector.dtype)
    assert Detector().score(untouched, np.array([START]), np.array([3.0])).evidence[0] == 0.0


@pytest.mark.parametrize("wrong", [{"memory": 0}, {"rare_line": -1.0}, {"horizon": 0}])
def test_parameters_that_cannot_be_meant_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="above 0"):
        Detector(**wrong)
