"""Samples as columns: what is kept of an event, sorted, and what is dropped, by reason."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from aiops.detection import FloatArray, TimeArray
from aiops.ports import Counts
from aiops.series import Series
from functions.detect.derived import Derived
from functions.detect.features.forming import gathered as gathered_readings
from functions.detect.histograms import Distribution, gathered
from functions.detect.reading import REFUSED, Columns, Heads
from functions.detect.together import Rows
from functions.detect.together import gathered as gathered_rows


@dataclass(frozen=True, slots=True)
class Batch:
    """Samples of distinct series.

    Attributes:
        keys: Shard and key of the distinct series.
        rule: Place of the rule that judges each, shape (len(keys),).
        counter: Whether each is a counter, shape (len(keys),).
        service: Which each speaks of.
        named: Returns the series at a place in full.
        derived: Of those that are made of others, by place.
        row: Index into `keys` of every sample, ascending, shape (n,).
        time: Unix milliseconds, ascending within a series, shape (n,).
        value: Finite, shape (n,).
        rows: Of those that are several metrics at once, by place; their values are 0.
        exemplars: Ids of traces, by the place of a series and time.
    """

    keys: tuple[tuple[int, str], ...]
    rule: NDArray[np.int64]
    counter: NDArray[np.bool_]
    service: tuple[str, ...]
    named: Callable[[int], Series]
    derived: Mapping[int, Derived]
    row: NDArray[np.int64]
    time: TimeArray
    value: FloatArray
    rows: Mapping[int, Rows] = field(default_factory=dict)
    exemplars: Mapping[tuple[int, int], tuple[str, ...]] = field(default_factory=dict)

    @property
    def rank(self) -> NDArray[np.int64]:
        """The place of every sample among those of its series, from 0, shape (n,)."""
        starts = np.searchsorted(self.row, self.row, side="left")
        return np.arange(len(self.row)) - starts

    def only(self, places: list[int]) -> "Batch":
        """Return the batch with some of its series, in the order given."""
        new = np.full(len(self.keys), -1)
        new[places] = np.arange(len(places))
        row = new[self.row]
        keep = np.flatnonzero(row >= 0)
        keep = keep[np.argsort(row[keep], kind="stable")]
        return Batch(
            tuple(self.keys[place] for place in places),
            self.rule[places],
            self.counter[places],
            tuple(self.service[place] for place in places),
            lambda place: self.named(places[place]),
            {now: self.derived[place] for now, place in enumerate(places) if place in self.derived},
            row[keep],
            self.time[keep],
            self.value[keep],
            {now: self.rows[place] for now, place in enumerate(places) if place in self.rows},
            {
                (int(new[place]), time): ids
                for (place, time), ids in self.exemplars.items()
                if new[place] >= 0
            },
        )


def take(
    columns: Columns, event_time: int, max_future_ms: int, max_age_ms: int
) -> tuple[Batch, Counts]:
    """Return the samples that can be taken, and how many were dropped for which reason."""
    dropped: Counts = Counter()
    heads, head, time, value = columns.heads, columns.head, columns.time, columns.value
    known = (head >= 0) & (head < len(heads.place))
    place = np.full(len(head), _DROPPED)
    place[known] = heads.place[head[known]]
    fine = np.ones(len(head), dtype=bool)
    for reason, bad in (
        ("unknown_series", ~known),
        ("not_finite", ~np.isfinite(value)),
        ("future", time > event_time + max_future_ms),
        ("too_old", time < max(1, event_time - max_age_ms)),
    ):
        if bad.any():
            dropped[reason] += int((bad & fine).sum())
            fine &= ~bad
    for at in np.flatnonzero(fine & (place == REFUSED)):
        dropped[heads.refusals[int(head[at])]] += 1
    keep = np.flatnonzero(fine & (place >= 0))
    row, time, value = place[keep], time[keep], value[keep]
    derived: dict[int, Derived] = {}
    if heads.histograms or heads.features:
        taken = _Samples(head[fine], columns.time[fine], columns.value[fine])
        derived, lacking = _derived(heads, taken)
        dropped.update(lacking)
        made = [(place, at) for place, one in derived.items() for at in one.counts]
        row, time, value = _with_derived(row, time, value, made)
    rows: dict[int, Rows] = {}
    if heads.joints:
        taken = _Samples(head[fine], columns.time[fine], columns.value[fine])
        rows = {place: gathered_rows(joint, *taken) for joint, place in heads.joints}
        made = [(place, at) for place, one in rows.items() for at in one.values]
        row, time, value = _with_derived(row, time, value, made)
    order = np.lexsort((np.arange(len(row)), time, row))
    row, time, value = row[order], time[order], value[order]
    batch = Batch(
        heads.keys,
        heads.rule,
        heads.counter,
        heads.service,
        columns.named,
        derived,
        row,
        time,
        value,
        rows,
        columns.exemplars,
    )
    return batch, +dropped


class _Samples(NamedTuple):
    """Samples as they were sent: head, time and value of each, shape (n,)."""

    head: NDArray[np.int64]
    time: TimeArray
    value: FloatArray


def _derived(heads: Heads, samples: _Samples) -> tuple[dict[int, Derived], Counts]:
    """Return what series are made of, by place, and how many samples lacked the others."""
    found: dict[int, Derived] = {}
    lacking: Counts = Counter()
    for histogram, places in heads.histograms:
        if REFUSED in places:
            continue
        counts, lost = gathered(histogram.heads, *samples)
        lacking["histogram_incomplete"] += lost
        for place, (_, q) in zip(places, histogram.quantiles, strict=True):
            found[place] = Distribution(q, histogram.bounds, counts)
    for formed, place in heads.features:
        found[place], lost = gathered_readings(formed, *samples)
        lacking["feature_incomplete"] += lost
    return found, lacking


def _with_derived(
    row: NDArray[np.int64],
    time: TimeArray,
    value: FloatArray,
    made: Sequence[tuple[int, int]],
) -> tuple[NDArray[np.int64], TimeArray, FloatArray]:
    """Return samples with those made of others, by place and time, whose values follow later."""
    places, times = np.array(made, dtype=np.int64).reshape(-1, 2).T
    return (
        np.concatenate([row, places]),
        np.concatenate([time, times]),
        np.concatenate([value, np.zeros(len(made))]),
    )


_DROPPED = -2
