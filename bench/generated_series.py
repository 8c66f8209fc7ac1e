"""Series like those of a monitored service, clean or with a labelled fault, from a seed.

Every series has a daily and a weekly shape, one of three noise families, gaps, and is a gauge or
a counter with resets. What is returned is what a detector sees: a counter's rate per second.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

START_MS = 1_704_067_200_000
"""The first sample: Monday, 2024-01-01 00:00 UTC."""

DAY_S = 86_400
NOISES = ("normal", "skewed", "wandering")
INFLATION = (1.0, 1.0, 2.0)
"""By how much memory widens the standard error of a mean of each family."""

KEPT, RENEWED = 0.6, 0.8
"""What `wandering` noise keeps of the value before, and what comes anew."""

SKEW, SKEW_MEAN, SKEW_DEVIATION = 0.25, math.exp(0.03125), 0.2579
"""Deviation of the logarithm of `skewed` noise; mean and deviation before it is standardised."""

FAULTS = ("spike", "shift", "drop", "drift", "flat", "spread")

EVIDENT = 5.0
"""Standard errors by which what came since a fault's start must differ to be observable."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How many series of which length.

    Attributes:
        seed: The same seed gives the same series.
        series: Number of series.
        days: Length.
        step: Seconds between samples.
        burst: Samples that a `spike` lasts.
        lasting: Robust deviations of a lasting `shift`.
        sudden: Robust deviations of `spike` and `drop`, of the end of `drift`, and how many times
            wider the noise of `spread` is.
        restarts_told: Whether the sample after a counter's restart is lost, because its rate is
            not known, or has the rate of what was counted since.
    """

    seed: int
    series: int = 200
    days: int = 14
    step: int = 60
    burst: int = 3
    lasting: float = 2.0
    sudden: float = 4.0
    restarts_told: bool = True

    @property
    def rows(self) -> int:
        """Samples of a series, lost ones included."""
        return self.days * DAY_S // self.step


@dataclass(frozen=True, slots=True)
class Generated:
    """Series and, where there are any, their faults.

    Attributes:
        time: Unix milliseconds, shape (rows,).
        value: NaN where a sample is lost, shape (rows, n).
        noise: Place in `NOISES`, shape (n,).
        counter: Whether the values are the rates of a counter, shape (n,).
        usual: The values without noise, shape (rows, n).
        unit: What the noise was multiplied by, shape (n,).
        deviation: Robust standard deviation of the noise, shape (n,).
        fault: Place in `FAULTS`, -1 for none, shape (n,).
        start: Row of the fault's first sample, shape (n,).
        observable: First row at which all samples since the start together differ by four
            standard errors from what is usual, known to who knows the true shape, spread and
            start; of `flat`, the second of two equal values; shape (n,).
    """

    time: NDArray[np.int64]
    value: FloatArray
    noise: NDArray[np.int64]
    counter: NDArray[np.bool_]
    usual: FloatArray
    unit: FloatArray
    deviation: FloatArray
    fault: NDArray[np.int64]
    start: NDArray[np.int64]
    observable: NDArray[np.int64]


def clean(plan: Plan) -> Generated:
    """Return series without any fault."""
    return _generate(plan, faulty=False)


def faulty(plan: Plan) -> Generated:
    """Return series with one fault each, the kinds in turn, on a random row of the second half."""
    return _generate(plan, faulty=True)


def _generate(plan: Plan, *, faulty: bool) -> Generated:
    draw = np.random.default_rng(plan.seed)
    n, rows = plan.series, plan.rows
    time = START_MS + np.arange(rows, dtype=np.int64) * plan.step * 1000
    noise = np.arange(n) // len(FAULTS) % len(NOISES)
    counter = np.arange(n) // (len(FAULTS) * len(NOISES)) % 3 == 2
    shape = _shape(draw, plan, time)
    error = _noise(draw, noise, rows)
    level = 10.0 ** draw.uniform(0.0, 3.0, size=n)
    unit = level * draw.uniform(0.02, 0.06, size=n)
    usual = level + unit * shape
    residual = unit * error
    deviation = 1.4826 * np.median(np.abs(residual - np.median(residual, axis=0)), axis=0)
    value = usual + residual
    lost = _gaps(draw, plan)
    fault, start = np.full(n, -1), np.full(n, rows)
    observable = start.copy()
    if faulty:
        fault = np.arange(n) % len(FAULTS)
        start = draw.integers(rows // 2, rows - 240, size=n)
        for k in range(n):
            at = slice(int(start[k]), int(start[k]) + 240)
            lost[at.start - 5 : at.start + 60, k] = False
            hurt = _HURT[FAULTS[fault[k]]](plan, usual[at, k], residual[at, k], deviation[k])
            away = (hurt - usual[at, k]) / deviation[k]
            observable[k] = start[k] + _evident(FAULTS[fault[k]], away, INFLATION[noise[k]])
            value[at, k] = hurt
    value[:, counter] = _counted(draw, plan, np.maximum(value[:, counter], 0.0))
    return Generated(
        time,
        np.where(lost, np.nan, value),
        noise,
        counter,
        usual,
        unit,
        deviation,
        fault,
        start,
        observable,
    )


def _shape(draw: np.random.Generator, plan: Plan, time: NDArray[np.int64]) -> FloatArray:
    """Return daily waves of 1 to 8 noise deviations, less on weekends, shape (rows, n)."""
    n = plan.series
    day = (time / 1000.0 / DAY_S)[:, None]
    phase = draw.uniform(size=n)
    second = draw.uniform(0.0, 0.5, size=n)
    wave = np.sin(2 * np.pi * (day + phase)) + second * np.sin(4 * np.pi * (day + 2 * phase))
    weekday = (np.floor(day).astype(np.int64) + 3) % 7
    weekend = np.where(weekday >= 5, draw.uniform(0.5, 1.0, size=n), 1.0)
    height = draw.uniform(1.0, 8.0, size=n)
    dip = draw.uniform(0.0, 0.5, size=n) * height
    return np.asarray(height * wave * weekend - dip * (weekday >= 5))


def _noise(draw: np.random.Generator, family: NDArray[np.int64], rows: int) -> FloatArray:
    """Return noise of standard deviation about 1 by family, shape (rows, n).

    `normal` is independent; `skewed` lognormal, independent; `wandering` normal with memory, a
    correlation of 0.6 between neighbours.
    """
    plain = draw.normal(size=(rows, len(family)))
    skewed = (np.exp(SKEW * plain) - SKEW_MEAN) / SKEW_DEVIATION
    wandering = plain.copy()
    for row in range(1, rows):
        wandering[row] = KEPT * wandering[row - 1] + RENEWED * plain[row]
    return np.where(family == 0, plain, np.where(family == 1, skewed, wandering))


def _gaps(draw: np.random.Generator, plan: Plan) -> NDArray[np.bool_]:
    """Return where samples are lost: one in 200 alone, and two outages of up to six hours."""
    lost = draw.random((plan.rows, plan.series)) < 0.005
    for k in range(plan.series):
        for begin in draw.integers(0, plan.rows, size=2):
            lost[begin : begin + draw.integers(1, 6 * 3600 // plan.step), k] = True
    return lost


def _counted(draw: np.random.Generator, plan: Plan, rate: FloatArray) -> FloatArray:
    """Return the rates read off counters of these rates that restart about every five days.

    A restart falls within a step; what was counted before it is lost, as with any counter.
    """
    counted = rate.copy()
    restart = draw.random(rate.shape) < plan.step / (5.0 * DAY_S)
    partly = counted[restart] * draw.uniform(size=int(restart.sum()))
    counted[restart] = np.nan if plan.restarts_told else partly
    return counted


def _spike(plan: Plan, usual: FloatArray, residual: FloatArray, deviation: float) -> FloatArray:
    hurt = usual + residual
    hurt[: plan.burst] += plan.sudden * deviation
    return hurt


def _shift(plan: Plan, usual: FloatArray, residual: FloatArray, deviation: float) -> FloatArray:
    return usual + residual + plan.lasting * deviation


def _drop(plan: Plan, usual: FloatArray, residual: FloatArray, deviation: float) -> FloatArray:
    hurt = usual + residual
    hurt[:60] -= plan.sudden * deviation
    return hurt


def _drift(plan: Plan, usual: FloatArray, residual: FloatArray, deviation: float) -> FloatArray:
    ramp = np.minimum(np.arange(1, len(usual) + 1) / 20.0, 1.0)
    return np.asarray(usual + residual + ramp * plan.sudden * deviation)


def _flat(_: Plan, usual: FloatArray, residual: FloatArray, __: float) -> FloatArray:
    return np.full(len(usual), usual[0] + residual[0])


def _spread(plan: Plan, usual: FloatArray, residual: FloatArray, _: float) -> FloatArray:
    return usual + plan.sudden * residual


_HURT: dict[str, Callable[[Plan, FloatArray, FloatArray, float], FloatArray]] = {
    "spike": _spike,
    "shift": _shift,
    "drop": _drop,
    "drift": _drift,
    "flat": _flat,
    "spread": _spread,
}


def _evident(kind: str, away: FloatArray, inflation: float) -> int:
    """Return after how many samples a fault is observable.

    Args:
        kind: One of `FAULTS`.
        away: Distance from usual in robust deviations since the start, shape (rows,).
        inflation: Of the standard error of their mean, once there is more than one.
    """
    if kind == "flat":
        return 1
    many = np.arange(1, len(away) + 1)
    if kind == "spread":
        errors = np.cumsum(away * away - 1.0) / np.sqrt(2.0 * many)
    else:
        wider = np.where(many > 1, inflation, 1.0)
        errors = np.abs(np.cumsum(away)) / np.sqrt(many) / wider
    return int(np.argmax(errors >= EVIDENT))
