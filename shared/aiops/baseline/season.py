"""What a signal usually is at this hour of the day, and of this kind of day."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aiops.baseline.calendar import HOUR_MS, HOURS, Calendar
from aiops.detection import FloatArray, TimeArray

MOST_VISITS = 255

FARTHEST_KNOT = 1e37
"""Knots are kept in single precision, as distances from an anchor limited to this."""

MOST_RATE = 0.3
"""Share of one sample in a knot, at most: series of few samples an hour learn over days, too."""


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


@dataclass(frozen=True, slots=True)
class Knots:
    """The means of n series around each full hour, as views of their state.

    Attributes:
        mean: As distance from the anchor, of 24 hours of working days, then of days off, shape
            (n, 48).
        visits: How often the hour has begun, at most 255, shape (n, 48).
        anchor: The first value, shape (n,).
    """

    mean: NDArray[np.float32]
    visits: NDArray[np.uint8]
    anchor: FloatArray


@dataclass(frozen=True, slots=True)
class Moment:
    """When n samples were taken, one entry a row.

    Attributes:
        time: Unix milliseconds.
        since: Milliseconds since the sample before, infinite for a first one.
        step: Milliseconds between samples, usually.
    """

    time: TimeArray
    since: FloatArray
    step: FloatArray


@dataclass(frozen=True, slots=True)
class WeeklyProfile:
    """Means around each full hour of working days and of days off, straight lines between them.

    A day off begins as the working days are. A step of means would differ from a daily wave by as
    much as the wave rises in half an hour, straight lines by a hundredth of its height.

    Attributes:
        calendar: Says which hour of which kind of day it is.
        memory: Days of that kind after which a mean has forgotten two thirds.
    """

    calendar: Calendar
    memory: float

    def observe(
        self,
        knots: Knots,
        moment: Moment,
        value: FloatArray,
        bound: FloatArray,
        otherwise: FloatArray,
    ) -> tuple[FloatArray, FloatArray]:
        """Return what was expected at this time, and from how many days; learn the value.

        Args:
            knots: Updated in place.
            moment: When the samples were taken.
            value: Shape (n,).
            bound: How far a value may lie from what is expected to be learned in full, (n,).
            otherwise: Expected where neither kind of day has shown the hour, shape (n,).

        Returns:
            Expected value; days of this kind that have shown both hours around. Shape (n,) each.
        """
        row = np.arange(value.shape[0])
        hour, following, passed = self.calendar.hours(moment.time)
        begun = passed * HOUR_MS < moment.since
        skipped = moment.since >= (passed + 1.0) * HOUR_MS
        seen, ahead = knots.visits[row, hour], knots.visits[row, following]
        at, coming = knots.mean[row, hour], knots.mean[row, following]
        start = np.where((seen == 0) & skipped, self._borrowed(knots, hour, otherwise), at)
        end = np.where((ahead == 0) & begun, self._borrowed(knots, following, otherwise), coming)
        expected = knots.anchor + ((1.0 - passed) * start + passed * end)
        error = np.minimum(np.maximum(value - expected, -bound), bound)
        least = np.minimum(moment.step / (HOUR_MS * self.memory), MOST_RATE)
        hourly = HOUR_MS / np.maximum(moment.step, 1.0)
        visits = np.minimum(seen, MOST_VISITS - 1) + begun
        days = np.stack([visits - 0.5 + 0.5 * passed, ahead + 0.5 * passed])
        share = np.stack([1.0 - passed, passed])
        weight = share * np.maximum(least, 1.0 / (days * hourly + 1.0))
        learned = np.stack([start, end]) + weight * error
        learned = np.minimum(np.maximum(learned, -FARTHEST_KNOT), FARTHEST_KNOT)
        knots.mean[row, hour], knots.mean[row, following] = learned
        knots.visits[row, hour] = visits
        return expected, days.min(axis=0)

    @staticmethod
    def _borrowed(knots: Knots, slot: NDArray[np.int64], otherwise: FloatArray) -> FloatArray:
        """Return the mean of the same hour of working days, or else `otherwise`."""
        row = np.arange(slot.shape[0])
        known = knots.visits[row, slot % HOURS] > 0
        return np.where(known, knots.mean[row, slot % HOURS], otherwise - knots.anchor)
