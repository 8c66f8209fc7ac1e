"""What a detector promises, and how its evidence becomes a score and a severity."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from aiops.events import SEVERITY_CUTS

FloatArray = NDArray[np.float64]
TimeArray = NDArray[np.int64]
StateArray = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Scores:
    """What a detector says of one sample each of n series.

    Attributes:
        evidence: How much speaks for an anomaly, shape (n,), finite, 0 and up, unbounded.
        expected: The value it would have expected, shape (n,), in the series' own unit.
        lower: Lower edge of what is usual, shape (n,), at most `expected`.
        upper: Upper edge of what is usual, shape (n,), at least `expected`.
        explain: The reason in words for row i; called only for rows that alarm.
    """

    evidence: FloatArray
    expected: FloatArray
    lower: FloatArray
    upper: FloatArray
    explain: Callable[[int], str]


class Detector(Protocol):
    """One way to score a series, vectorised over the series of a batch.

    Attributes:
        dtype: The structured state of one series, of a fixed size; all zeros is a series never
            seen. Fields that change with every sample stand first: what is written back is the
            span that changed.
        alarm_line: The evidence at which it alarms unless told otherwise.
        min_history: The accepted samples before it may alarm unless told otherwise.
    """

    dtype: np.dtype[Any]
    alarm_line: float
    min_history: int

    def score(self, state: StateArray, time: TimeArray, value: FloatArray) -> Scores:
        """Score one sample each of n distinct series, and learn from it.

        Args:
            state: Shape (n,) of `dtype`, updated in place.
            time: Unix milliseconds, shape (n,), later than any time seen by the same series.
            value: Finite values, shape (n,).
        """


def score_of(evidence: FloatArray, line: FloatArray) -> FloatArray:
    """Return 0 up to the alarm line, then 1 - line/evidence, below 1; the shape of `evidence`."""
    return np.where(evidence > line, 1.0 - line / np.maximum(evidence, line), 0.0)


def severity_of(score: float) -> int:
    """Return the severity of an anomaly, 1 (least) to 5, from its score in [0, 1)."""
    return 1 + sum(score >= cut for cut in SEVERITY_CUTS)
