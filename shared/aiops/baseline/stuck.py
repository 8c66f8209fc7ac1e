"""Whether a signal that always moves has stopped moving."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from aiops.detection import FloatArray, StateArray


@dataclass(frozen=True, slots=True)
class Stuck:
    """Equal values in a row, where equal neighbours are rare.

    How often a sample equals the one before is followed quickly upwards and slowly downwards, so
    that only a series that has all but stopped repeating itself counts. A run of equal values then
    has the chance of that share, multiplied for each of them.

    Attributes:
        dtype: State of a series: last value, chance of the run, share of equal neighbours.
        settled: Samples before a series counts.
        often: Share of equal neighbours from which on a series does not count.
        least: Share taken for "never".
        line: Chance of a run at which it is evident.
        least_chance: Chance from which on it is no news any more.
    """

    dtype: ClassVar[np.dtype[Any]] = np.dtype(
        [("before", "<f8"), ("chance", "<f4"), ("share", "<f4")]
    )

    settled: int = 100
    often: float = 0.05
    least: float = 0.01
    line: float = 2e-6
    least_chance: float = 2e-8

    def observe(self, state: StateArray, count: FloatArray, value: FloatArray) -> FloatArray:
        """Return how evident it is that a value stands still, 1 at the line, shape (n,).

        Args:
            state: Shape (n,) of `dtype`, updated in place.
            count: Samples of the series so far, this one included, shape (n,).
            value: Shape (n,).
        """
        same = (value == state["before"]) & (count > 1.0)
        share, before = state["share"].astype(np.float64), state["chance"].astype(np.float64)
        before = np.where(before == 0.0, 1.0, before)
        chance = np.where(same, before * np.maximum(share, self.least), 1.0)
        news = same & (before > self.least_chance) & (share < self.often) & (count > self.settled)
        state["before"] = value
        state["chance"] = np.maximum(chance, 1e-30)
        state["share"] = share + np.where(same, (1.0 - share) / 64.0, -share / 2048.0)
        return np.where(news, np.sqrt(self.line / np.maximum(chance, 1e-30)), 0.0)
