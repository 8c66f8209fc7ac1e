"""Fixed limits: a value beyond one of them is an anomaly, from the first sample on."""

from typing import Any

import numpy as np

from aiops.detection import FloatArray, Scores, StateArray, TimeArray

LARGEST = 1e300
"""Values and limits are held to this size, so that no difference overflows."""

MOST_WIDTHS = 1e6
"""The largest exceedance told apart, in widths."""

BARELY = float(np.nextafter(1.0, 2.0))


class Detector:
    """Evidence 1 plus the exceedance in widths beyond a limit, 0 otherwise.

    The width is the distance between the limits; of a single limit, or of two equal ones, its
    size, or 1 where it is 0. A value on a limit is within.
    """

    dtype: np.dtype[Any] = np.dtype([("count", "<i8")])
    alarm_line = 1.0
    min_history = 0

    def __init__(self, lower: float | None = None, upper: float | None = None) -> None:
        """Set the limits; at least one.

        Raises:
            ValueError: no limit, a limit that is no number, or lower above upper.
        """
        if lower is None and upper is None:
            raise ValueError("lower or upper: give at least one limit")
        self._lower = -LARGEST if lower is None else _limit("lower", lower)
        self._upper = LARGEST if upper is None else _limit("upper", upper)
        if self._lower > self._upper:
            raise ValueError("lower: lies above upper")
        self._width = _width(lower, upper)

    def score(
        self,
        state: StateArray,
        time: TimeArray,  # noqa: ARG002 - limits hold at any time
        value: FloatArray,
    ) -> Scores:
        """Score one sample each of n distinct series.

        Args:
            state: Shape (n,) of `dtype`, updated in place.
            time: Unix milliseconds, shape (n,).
            value: Finite values, shape (n,).
        """
        state["count"] += 1
        held = np.clip(value, -LARGEST, LARGEST)
        beyond = np.maximum(held - self._upper, self._lower - held)
        widths = np.minimum(beyond, MOST_WIDTHS * self._width) / self._width
        evidence = np.where(beyond > 0.0, np.maximum(1.0 + widths, BARELY), 0.0)
        lower = np.full_like(held, self._lower)
        upper = np.full_like(held, self._upper)

        def explain(row: int) -> str:
            if value[row] > self._upper:
                return f"{value[row]:.6g} is above the limit of {self._upper:.6g}"
            return f"{value[row]:.6g} is below the limit of {self._lower:.6g}"

        return Scores(evidence, np.clip(held, lower, upper), lower, upper, explain)


def _limit(name: str, limit: float) -> float:
    if not -LARGEST < limit < LARGEST:
        raise ValueError(f"{name}: {limit} is no number between -1e300 and 1e300")
    return float(limit)


def _width(lower: float | None, upper: float | None) -> float:
    if lower is not None and upper is not None and upper > lower:
        return float(upper - lower)
    one = upper if lower is None else lower
    return abs(float(one or 0.0)) or 1.0
