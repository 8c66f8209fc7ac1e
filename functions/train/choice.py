"""Which detector suits a history, and why: `auto`. Pure."""

from dataclasses import dataclass

import numpy as np

from aiops.detection import FloatArray
from aiops.history import History
from functions.train.fit import DAY_MS, HOUR_MS
from functions.train.rollup import bridged, days_of, rolled, step_of

BASELINE = "baseline"

LEAST_POINTS = 100
LEAST_DAYS = 2.0
MOST_MISSING = 0.3
"""Share of empty quarters of an hour beyond which a season cannot be told from gaps."""

FEW_VALUES = 8
"""A series of so few distinct values has states, not a level."""

SEASONAL = 0.4
"""Strength from which on a season is worth a model.

Source: Wang, Smith and Hyndman, "Characteristic-based clustering for time series data" (2006);
0.64 is where Hyndman's `nsdiffs` differences a series, a band gains from less.
"""

LEAST_WEEKLY_DAYS = 13
COARSE_MS = HOUR_MS // 2
"""From this distance of points on, roll-ups by the hour lose nothing."""

GRID_MS = HOUR_MS // 4


@dataclass(frozen=True, slots=True)
class Choice:
    """What is to be fitted.

    Attributes:
        detector: A name in `functions/train/fits`, or `baseline`: nothing is.
        reason: Why, in words.
    """

    detector: str
    reason: str


@dataclass(frozen=True, slots=True)
class Seasons:
    """How much of a history's movement repeats, 0 to 1 each, and how much of it is missing."""

    daily: float
    weekly: float
    missing: float


def choose(history: History) -> Choice:
    """Return the detector whose assumptions a history meets best, with the reason."""
    points, days = len(history.time), days_of(history)
    if points < LEAST_POINTS or days < LEAST_DAYS:
        return Choice(
            BASELINE,
            f"{points} points over {days:.1f} days; a model takes {LEAST_POINTS} over"
            f" {LEAST_DAYS:.0f} days",
        )
    distinct = len(np.unique(history.value))
    if distinct <= FEW_VALUES:
        return Choice(BASELINE, f"only {distinct} distinct values: states, not a level")
    found = seasons(history)
    if found.missing > MOST_MISSING:
        return Choice(BASELINE, f"{found.missing:.0%} of its quarters of an hour are empty")
    return _by_season(history, found, days)


def seasons(history: History) -> Seasons:
    """Return how strong the daily and the weekly season of a history are.

    For the day, a mean over whole days is taken away; what is left is the median of its time of
    day, and a remainder. For the week, that median and a straight line are; what is left is the
    mean of the day of the week, and a remainder. The strength of a season is the share of the
    movement that the remainder lacks, 1 - var(remainder) / var(season and remainder).
    """
    step = max(GRID_MS, step_of(history))
    _, mean = rolled(history, step)
    missing = float(np.mean(~np.isfinite(mean)))
    a_day = max(1, DAY_MS // step)
    value = bridged(mean)
    value = value[len(value) % a_day :]
    days = value.reshape(-1, a_day)
    moving = _detrended(value, a_day).reshape(-1, a_day)
    if len(days) < 2 or a_day < 4:
        return Seasons(0.0, 0.0, missing)
    profile, degrees = np.median(moving, axis=0), 1.0 - 1.0 / len(days)
    rest = moving - profile
    daily = _strength(rest, moving, degrees)
    weekly = 0.0
    if len(days) >= LEAST_WEEKLY_DAYS:
        level = days - profile - _line(days.mean(axis=1))[:, None]
        by_day = np.array([level[day::7].mean() for day in range(7)])
        weekly = _strength(level - by_day[np.arange(len(level)) % 7][:, None], level, 1.0)
    return Seasons(daily, weekly, missing)


def _by_season(history: History, found: Seasons, days: float) -> Choice:
    told = f"{found.daily:.0%} of its movement repeats daily"
    if days >= LEAST_WEEKLY_DAYS:
        told += f", {found.weekly:.0%} of what is left weekly"
    coarse = step_of(history) >= COARSE_MS
    if max(found.daily, found.weekly) >= SEASONAL:
        if coarse and days >= 7.0:
            return Choice("luminaire", f"{told}; points by the hour suit harmonics with ARIMA")
        return Choice("prophet", f"{told}; a band of trend and seasons suits that")
    return Choice(
        "isolation_forest",
        f"{told}, which is no season; unusual values, changes and times of them can be cut off",
    )


def _detrended(value: FloatArray, window: int) -> FloatArray:
    """Return values less their mean over a whole day around each."""
    edge = window // 2
    padded = np.pad(value, (edge, window - 1 - edge), mode="reflect")
    return np.asarray(value - np.convolve(padded, np.full(window, 1.0 / window), mode="valid"))


def _line(value: FloatArray) -> FloatArray:
    """Return the straight line through values."""
    at = np.arange(len(value), dtype=np.float64)
    return np.asarray(np.polyval(np.polyfit(at, value, 1), at))


def _strength(rest: FloatArray, whole: FloatArray, degrees: float) -> float:
    """Return 1 - var(rest) / var(whole), at least 0; `degrees` corrects for what was fitted."""
    total = float(np.var(whole))
    return max(0.0, 1.0 - float(np.var(rest)) / (degrees * total)) if total > 0.0 else 0.0
