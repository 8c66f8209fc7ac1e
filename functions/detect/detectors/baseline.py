"""The default detector: a deviation that is rare for its series, to a value it has not shown."""

from typing import Any

import numpy as np

from aiops.detection import FloatArray, Scores, StateArray, TimeArray
from functions.detect.level import Level, Tail
from functions.detect.novelty import Codebook
from functions.detect.season import HOURS, DailyProfile

LARGEST = 1e140
"""Values are limited to this size, so that no square overflows."""

VALUES = 32
"""Values remembered of each signal."""


class Detector:
    """Surprise times novelty, of the value and of its smoothed distance from the hour's usual.

    Source of the product, novelty times winsorised deviation: measured in docs/detection.md.
    """

    dtype: np.dtype[Any] = np.dtype(
        [
            ("count", "<i8"),
            ("level", "<f8", (2,)),
            ("variance", "<f8", (2,)),
            ("threshold", "<f8", (2,)),
            ("excess", "<f8", (2,)),
            ("usual", "<f8"),
            ("smooth", "<f8"),
            ("used", "<u4", (3, VALUES)),
            ("hourly", "<f8", (HOURS,)),
            ("visits", "u1", (HOURS,)),
            ("code", "<f8", (3, VALUES)),
        ]
    )
    alarm_line = 15.0
    min_history = 100

    def __init__(
        self,
        memory: int = 50,
        spread_memory: int = 100,
        horizon: int = 6000,
        smoothing: int = 12,
    ) -> None:
        """Set the memories, all in samples.

        Args:
            memory: Of the level.
            spread_memory: Of the level's variance.
            horizon: How long a value that does not come again stays known.
            smoothing: Of the distance from the hour's usual value.
        """
        self._level = Level(
            np.array([1.0 / memory, 0.25 / memory]),
            np.array([1.0 / spread_memory, 1.0 / (3 * spread_memory)]),
            2.0,
        )
        self._tail = Tail(0.99, 0.002, 0.04, 10.0)
        self._book = Codebook(VALUES, horizon, np.array([0.04, 0.03, 0.1]), 10.0)
        self._profile = DailyProfile(0.02)
        self._smoothing = 1.0 / smoothing

    def score(self, state: StateArray, time: TimeArray, value: FloatArray) -> Scores:
        """Score one sample each of n distinct series, and learn from it.

        Args:
            state: Shape (n,) of `dtype`, updated in place.
            time: Unix milliseconds, shape (n,), later than any time seen by the same series.
            value: Finite values, shape (n,).
        """
        x = np.clip(value, -LARGEST, LARGEST)
        count = state["count"] + 1
        samples = count.astype(np.float64)
        first = samples == 1.0
        usual = np.where(first, x, state["usual"])
        usual = usual + np.maximum(1e-3, 1.0 / samples) * (x - usual)
        expected = self._profile.observe(state["hourly"], state["visits"], time, x, usual)
        apart = x - expected
        smooth = np.where(first, apart, state["smooth"])
        smooth = smooth + np.maximum(self._smoothing, 1.0 / samples) * (apart - smooth)
        novelty = self._book.observe(
            state["code"], state["used"], count, np.stack([x, apart, smooth], axis=1)
        )
        novelty = np.where(samples[:, None] > 100.0, novelty, 0.0)
        level, variance = state["level"].copy(), state["variance"].copy()
        threshold, excess = state["threshold"].copy(), state["excess"].copy()
        of_series = samples[:, None]
        deviation, state["level"], state["variance"] = self._level.observe(
            level, variance, of_series, np.stack([x, smooth], axis=1)
        )
        surprise, state["threshold"], state["excess"] = self._tail.observe(
            threshold, excess, of_series, deviation
        )
        state["count"], state["usual"], state["smooth"] = count, usual, smooth
        known = np.minimum(np.sqrt(novelty[:, 0] * novelty[:, 1]) * 2.0, 10.0)
        evidence = np.maximum(
            surprise[:, 0] * (0.2 + known), 0.3 * surprise[:, 1] * (0.2 + novelty[:, 2])
        )
        center = np.where(first, x, level[:, 0])
        width = np.sqrt(variance[:, 0]) * np.where(first, 1.0, threshold[:, 0] + 5.0 * excess[:, 0])

        def explain(row: int) -> str:
            return (
                f"{value[row]:.6g} is {deviation[row, 0]:.1f} deviations from the usual "
                f"{center[row]:.6g}, and {novelty[row, 0]:.1f} times the radius of what is known "
                "away from any value seen"
            )

        return Scores(evidence, center, center - width, center + width, explain)
