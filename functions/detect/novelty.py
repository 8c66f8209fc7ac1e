"""How far a value lies from every value a series has shown before."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiops.detection import FloatArray

FARTHEST = 1e150
"""Stands for "nowhere"; far beyond any value, which are limited to 1e140, yet safe to subtract."""


@dataclass(frozen=True, slots=True)
class Codebook:
    """A bounded memory of the values of a signal: a new value takes the place least in use.

    A value is known if it lies within `radius` times the spread of the remembered values of one
    of them. Works on n series with s signals each; a book that is all zeros is empty.

    Attributes:
        size: Values remembered of each signal.
        horizon: Samples after which a value that did not come again is forgotten.
        radius: Shape (s,), as a fraction of the spread of the remembered values.
        limit: The novelty of a value when all remembered ones are equal, and the largest.
    """

    size: int
    horizon: int
    radius: FloatArray
    limit: float

    def observe(
        self,
        code: FloatArray,
        used: NDArray[Any],
        count: NDArray[Any],
        signal: FloatArray,
    ) -> FloatArray:
        """Return the novelty of one value of each signal, and remember it.

        Args:
            code: Remembered values, shape (n, s, size), updated in place.
            used: When each was last met, shape (n, s, size), uint32, updated in place.
            count: Samples of the series so far, this one included, shape (n,).
            signal: Values, shape (n, s), at most 1e140 in size.

        Returns:
            Distance to the nearest known value beyond the radius, in radii; 0 for a known
            value, at most `limit`. Shape (n, s).
        """
        now = (count + self.horizon).astype(np.uint32)
        live = used >= count.astype(np.uint32)[:, None, None]
        distance = np.where(live, np.abs(code - signal[:, :, None]), FARTHEST)
        lowest = np.where(live, code, FARTHEST).min(axis=2)
        highest = np.where(live, code, -FARTHEST).max(axis=2)
        radius = self.radius * np.maximum(highest - lowest, 0.0)
        row, column = np.ogrid[: signal.shape[0], : signal.shape[1]]
        nearest = distance.argmin(axis=2)
        gap = distance[row, column, nearest]
        novel = gap > radius
        slot = np.where(novel, used.argmin(axis=2), nearest)
        used[row, column, slot] = now[:, None]
        code[row, column, slot] = np.where(novel, signal, code[row, column, slot])
        flat = radius == 0.0
        excess = np.minimum(gap, (self.limit + 1.0) * radius) / np.where(flat, 1.0, radius) - 1.0
        return np.where(novel, np.where(flat, self.limit, excess), 0.0)
