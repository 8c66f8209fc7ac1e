"""The detector that raises before a limit is crossed."""

import numpy as np
import pytest
from numpy.typing import NDArray

from functions.detect.detectors.forecast import Detector, lasting

MINUTE = 60_000
START = 1_767_225_600_000
DAY = 1440


def raised(
    values: NDArray[np.float64], step: int = MINUTE, **params
) -> tuple[list[int], list[str]]:
    """Return the places that alarm, past the detector's own history, and why."""
    detector = Detector(**{"upper": 100.0, **params})
    state = np.zeros(1, detector.dtype)
    places, reasons = [], []
    for place, value in enumerate(values):
        scores = detector.score(state, np.array([START + place * step]), np.array([float(value)]))
        if scores.evidence[0] > 1.0 and place >= detector.min_history:
            places.append(place)
            reasons.append(scores.explain(0))
    return places, reasons


def alarms(values: NDArray[np.float64]) -> int:
    """Return how often any of several series alarms, values of shape (samples, series)."""
    detector = Detector(upper=100.0)
    state = np.zeros(values.shape[1], detector.dtype)
    count = 0
    for place, row in enumerate(values):
        time = np.full(len(row), START + place * MINUTE)
        scores = detector.score(state, time, row)
        count += int((scores.evidence > 1.0).sum()) if place >= detector.min_history else 0
    return count


def noise(count: int, seed: int, spread: float = 0.5) -> NDArray[np.float64]:
    return np.random.default_rng(seed).normal(0.0, spread, count)


@pytest.mark.parametrize("seed", range(3))
def test_a_disk_that_fills_is_told_of_hours_before_it_is_full(seed: int) -> None:
    quiet, filling = np.full(12 * 60, 40.0), 40.0 + 5.0 / 60.0 * np.arange(12 * 60)
    places, reasons = raised(np.concatenate([quiet, filling]) + noise(24 * 60, seed))
    full = quiet.size + 12 * 60
    assert full - 5 * 60 < places[0] <= full - 2 * 60
    assert all(place in places for place in range(full - 2 * 60, full - 10))
    assert " will be above the limit of 100 in " in reasons[0]


def test_the_time_that_is_left_is_told() -> None:
    filling = 40.0 + 10.0 / 60.0 * np.arange(5 * 60)
    places, reasons = raised(filling + noise(300, 1, spread=0.05))
    left = dict(zip(places, reasons, strict=True))
    assert "in 3 h" in left[180]
    assert "at this rate, 9.9" in left[180]
    assert [lasting(s) for s in (20, 13_200, 7_200, 90_000)] == [
        "less than a minute", "3 h 40 min", "2 h", "1 d 1 h",
    ]  # fmt: skip


def test_noise_below_the_limit_is_no_trend() -> None:
    several = np.stack([noise(3 * DAY, seed) for seed in range(30)], axis=1)
    assert alarms(several + np.repeat([50.0, 90.0, 97.0], 10)) == 0


def test_what_wanders_seems_a_trend_in_less_than_two_samples_of_ten_thousand() -> None:
    steps = np.stack([noise(3 * DAY, seed) for seed in range(30)], axis=1)
    wander = np.zeros_like(steps)
    for at in range(1, len(wander)):
        wander[at] = 0.97 * wander[at - 1] + steps[at]
    assert alarms(85.0 + wander) < 2e-4 * wander.size


def test_a_disk_that_is_cleaned_every_night_is_left_in_peace_once_that_is_known() -> None:
    tooth = 50.0 + 45.0 * np.arange(DAY) / DAY
    places, _ = raised(np.tile(tooth, 4) + noise(4 * DAY, 2), horizon=4 * 3600)
    assert all(place < DAY for place in places)


def test_when_it_is_not_cleaned_for_once_it_is_told_of_before_it_is_full() -> None:
    tooth = 40.0 + 40.0 * np.arange(DAY) / DAY
    days = np.concatenate([np.tile(tooth, 2), tooth, 80.0 + 40.0 * np.arange(DAY // 2) / DAY])
    places, _ = raised(days + noise(len(days), 3), horizon=4 * 3600)
    full = 3 * DAY + DAY // 2
    assert places, "never told"
    assert 3 * DAY < places[0] < full - 60


def test_logs_rotated_every_hour_do_not_alarm_once_that_is_known() -> None:
    tooth = 40.0 + 45.0 * np.arange(60) / 60
    places, _ = raised(np.tile(tooth, 48) + noise(48 * 60, 4))
    assert all(place < 60 for place in places)


def test_a_jump_to_a_new_level_is_no_trend() -> None:
    levels = np.concatenate([np.full(600, 40.0), np.full(600, 70.0), np.full(600, 55.0)])
    assert raised(levels + noise(1800, 5))[0] == []


def test_a_single_outlier_is_no_trend() -> None:
    values = 60.0 + noise(1000, 6)
    values[[300, 500, 501]] = 95.0
    assert raised(values)[0] == []


def test_free_space_that_runs_out_is_told_of_in_the_same_way() -> None:
    free = 60.0 - 5.0 / 60.0 * np.arange(12 * 60) + noise(12 * 60, 7)
    places, reasons = raised(free, upper=None, lower=0.0)
    assert 12 * 60 - 5 * 60 < places[0] <= 12 * 60 - 2 * 60
    assert "will be below the limit of 0" in reasons[0]


def test_beyond_the_limit_the_evidence_is_the_largest() -> None:
    detector = Detector(upper=10.0)
    scores = detector.score(np.zeros(1, detector.dtype), np.array([START]), np.array([11.0]))
    assert scores.evidence[0] == 100.0
    assert "11 is above the limit of 10" in scores.explain(0)


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"upper": float("nan")},
        {"upper": 1e300},
        {"lower": 2.0, "upper": 2.0},
        {"upper": 1.0, "horizon": 0},
    ],
)
def test_limits_that_make_no_sense_are_refused(params: dict) -> None:
    with pytest.raises(ValueError, match=r"lower|upper|horizon"):
        Detector(**params)
