"""The line a signal rises along, how sure its slope is, and where it last turned back."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aiops.detection import FloatArray, StateArray

LINE = np.dtype(
    [
        ("count", "<i8"),
        ("age", "<f8"),
        ("origin", "<f8"),
        ("sums", "<f8", (5,)),
        ("level", "<f8"),
        ("rate", "<f8"),
        ("spread", "<f8", (3,)),
        ("error", "<f8"),
        ("run", "<f8"),
        ("low", "<f8"),
        ("top", "<f8"),
        ("peak", "<f8"),
        ("peak_way", "<f8"),
    ]
)
"""State of one line.

Samples and seconds since it began, the value it is measured from, weighted sums (weights, times,
squared times, values, times by values; times before now), the level and the rate per second it
comes to, weighted sums of residuals (weights, squares, products of neighbours), the last residual,
how many lay far to one side in a row, the least and the largest value since it began, and where
the last one turned back, after coming how far (0: none has).
"""

WINSOR = 3.0
FAR, FAR_ROW = 4.0, 3
TURN = 0.5
"""A fall by this share of the way it came ends a rise."""

NOISE = 6.0
"""A rise that ends counts where it was longer than this, in standard deviations of residuals."""

MINOR, FADING = 0.5, 0.9
"""A rise of less than half the way does not make one forget where the longer one turned back; a
few of them do."""

SETTLED = 8
LEAST_RELATIVE = 1e-9
MOST_ALIKE = 0.98
"""Likeness of neighbours beyond which it is not told from a wandering level."""


@dataclass(frozen=True, slots=True)
class Trend:
    """Least squares with weights that fade, of residuals that are limited.

    The standard error takes the neighbours' likeness into account, by which there are fewer
    independent samples than there are samples; a signal that falls back, or jumps, begins anew.
    Source: Santer et al., "Statistical significance of trends and trend differences in
    layer-average atmospheric temperature time series" (2000), for the effective sample size.

    Attributes:
        memory: Seconds after which a sample has about a third of its weight.
    """

    memory: float

    def observe(
        self, line: StateArray, elapsed: FloatArray, signal: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return the rate per second, and its standard error, each of shape (n,).

        Args:
            line: Shape (n,) of `LINE`, updated in place.
            elapsed: Seconds since the sample before, shape (n,).
            signal: Values, shape (n,), at most 1e140 in size.
        """
        residual, deviation = self._residual(line, elapsed, signal)
        self._begin_again(line, signal, residual, deviation)
        fresh = line["count"] == 0
        limit = np.where(line["count"] > SETTLED, WINSOR * deviation, np.inf)
        learned = np.where(fresh, 0.0, np.minimum(np.maximum(residual, -limit), limit))
        ahead = line["level"] + line["rate"] * elapsed
        self._fit(line, elapsed, np.where(fresh, 0.0, ahead + learned), fresh)
        self._spread(line, learned, fresh)
        line["count"] += 1
        line["age"] = np.where(fresh, 0.0, line["age"] + elapsed)
        line["low"] = np.where(fresh, signal, np.minimum(line["low"], signal))
        line["top"] = np.where(fresh, signal, np.maximum(line["top"], signal))
        return line["rate"], self._error(line)

    def _residual(
        self, line: StateArray, elapsed: FloatArray, signal: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        held = signal - line["origin"]
        ahead = line["level"] + line["rate"] * elapsed
        weight, square = line["spread"][:, 0], line["spread"][:, 1]
        deviation = np.sqrt(square / np.maximum(weight, 1e-300))
        deviation = np.maximum(deviation, LEAST_RELATIVE * np.abs(signal))
        return held - ahead, deviation

    def _begin_again(
        self, line: StateArray, signal: FloatArray, residual: FloatArray, deviation: FloatArray
    ) -> None:
        """Forget lines that have fallen back, or that lie far beside the signal for a while."""
        settled = line["count"] > SETTLED
        way = line["top"] - line["low"]
        fallen = settled & (line["top"] - signal > TURN * way) & (way > NOISE * deviation)
        side = np.sign(residual) * (np.abs(residual) > FAR * deviation)
        run = np.where(side * line["run"] > 0, line["run"] + side, side)
        line["run"] = np.where(settled, run, 0.0)
        jumped = settled & (np.abs(line["run"]) >= FAR_ROW)
        larger = fallen & ((way >= MINOR * line["peak_way"]) | (line["top"] >= line["peak"]))
        fading = np.where(fallen, FADING, 1.0) * line["peak_way"]
        line["peak"] = np.where(larger, line["top"], line["peak"])
        line["peak_way"] = np.where(larger, way, fading)
        anew = fallen | jumped | (line["count"] == 0)
        for name in ("count", "age", "level", "rate", "error", "run"):
            line[name] = np.where(anew, 0, line[name])
        for name in ("sums", "spread"):
            line[name] = np.where(anew[:, None], 0.0, line[name])
        line["origin"] = np.where(anew, signal, line["origin"])

    def _fit(
        self, line: StateArray, elapsed: FloatArray, value: FloatArray, fresh: NDArray[np.bool_]
    ) -> None:
        step = np.minimum(elapsed, 1e12) / self.memory
        fade = 1.0 / (1.0 + step)
        weights, times, squares, values, products = line["sums"].T
        products = fade * (products - step * values)
        squares = fade * (squares - 2.0 * step * times + step * step * weights)
        times = fade * (times - step * weights)
        weights, values = fade * weights + 1.0, fade * values + value
        line["sums"] = np.stack([weights, times, squares, values, products], axis=1)
        across = squares - times * times / weights
        slope = (products - times * values / weights) / np.where(across > 0.0, across, 1.0)
        slope = np.where((across > 1e-12) & ~fresh, slope, 0.0)
        line["level"] = (values - slope * times) / weights
        line["rate"] = slope / self.memory

    def _spread(self, line: StateArray, learned: FloatArray, fresh: NDArray[np.bool_]) -> None:
        fade = 1.0 - 1.0 / (2.0 + np.minimum(line["count"], 60))
        weight, square, product = line["spread"].T
        counted = np.where(fresh | (line["count"] < 3), 0.0, 1.0)
        spread = [
            fade * weight + counted,
            fade * square + counted * learned * learned,
            fade * product + counted * learned * line["error"],
        ]
        line["spread"] = np.stack(spread, axis=1)
        line["error"] = learned

    def _error(self, line: StateArray) -> FloatArray:
        """Return the standard error of the rate, infinite where nothing is known of it."""
        weights, times, squares, _, _ = line["sums"].T
        across = squares - times * times / np.maximum(weights, 1e-300)
        weight, square, product = line["spread"].T
        known = (weight > 0.0) & (across > 1e-12)
        alike = product / np.where(square > 0.0, square, 1.0)
        alike = np.minimum(np.maximum(alike, 0.0), MOST_ALIKE)
        variance = square / np.maximum(weight, 1e-300) * (1.0 + alike) / (1.0 - alike)
        error = np.sqrt(variance / np.where(known, across, 1.0)) / self.memory
        return np.where(known, error, np.inf)
