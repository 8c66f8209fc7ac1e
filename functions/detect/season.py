"""What a signal usually is at this hour of the day."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aiops.detection import FloatArray, TimeArray

HOURS = 24
HOUR_MS = 3_600_000
MOST_VISITS = 255


@dataclass(frozen=True, slots=True)
class DailyProfile:
    """Exponentially weighted mean of each hour of the day, in UTC.

    Attributes:
        rate: Share of a new value in the mean of its hour.
    """

    rate: float

    def observe(
        self,
        mean: FloatArray,
        visits: NDArray[np.uint8],
        time: TimeArray,
        value: FloatArray,
        otherwise: FloatArray,
    ) -> FloatArray:
        """Return what was expected at this hour, and learn the value.

        Args:
            mean: Mean of each hour, shape (n, 24), updated in place.
            visits: Values seen in each hour, at most 255, shape (n, 24), updated in place.
            time: Unix milliseconds, shape (n,).
            value: Shape (n,).
            otherwise: Expected where the hour was never seen, shape (n,).

        Returns:
            Expected value, shape (n,).
        """
        row = np.arange(time.shape[0])
        hour = time // HOUR_MS % HOURS
        seen = visits[row, hour]
        expected = np.where(seen == 0, otherwise, mean[row, hour])
        weight = np.maximum(self.rate, 1.0 / (seen + 1.0))
        mean[row, hour] = expected + weight * (value - expected)
        visits[row, hour] = np.minimum(seen, MOST_VISITS - 1) + 1
        return expected
