"""What a look at a whole day found."""

from dataclasses import dataclass

import numpy as np

from aiops.detection import FloatArray
from functions.train.fit import DAY_MS

ALARM_LINE = 3.0
"""One in a thousand, as a negative power of ten."""

MOST_EVIDENCE = 16.0


@dataclass(frozen=True, slots=True)
class Finding:
    """A day that was not like the others.

    Attributes:
        time: Unix milliseconds at which the day ended.
        value: Its mean.
        expected: The mean of the days before.
        lower: Mean less twice the standard deviation of those days' means.
        upper: Mean and twice that.
        evidence: How improbable it is, as a negative power of ten; alarms from `ALARM_LINE` on.
    """

    time: int
    value: float
    expected: float
    lower: float
    upper: float
    evidence: float
    reason: str

    @classmethod
    def of_day(cls, end: int, day: FloatArray, before: FloatArray, sure: float) -> "Finding":
        """Return what sets a day apart from whole days before it.

        Args:
            end: Unix milliseconds.
            day: Its values, shape (n,).
            before: Values of the days before, shape (m,), m at least n.
            sure: Probability that it is unlike them, 0 to 1.
        """
        days = before[len(before) % len(day) :].reshape(-1, len(day))
        usual, moved = float(days.mean()), 2.0 * float(days.mean(axis=1).std())
        value = float(day.mean())
        evidence = min(-float(np.log10(max(1.0 - sure, 10.0**-MOST_EVIDENCE))), MOST_EVIDENCE)
        told = (
            f"the values of the last {DAY_MS // 3_600_000} hours are spread unlike those of the day"
            f" before: mean {value:.6g} and deviation {float(day.std()):.3g},"
            f" usually {usual:.6g} and {float(days.std(axis=1).mean()):.3g}"
        )
        return cls(end, value, usual, usual - moved, usual + moved, evidence, told)
