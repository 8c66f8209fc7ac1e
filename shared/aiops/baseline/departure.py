"""Departures from what is usual at this hour of this kind of day, summed up since they began."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiops.baseline.calendar import DAY_MS, HOURS, KINDS, Calendar
from aiops.baseline.level import Level, Tail
from aiops.baseline.season import Knots, Moment, WeeklyProfile
from aiops.detection import FloatArray, StateArray, TimeArray

SETTLED = 100
"""Samples before anything counts."""

DRIFT = 0.75
"""Half the lasting deviation that is found the fastest, in standard deviations."""

WIDE, WIDENED = 1.3862943611198906, 0.46875
"""Log-likelihood of noise four times as wide: ln 4, and half of 1 - 1/16 a squared deviation."""

SPIKE = 6.0
"""The largest deviation summed up."""

MOST_SUM = 40.0
MEMORY_RATE, STEP_RATE = 0.005, 0.01
MOST_LEARNED = 1e6

WORSE = 1.5
"""A profile fits if its variance is at most this times that around the last level."""

LEAST_EXCESS = 0.5
"""Floor of a sum's mean excess: that of independent normal deviations."""

TRIED, TRUSTED = 1.0, 2.0
"""Days an hour has been seen for the sums to run, and to count."""

MEASURED = 1.5
"""Days the sums have been measured by their tails for them to count."""

LONGEST = 10.0
"""Samples over its 99 % quantile after which a sum is no news."""

MISSED, STALE = 5.0, 30.0
"""Steps without a sample after which sums start anew, and after which a last level is stale."""

RAISED, MOST_RAISED, LOWERED = 1.5, 8.0, 0.2
"""What an alarm multiplies its series' own line by, the most of it, and how it sinks in a day."""

