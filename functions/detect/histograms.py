"""Histograms told by their buckets: which belong together, and their quantiles. Pure.

Buckets are cumulative counters, one series for each upper bound (label `le`). Those of one
histogram that come in one event for one time are one sample of each quantile asked for; the
quantile is that of what the buckets grew by since the sample before.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from aiops.detection import FloatArray, TimeArray
from aiops.events import SeriesHead
from functions.detect.config import DetectConfig
from functions.detect.rates import RESET_SHARE
from functions.detect.record import MOST_BUCKETS

_SUFFIX = "_bucket"


@dataclass(frozen=True, slots=True)
class Histogram:
    """A histogram an event speaks of.

    Attributes:
        heads: Of its buckets, by rising bound.
        bounds: Their upper bounds, the last one infinite, shape (len(heads),).
        quantiles: The series made of it: a head each, and which quantile it is.
    """

    heads: tuple[int, ...]
    bounds: FloatArray
    quantiles: tuple[tuple[SeriesHead, float], ...]


@dataclass(frozen=True, slots=True)
class Distribution:
    """The samples of one quantile of one histogram.

    Attributes:
        q: Which quantile, 0 to 1.
        bounds: Upper bounds of the buckets, shape (n,).
        counts: Cumulative counts, shape (n,), by the time of the sample.
    """

    q: float
    bounds: FloatArray
    counts: Mapping[int, FloatArray]

    @property
    def mark(self) -> float:
        """Return a number that tells these bounds from others, never 0."""
        return float(crc32(self.bounds.tobytes()) or 1)

    def value(
        self, old: FloatArray | None, new: FloatArray, seconds: float
    ) -> tuple[float, FloatArray]:
        """Return the quantile of what was counted; and the counts to measure from."""
        del seconds  # it is of how many, not of how many a second
        if old is None:
            return float("nan"), new
        growth, stands = grown(old, new)
        return quantile(self.q, self.bounds, growth), stands


@dataclass(frozen=True, slots=True)
class Bundles:
    """The histograms among some heads.

    Attributes:
        found: Those that are whole.
        refused: Heads that are buckets of one that is not, with the reason.
    """

    found: tuple[Histogram, ...]
    refused: dict[int, str]


NO_BUNDLES = Bundles((), {})


def bundled(heads: Sequence[SeriesHead], config: DetectConfig) -> Bundles:
    """Return the histograms of which quantiles are wanted; the first rule that matches counts."""
    groups: dict[tuple[object, ...], list[tuple[float, int]]] = {}
    for index, head in enumerate(heads):
        if _wanted(head, config):
            rest = tuple(sorted((k, v) for k, v in head.labels.items() if k != "le"))
            groups.setdefault((head.metric, rest), []).append((_bound(head.labels["le"]), index))
    found: list[Histogram] = []
    refused: dict[int, str] = {}
    for members in groups.values():
        members.sort()
        bounds = np.array([bound for bound, _ in members])
        indices = tuple(index for _, index in members)
        if not _whole(bounds):
            refused |= dict.fromkeys(indices, "histogram_incomplete")
            continue
        first = heads[indices[0]]
        wanted = config.quantiles_of(first.metric, first.labels)
        made = tuple((_derived(first, q), q) for q in wanted)
        found.append(Histogram(indices, bounds, made))
    return Bundles(tuple(found), refused)


def gathered(
    heads: Sequence[int], head: NDArray[np.int64], time: TimeArray, value: FloatArray
) -> tuple[dict[int, FloatArray], int]:
    """Return the counts of a histogram's buckets by time, and how many samples lack the others.

    Args:
        heads: Of the buckets, by rising bound.
        head: Of every sample, shape (n,).
        time: Shape (n,).
        value: Finite, shape (n,); of two for one bucket and time the first counts.
    """
    found: dict[int, FloatArray] = {}
    position = {index: place for place, index in enumerate(heads)}
    for at in np.flatnonzero(np.isin(head, heads)).tolist():
        counts = found.setdefault(int(time[at]), np.full(len(heads), np.nan))
        place = position[int(head[at])]
        counts[place] = value[at] if np.isnan(counts[place]) else counts[place]
    whole = {moment: counts for moment, counts in found.items() if np.isfinite(counts).all()}
    lacking = [int(np.isfinite(c).sum()) for moment, c in found.items() if moment not in whole]
    return whole, sum(lacking)


def grown(old: FloatArray, new: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return what buckets grew by between two readings, and where they stand, shape (buckets,).

    A histogram whose count fell began anew, and what it shows since then is its growth; one whose
    count fell by little is a copy that lags behind. See `functions.detect.rates`.
    """
    if new[-1] >= old[-1]:
        return np.maximum(new - old, 0.0), new
    if old[-1] - new[-1] > RESET_SHARE * old[-1]:
        return np.maximum(new, 0.0), new
    return np.zeros_like(new), old


def quantile(q: float, bounds: FloatArray, counts: FloatArray) -> float:
    """Return a quantile of cumulative counts, NaN where there are none.

    Source: Prometheus, `bucketQuantile` of promql/quantile.go: linear within a bucket, which
    begins at 0 where it is the first and its bound above 0; in the infinite bucket it is the bound
    below; counts that fall are taken for rounding.

    Args:
        q: 0 to 1.
        bounds: Upper bounds, rising, the last one infinite, shape (n,).
        counts: Of values up to each bound, shape (n,).
    """
    rising = np.maximum.accumulate(counts)
    if not rising[-1] > 0.0:
        return float("nan")
    rank = q * rising[-1]
    at = int(np.searchsorted(rising[:-1], rank, side="left"))
    if at == len(bounds) - 1:
        return float(bounds[-2])
    if at == 0 and bounds[0] <= 0.0:
        return float(bounds[0])
    start = 0.0 if at == 0 else float(bounds[at - 1])
    below = 0.0 if at == 0 else float(rising[at - 1])
    inside = float(rising[at]) - below
    share = (rank - below) / inside if inside > 0.0 else 0.0
    return start + (float(bounds[at]) - start) * share


def _wanted(head: SeriesHead, config: DetectConfig) -> bool:
    bucket = head.metric.endswith(_SUFFIX) and "le" in head.labels
    return bucket and bool(config.quantiles_of(head.metric, head.labels))


def _bound(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


def _whole(bounds: NDArray[np.float64]) -> bool:
    rising = bool((np.diff(bounds) > 0.0).all())
    return 2 <= len(bounds) <= MOST_BUCKETS and rising and bool(np.isposinf(bounds[-1]))


def _derived(bucket: SeriesHead, q: float) -> SeriesHead:
    labels = {name: text for name, text in bucket.labels.items() if name != "le"}
    metric = bucket.metric.removesuffix(_SUFFIX)
    return SeriesHead(metric=metric, labels={**labels, "quantile": f"{q:g}"})
