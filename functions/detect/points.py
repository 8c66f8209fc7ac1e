"""What collectors count, as series `detect` knows: sums, histograms, quantiles. Pure.

What is counted since a start (cumulative) becomes counters: `_bucket` with `le` as Prometheus has
them, `_count` and `_sum`. What is counted since the message before (delta) is complete in itself:
it becomes gauges, per second of its interval, and quantiles.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from aiops.detection import FloatArray
from functions.detect.config import DetectConfig
from functions.detect.gathering import Gathered, Pairs
from functions.detect.histograms import quantile
from functions.detect.malformed import Malformed

USUAL_QUANTILES = (0.5, 0.95)
"""Of a delta histogram that `detect.quantiles` says nothing of."""

INFINITE = float("inf")


@dataclass(frozen=True, slots=True)
class Point:
    """What was counted of one series, and when.

    Attributes:
        start: Unix milliseconds, 0 where it is not told.
        time: Unix milliseconds.
        delta: Whether counting began anew at the start; otherwise the start is that of the sender.
    """

    metric: str
    labels: Pairs
    start: int
    time: int
    delta: bool

    @property
    def seconds(self) -> float:
        """How long it was counted, 0 where that is not known."""
        return max(0.0, (self.time - self.start) / 1000.0) if self.start > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Buckets:
    """Values told by how many of them lie up to each bound.

    Attributes:
        bounds: Rising; the infinite last one may be left out, shape (n,).
        counts: In each bucket alone, shape (n,) or (n + 1,); none where only a total is told.
    """

    bounds: Sequence[float]
    counts: Sequence[float]


class Points:
    """Turns what was counted into series.

    Args:
        config: Of `detect`, which says which quantiles are wanted.
    """

    def __init__(self, config: DetectConfig) -> None:
        self._config = config

    @staticmethod
    def counted(into: Gathered, point: Point, value: float, suffix: str = "") -> None:
        """Take a number that only grows: a counter, or what it grew by per second."""
        metric = point.metric + suffix
        if not point.delta:
            into.add(metric, point.labels, "counter", point.time, value)
        elif point.seconds > 0.0:
            into.add(metric, point.labels, "gauge", point.time, value / point.seconds)
        else:
            into.dropped["no_interval"] += 1

    def totals(self, into: Gathered, point: Point, count: float, total: float | None) -> None:
        """Take how many values there were and, where it is told, their sum."""
        self.counted(into, point, count, "_count")
        if total is not None:
            self.counted(into, point, total, "_sum")

    def buckets(self, into: Gathered, point: Point, found: Buckets) -> None:
        """Take a histogram's buckets: counters, or the quantiles of a delta.

        Raises:
            Malformed: bounds that do not rise, counts below 0, more of these than of those.
        """
        if not len(found.counts):
            return
        bounds, counts = _whole(found)
        cumulative = np.cumsum(counts)
        if point.delta:
            self._quantiles(into, point, np.array(bounds), cumulative)
            return
        for bound, count in zip(bounds, cumulative.tolist(), strict=True):
            labels = (*point.labels, ("le", written(bound)))
            into.add(f"{point.metric}_bucket", labels, "counter", point.time, count)

    def exact(self, into: Gathered, point: Point, weights: Mapping[float, float]) -> None:
        """Take the quantiles of values that are told one by one, with how often each was."""
        values = np.array(sorted(weights))
        counts = np.cumsum([weights[value] for value in values.tolist()])
        if not len(values) or not np.isfinite(counts).all() or not counts[-1] > 0.0:
            return
        for q in self._wanted(point):
            at = int(np.searchsorted(counts, q * counts[-1], side="left"))
            self.told(into, point, q, float(values[min(at, len(values) - 1)]))

    @staticmethod
    def told(into: Gathered, point: Point, q: float, value: float) -> None:
        """Take a quantile."""
        labels = (*point.labels, ("quantile", f"{q:g}"))
        into.add(point.metric, labels, "gauge", point.time, value)

    def _quantiles(
        self, into: Gathered, point: Point, bounds: FloatArray, counts: FloatArray
    ) -> None:
        if len(bounds) < 2:
            return
        for q in self._wanted(point):
            value = quantile(q, bounds, counts)
            if np.isfinite(value):
                self.told(into, point, q, value)

    def _wanted(self, point: Point) -> tuple[float, ...]:
        found = self._config.quantiles_of(f"{point.metric}_bucket", dict(point.labels))
        return found or USUAL_QUANTILES


def written(bound: float) -> str:
    """Return a bound as Prometheus writes it: the fewest digits that tell it from others."""
    return "+Inf" if bound == INFINITE else repr(bound).removesuffix(".0")


def _whole(found: Buckets) -> tuple[list[float], list[float]]:
    """Return bounds, the last one infinite, and as many counts."""
    bounds = [float(bound) for bound in found.bounds]
    if not bounds or bounds[-1] != INFINITE:
        bounds.append(INFINITE)
    counts = [float(count) for count in found.counts]
    if len(counts) == len(bounds) - 1:
        counts.append(0.0)
    rising = all(low < high for low, high in pairwise(bounds))
    if len(counts) != len(bounds) or not rising or not min(counts) >= 0.0:
        raise Malformed("buckets that are none")
    return bounds, counts
