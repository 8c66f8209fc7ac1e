"""Features from the series an event speaks of: which go together, and their values. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from aiops.detection import FloatArray, TimeArray
from aiops.events import SeriesHead
from aiops.series import Series, SeriesMap
from functions.detect.config import DetectConfig
from functions.detect.features.declared import Feature
from functions.detect.rates import increase
from functions.detect.record import MOST_BUCKETS

MOST_PARTS = MOST_BUCKETS
"""Series of which one feature is made; their readings are kept where buckets would be."""


@dataclass(frozen=True, slots=True)
class Formed:
    """A feature with the series it is made of.

    Attributes:
        head: Of its own series.
        column: Which reading a head gives, by the index of the head.
        counter: Which readings are those of counters, shape (n,).
        upper: Which belong to what is counted or used, shape (n,).
        lower: Which belong to all of it or to the limit, shape (n,); none for a delta.
        mark: Tells these series from others, never 0.
    """

    feature: Feature
    head: SeriesHead
    column: Mapping[int, int]
    counter: NDArray[np.bool_]
    upper: NDArray[np.bool_]
    lower: NDArray[np.bool_]
    mark: float


@dataclass(frozen=True, slots=True)
class Readings:
    """The samples of a feature: readings of what it is made of, shape (n,), by time."""

    formed: Formed
    counts: Mapping[int, FloatArray]

    @property
    def mark(self) -> float:
        """Return what tells these series from others."""
        return self.formed.mark

    def value(
        self, old: FloatArray | None, new: FloatArray, seconds: float
    ) -> tuple[float, FloatArray]:
        """Return the feature, NaN where there is none; and the readings to measure from."""
        one = self.formed
        if one.feature.kind == "delta":
            return _delta(one, old, new)
        if one.counter.any() and old is None:
            return float("nan"), new
        values, stands = new.copy(), new.copy()
        if old is not None and one.counter.any():
            grown, stands[one.counter] = increase(old[one.counter], new[one.counter])
            values[one.counter] = grown / seconds
        over = float(values[one.lower].sum())
        if not over > one.feature.least:
            return float("nan"), stands
        return float(values[one.upper].sum()) / over, stands


def formed(
    heads: Sequence[SeriesHead], names: SeriesMap, config: DetectConfig
) -> tuple[Formed, ...]:
    """Return the features that can be made of some series; those of too many are left out."""
    found: list[Formed] = []
    for feature in config.features_in_use:
        for labels, members in _groups(heads, names, feature).items():
            one = _formed(feature, labels, members, heads)
            if one is not None:
                found.append(one)
    return tuple(found)


def gathered(
    one: Formed, head: NDArray[np.int64], time: TimeArray, value: FloatArray
) -> tuple[Readings, int]:
    """Return the readings that are whole, and how many samples lack the others.

    Args:
        one: What belongs together.
        head: Of every sample, shape (n,).
        time: Shape (n,).
        value: Finite, shape (n,); of two for one series and time the first counts.
    """
    found: dict[int, FloatArray] = {}
    for at in np.flatnonzero(np.isin(head, list(one.column))).tolist():
        row = found.setdefault(int(time[at]), np.full(len(one.counter), np.nan))
        place = one.column[int(head[at])]
        row[place] = value[at] if np.isnan(row[place]) else row[place]
    whole = {moment: row for moment, row in found.items() if np.isfinite(row).all()}
    lacking = sum(int(np.isfinite(row).sum()) for m, row in found.items() if m not in whole)
    return Readings(one, whole), lacking


Labels = tuple[tuple[str, str], ...]
Members = dict[str, list[tuple[int, int]]]
"""By the key of a series: index of a head, and on which sides it is (1, 2, or 3 for both)."""


def _groups(
    heads: Sequence[SeriesHead], names: SeriesMap, feature: Feature
) -> dict[Labels, Members]:
    """Return the series of a feature by the labels they share."""
    found: dict[Labels, Members] = {}
    for index, head in enumerate(heads):
        sides = sum(
            1 << at for at, side in enumerate(feature.sides) if side.fits(head.metric, head.labels)
        )
        series = names.read(head) if sides else ""
        if isinstance(series, Series):
            shared = _shared(feature, series.labels)
            found.setdefault(shared, {}).setdefault(series.key, []).append((index, sides))
    return found


def _shared(feature: Feature, labels: Labels) -> Labels:
    if feature.by is not None:
        return tuple((name, value) for name, value in labels if name in feature.by)
    return tuple((name, value) for name, value in labels if name not in feature.told_apart)


def _formed(
    feature: Feature, labels: Labels, members: Members, heads: Sequence[SeriesHead]
) -> Formed | None:
    keys = sorted(members)
    sides = np.array([members[key][0][1] for key in keys])
    upper, lower = (sides & 1) > 0, (sides & 2) > 0
    lacks = not upper.any() and not feature.absent_is_zero
    if len(keys) > MOST_PARTS or lacks or (feature.over is not None and not lower.any()):
        return None
    column = {index: at for at, key in enumerate(keys) for index, _ in members[key]}
    counter = np.array([heads[members[key][0][0]].kind == "counter" for key in keys])
    text = "\x1f".join(f"{key}:{side}" for key, side in zip(keys, sides.tolist(), strict=True))
    mark = float(crc32(text.encode()) or 1)
    head = SeriesHead(metric=feature.name, labels=dict(labels))
    return Formed(feature, head, column, counter, upper, lower, mark)


def _delta(one: Formed, old: FloatArray | None, new: FloatArray) -> tuple[float, FloatArray]:
    if old is None:
        return float("nan"), new
    grown, stands = new - old, new.copy()
    if one.counter.any():
        grown[one.counter], stands[one.counter] = increase(old[one.counter], new[one.counter])
    return float(grown.sum()), stands
