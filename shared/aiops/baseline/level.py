"""The level a signal moves around, and how unusual a deviation from it is."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aiops.detection import FloatArray

FEW = 30
"""Samples before a level says anything about a deviation."""

MOST_DEVIATIONS = 1e6
"""The largest deviation told apart, in standard deviations."""

LEAST_RELATIVE = 1e-9
"""Spread below this share of the level is the rounding of a constant."""


@dataclass(frozen=True, slots=True)
class Level:
    """Exponentially weighted mean and variance, learned from winsorised deviations.

    Source: Finch, "Incremental calculation of weighted mean and variance" (2009), §9; a value
    enters with its deviation limited to `winsor` standard deviations, so that an outlier neither
    drags the level along nor hides the next one. A level that never moved is taken at its word.

    Attributes:
        mean_rate: Share of a new deviation in the mean, shape (s,).
        variance_rate: Share of a new squared deviation in the variance, shape (s,).
        winsor: Limit of a deviation learned from, in standard deviations.
    """

    mean_rate: FloatArray
    variance_rate: FloatArray
    winsor: float

    def observe(
        self, mean: FloatArray, variance: FloatArray, count: FloatArray, signal: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return how far a value lies from the level so far, and the level with it.

        Args:
            mean: Shape (n, s).
            variance: Shape (n, s).
            count: Samples of the series so far, this one included, shape (n, 1).
            signal: Values, shape (n, s), at most 1e140 in size.

        Returns:
            Deviation in standard deviations, -1e6 to 1e6 and 0 for the first few samples; the
            new mean; the new variance. Each of shape (n, s).
        """
        first = count == 1.0
        center = np.where(first, signal, mean)
        spread = np.sqrt(variance)
        step = signal - center
        rounding = LEAST_RELATIVE * np.abs(center)
        scale = spread + rounding
        most = MOST_DEVIATIONS * scale
        size = np.minimum(np.maximum(step, -most), most)
        settled = count > FEW
        flat = scale == 0.0
        deviation = np.where(
            flat, np.sign(step) * MOST_DEVIATIONS, size / np.where(flat, 1.0, scale)
        )
        bound = np.where(settled & (spread > rounding), self.winsor * spread, np.inf)
        learned = np.minimum(np.maximum(step, -bound), bound)
        moved = center + np.maximum(self.mean_rate, 1.0 / count) * learned
        rate = np.maximum(self.variance_rate, 1.0 / count)
        widened = (1.0 - rate) * (variance + rate * learned * learned)
        return np.where(settled, deviation, 0.0), moved, widened


@dataclass(frozen=True, slots=True)
class Tail:
    """How rare a deviation is by a series' own measure: its excess over a high quantile.

    The quantile is followed by stochastic approximation, the mean excess above it exponentially
    weighted; the excess in mean excesses is the exponential tail's negative log probability, as
    in peaks over threshold. So a series with a heavy tail needs a larger deviation.
    Source: Robbins and Monro (1951); Pickands (1975); Siffer et al., "Anomaly detection in
    streams with extreme value theory" (KDD 2017), with the shape held at 0.

    Attributes:
        quantile: Share of deviations below the threshold, shape (s,).
        threshold_rate: Least step of the threshold, as a share of itself.
        excess_rate: Least weight of a new excess in the mean excess, shape (s,).
        winsor: Limit of an excess learned from, in mean excesses, shape (s,).
        damping: How much less each further excess of a run is learned from, shape (s,).
    """

    quantile: FloatArray
    threshold_rate: float
    excess_rate: FloatArray
    winsor: FloatArray
    damping: FloatArray

    def observe(
        self,
        threshold: FloatArray,
        excess: FloatArray,
        run: FloatArray,
        count: FloatArray,
        deviation: FloatArray,
    ) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Return the surprise of a deviation, and the tail with it.

        Args:
            threshold: The quantile so far, shape (n, s); 0 for a series never seen.
            excess: The mean excess over it, shape (n, s); 0 for a series never seen.
            run: Samples over it in a row until now, shape (n, s).
            count: Samples of the series so far, this one included, shape (n, 1).
            deviation: Size of the deviation, shape (n, s), 0 to 1e6.

        Returns:
            Surprise in nats beyond the quantile, 0 and up; the new threshold, mean excess and
            run. Each of shape (n, s).
        """
        never = threshold == 0.0
        line = np.where(never, FIRST_THRESHOLD, threshold)
        mean = np.where(never, FIRST_EXCESS, excess)
        over = deviation - line
        above: NDArray[np.bool_] = over > 0.0
        surprise = np.maximum(over, 0.0) / mean
        weight = np.maximum(self.excess_rate, 1.0 / (1.0 + count * (1.0 - self.quantile)))
        weight /= 1.0 + run * self.damping
        learned = np.minimum(over, self.winsor * mean)
        mean = np.where(above, mean + weight * (learned - mean), mean)
        step = QUANTILE_GAIN * np.maximum(self.threshold_rate, 1.0 / count)
        line *= np.where(above, 1.0 + step * self.quantile, 1.0 - step + step * self.quantile)
        run = np.where(above, run + 1.0, 0.0)
        return surprise, np.maximum(line, LEAST_TAIL), np.maximum(mean, LEAST_TAIL), run


FIRST_THRESHOLD, FIRST_EXCESS = 2.0, 0.5
"""The tail of a normal distribution, roughly, until a series has shown its own."""

LEAST_TAIL = 0.1
"""Floor of threshold and mean excess, in standard deviations: a flat line surprises, finitely."""

QUANTILE_GAIN = 5.0
"""Steps of the threshold, in its rate: five let it find its place within a few hundred samples."""