STEPS_S = (1.0, 10.0, 60.0, 300.0, 900.0, 3600.0, 86_400.0)


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample each of n series: Unix milliseconds, how many with this one, value, shape (n,)."""

    time: TimeArray
    count: FloatArray
    value: FloatArray


@dataclass(frozen=True, slots=True)
class Found:
    """What is found of one sample each of n series, one entry a row.

    Attributes:
        evidence: 1 at the series' own line, 0 where the hour is not known well enough.
        stale: Whether so many samples were missed that the last level says nothing.
        active: Whether the hour is known, and predicts about as well as the last level, or better.
        expected: What is usual now.
        spread: One standard deviation.
        deviation: From expected, in standard deviations.
        lower: Value below which it would alarm, where active.
        upper: Value above which it would alarm, where active.
        leading: The sum that says the most: 0 above, 1 below, 2 wider than usual.
    """

    evidence: FloatArray
    stale: NDArray[np.bool_]
    active: NDArray[np.bool_]
    expected: FloatArray
    spread: FloatArray
    deviation: FloatArray
    lower: FloatArray
    upper: FloatArray
    leading: NDArray[np.int64]


class Departures:
    """Cumulative sums of deviations from a weekly profile, each measured by its own tail.

    Deviations are freed of what the one before predicts, then summed above a drift to either side,
    and as the likelihood of noise four times as wide. The line is so many nats beyond a sum's 99 %
    quantile as the alert budget leaves to a step, and higher for a series that has alarmed lately.
    Source: Page, "Continuous inspection schemes" (1954); Gibbs and Candès, "Adaptive conformal
    inference under distribution shift" (2021) for a line that answers to the alarms it gave.
    """

    dtype: np.dtype[Any] = np.dtype(
        [
            ("last", "<i8"),
            ("step", "<f8"),
            ("level", "<f8", (1,)),
            ("variance", "<f8", (1,)),
            ("sums", "<f4", (3,)),
            ("threshold", "<f4", (3,)),
            ("excess", "<f4", (3,)),
            ("run", "<f4", (3,)),
            ("before", "<f4"),
            ("memory", "<f4"),
            ("learned", "<f4"),
            ("line", "<f4"),
            ("knots", "<f4", (KINDS * HOURS,)),
            ("visits", "u1", (KINDS * HOURS,)),
            ("anchor", "<f8"),
        ]
    )

    def __init__(self, calendar: Calendar, memory: int, nats: float, less: float) -> None:
        """Set calendar, memory and line.

        Args:
            calendar: Tells hours and days off.
            memory: Samples of the level around which the profile is corrected.
            nats: Line of a series with a sample a minute, beyond the 99 % quantile.
            less: How much lower it is for each e-fold longer step.
        """
        self._profile = WeeklyProfile(calendar, 5.0)
        self._level = Level(np.array([1.0]) / memory, np.array([0.25]) / memory, 2.5)
        same = np.ones(3)
        self._tail = Tail(0.99 * same, 0.005, 0.03 * same, 5.0 * same, same)
        self._steps = 1000.0 * np.array(STEPS_S)
        lines = [max(nats - less * math.log(step / 60.0), 3.0) for step in STEPS_S]
        self._lines = np.array(lines)

    def observe(
        self, state: StateArray, sample: Sample, usual: FloatArray, variance: FloatArray
    ) -> Found:
        """Return what is found of one sample each of n series, and learn from it.

        Args:
            state: Shape (n,) of `dtype`, updated in place.
            sample: The samples.
            usual: The mean of all hours, shape (n,).
            variance: Of the value around its last level, shape (n,).
        """
        count, value = sample.count, sample.value
        since, missed = _passed(state, sample)
        state["anchor"] = np.where(count == 1.0, value, state["anchor"])
        spread = np.sqrt(state["variance"][:, 0])
        bound = np.where((count > SETTLED) & (spread > 0.0), 3.0 * spread, np.inf)
        knots = Knots(state["knots"], state["visits"], state["anchor"])
        moment = Moment(sample.time, since, state["step"])
        profile, days = self._profile.observe(knots, moment, value, bound, usual)
        expected = profile + state["level"][:, 0]
        deviation, state["level"], state["variance"] = self._level.observe(
            state["level"].copy(),
            state["variance"].copy(),
            count[:, None],
            (value - profile)[:, None],
        )
        fits = (spread * spread <= WORSE * variance) & (count > SETTLED) & (days >= TRIED)
        z = np.minimum(np.maximum(deviation[:, 0], -SPIKE), SPIKE)
        told = self._told(state, z, fits, missed)
        tried = state["learned"] * state["step"] >= MEASURED * DAY_MS
        active = fits & (days >= TRUSTED) & tried
        evidence = self._answered(state, np.where(active, told.share, 0.0), since)
        return Found(
            evidence,
            since > STALE * state["step"],
            active,
            expected,
            spread,
            deviation[:, 0],
            expected + spread * told.lower,
            expected + spread * told.upper,
            told.leading,
        )

    def _told(
        self,
        state: StateArray,
        z: FloatArray,
        fits: NDArray[np.bool_],
        missed: NDArray[np.bool_],
    ) -> "_Told":
        """Sum up, measure the sums, and learn both where the profile fits."""
        prior = np.where(missed, 0.0, state["before"].astype(np.float64))
        kept = np.minimum(np.maximum(state["memory"].astype(np.float64), 0.0), 0.9)
        kept = np.where(prior == 0.0, 0.0, kept)
        own = np.sqrt(1.0 - kept * kept)
        pure = np.minimum(np.maximum((z - kept * prior) / own, -SPIKE), SPIKE)
        start = np.where((missed | ~fits)[:, None], 0.0, state["sums"].astype(np.float64))
        added = np.stack([pure - DRIFT, -pure - DRIFT, WIDENED * pure * pure - WIDE], axis=1)
        sums = np.minimum(np.maximum(start + added, 0.0), MOST_SUM)
        old = [state[name].astype(np.float64) for name in ("threshold", "excess", "run")]
        old[1] = np.where(old[1] > 0.0, np.maximum(old[1], LEAST_EXCESS), 0.0)
        learned = state["learned"].astype(np.float64)
        surprise, *new = self._tail.observe(
            old[0], old[1], old[2], (learned + SETTLED)[:, None], sums
        )
        need = np.interp(state["step"], self._steps, self._lines)
        share = surprise * (new[2] <= LONGEST) / need[:, None]
        for name, was, becomes in zip(("threshold", "excess", "run"), old, new, strict=True):
            state[name] = np.where(fits[:, None], becomes, was)
        both = np.minimum(np.maximum(z, -3.0), 3.0) * np.minimum(np.maximum(prior, -3.0), 3.0)
        rate = np.where(fits & ~missed, np.maximum(MEMORY_RATE, 1.0 / (learned + 1.0)), 0.0)
        state["memory"] += rate * (both - state["memory"])
        state["before"], state["sums"] = z, sums
        state["learned"] = np.minimum(learned + fits, MOST_LEARNED)
        line = need * np.maximum(state["line"].astype(np.float64), 1.0)
        room = old[0] + old[1] * line[:, None] - start - np.array([-DRIFT, -DRIFT, -WIDE])
        wide = np.sqrt(np.maximum(room[:, 2], 0.0) / WIDENED)
        shift = kept * prior
        lower = np.minimum(shift - own * np.minimum(room[:, 1], wide), 0.0)
        upper = np.maximum(shift + own * np.minimum(room[:, 0], wide), 0.0)
        return _Told(share.max(axis=1), lower, upper, share.argmax(axis=1))

    @staticmethod
    def _answered(state: StateArray, share: FloatArray, since: FloatArray) -> FloatArray:
        """Return the evidence by the series' own line, and let the line answer to it."""
        line = np.maximum(state["line"].astype(np.float64), 1.0)
        evidence = share / line
        over = evidence > 1.0
        sunk = 1.0 + (line - 1.0) * (1.0 - np.minimum(since * (LOWERED / DAY_MS), 1.0))
        state["line"] = np.where(over, np.minimum(line * RAISED, MOST_RAISED), sunk)
        state["sums"] = np.where(over[:, None], 0.0, state["sums"])
        return np.asarray(evidence)


def _passed(state: StateArray, sample: Sample) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Return the time since the last sample, and whether some were missed; learn the step."""
    first = sample.count == 1.0
    since = np.where(first, np.inf, (sample.time - state["last"]).astype(np.float64))
    step = state["step"]
    missed = since > MISSED * step
    limited = np.where(sample.count <= 2.0, since, np.minimum(since, 3.0 * step))
    rate = np.maximum(STEP_RATE, 1.0 / np.maximum(sample.count - 1.0, 1.0))
    state["step"] = step + rate * (np.where(first, 0.0, limited) - step)
    state["last"] = sample.time
    return since, missed


@dataclass(frozen=True, slots=True)
class _Told:
    share: FloatArray
    lower: FloatArray
    upper: FloatArray
    leading: NDArray[np.int64]
