"""Raises before a limit is crossed: a disk that will be full in four hours."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from aiops.detection import FloatArray, Scores, StateArray, TimeArray
from functions.detect.trend import LINE, Trend

LARGEST = 1e140
"""Values and limits are held to this size, so that no square overflows."""

MOST = 100.0
"""Evidence at the limit and beyond."""

SURE = 4.0
"""Standard errors taken off a rate before it is believed."""

LEAST = 15
"""Samples of a rise before it is believed."""

REACH = 4.0
"""How far ahead is looked at most, in lengths of the rise that was seen."""

BEYOND = 0.25
"""How far a value must lie beyond where it last turned back, as a share of the way it came; half
of what is left to the limit is enough."""


class Detector:
    """Evidence is the horizon over the time that is left at the present rate, 1 at its line.

    The rate is the slope of a line through the recent past, less four standard errors. A value that
    has been where it is now and turned back, as one that is cleaned every night does, is no news
    before it is well beyond that.
    """

    dtype: np.dtype[Any] = np.dtype([("count", "<i8"), ("last", "<i8"), ("side", LINE, (2,))])
    alarm_line = 1.0
    min_history = 30

    def __init__(
        self,
        lower: float | None = None,
        upper: float | None = None,
        horizon: float = 14_400.0,
    ) -> None:
        """Set the limits, at least one, and how many seconds ahead matter.

        Raises:
            ValueError: no limit, one that is no number, lower not below upper, or no horizon.
        """
        if lower is None and upper is None:
            raise ValueError("lower or upper: give at least one limit")
        limits = [limit for limit in (lower, upper) if limit is not None]
        if not all(-LARGEST < limit < LARGEST for limit in limits):
            raise ValueError("lower, upper: no number between -1e140 and 1e140")
        if len(limits) == 2 and limits[0] >= limits[1]:
            raise ValueError("lower: does not lie below upper")
        if not 0 < horizon <= 1e9:
            raise ValueError("horizon: above 0, at most 1e9 seconds")
        self._sides = [(1.0, upper)] * (upper is not None) + [(-1.0, lower)] * (lower is not None)
        self._horizon = float(horizon)
        self._trend = Trend(memory=self._horizon / 2.0)

    def score(self, state: StateArray, time: TimeArray, value: FloatArray) -> Scores:
        """Score one sample each of n distinct series, and learn from it.

        Args:
            state: Shape (n,) of `dtype`, updated in place.
            time: Unix milliseconds, shape (n,), later than any time seen by the same series.
            value: Finite values, shape (n,).
        """
        x = np.minimum(np.maximum(value, -LARGEST), LARGEST)
        first = state["count"] == 0
        elapsed = np.where(first, 0.0, (time - state["last"]) / 1000.0)
        state["count"] += 1
        state["last"] = time
        outlooks = []
        level = x
        for place, (sign, limit) in enumerate(self._sides):
            side = state["side"][:, place].copy()
            outlook = self._outlook(side, elapsed, sign * x, sign * float(limit or 0.0))
            state["side"][:, place] = side
            outlooks.append(outlook)
            level = sign * side["level"]
        evidence = np.max([one.evidence for one in outlooks], axis=0)
        reasons = _Reasons(value, self._sides, outlooks)
        lower, upper = self._edges(x)
        level = np.minimum(np.maximum(level, lower), upper)
        return Scores(evidence, level, lower, upper, reasons.explain)

    def _outlook(
        self, side: StateArray, elapsed: FloatArray, signal: FloatArray, limit: float
    ) -> "_Outlook":
        """Return how soon a signal rises over a limit."""
        rate, error = self._trend.observe(side, elapsed, signal)
        left = limit - signal
        sure = rate - SURE * error
        rises = (sure > 0.0) & (side["count"] >= LEAST)
        seconds = np.maximum(left, 0.0) / np.where(rises, np.maximum(sure, 1e-300), 1.0)
        seconds = np.where(rises, np.minimum(seconds, 1e12), 1e12)
        turned = side["peak_way"] > 0.0
        room = np.maximum(limit - side["peak"], 0.0) / 2.0
        beyond = signal > side["peak"] + np.minimum(BEYOND * side["peak_way"], room)
        believed = rises & (side["age"] * REACH >= seconds) & (beyond | ~turned)
        evidence = np.where(believed, self._horizon / np.maximum(seconds, 1e-9), 0.0)
        evidence = np.where(left <= 0.0, MOST, np.minimum(evidence, MOST))
        return _Outlook(evidence, seconds, sure)

    def _edges(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        lower, upper = np.minimum(x, 0.0) * 0.0 - LARGEST, np.full_like(x, LARGEST)
        for sign, limit in self._sides:
            if sign > 0:
                upper = np.full_like(x, float(limit or 0.0))
            else:
                lower = np.full_like(x, float(limit or 0.0))
        return lower, upper


@dataclass(frozen=True, slots=True)
class _Outlook:
    """What is ahead of one sample each.

    Attributes:
        evidence: Shape (n,).
        seconds: Until the limit is crossed, shape (n,).
        rate: Per second towards the limit, shape (n,).
    """

    evidence: FloatArray
    seconds: FloatArray
    rate: FloatArray


@dataclass(frozen=True, slots=True)
class _Reasons:
    value: FloatArray
    sides: list[tuple[float, float | None]]
    outlooks: list[_Outlook]

    def explain(self, row: int) -> str:
        """Return why row `row` alarms."""
        strongest = int(np.argmax([one.evidence[row] for one in self.outlooks]))
        sign, limit = self.sides[strongest]
        outlook = self.outlooks[strongest]
        word = "above" if sign > 0 else "below"
        told = f"{self.value[row]:.6g}"
        if outlook.evidence[row] >= MOST:
            return f"{told} is {word} the limit of {limit:.6g}, or about to be"
        rate = 3600.0 * abs(float(outlook.rate[row]))
        ahead = f"will be {word} the limit of {limit:.6g} in {lasting(outlook.seconds[row])}"
        return f"{told} {ahead} at this rate, {rate:.3g} an hour"


def lasting(seconds: float) -> str:
    """Return a time in words, such as `3 h 40 min`."""
    minutes = round(float(seconds) / 60.0)
    if minutes < 1:
        return "less than a minute"
    days, rest = divmod(minutes, 1440)
    hours, minutes = divmod(rest, 60)
    parts = ((days, "d"), (hours, "h"), (minutes if not days else 0, "min"))
    return " ".join(f"{count} {unit}" for count, unit in parts if count)
