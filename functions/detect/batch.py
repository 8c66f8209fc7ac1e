"""Samples as columns: what is kept of a batch, sorted, and what is dropped, by reason."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aiops.detection import FloatArray, TimeArray
from aiops.events import Samples
from aiops.ports import Counts
from aiops.series import Series, SeriesMap


@dataclass(frozen=True, slots=True)
class Batch:
    """Samples of distinct series.

    Attributes:
        series: The distinct series.
        counter: Whether each is a counter, shape (len(series),).
        row: Index into `series` of every sample, ascending, shape (n,).
        time: Unix milliseconds, ascending within a series, shape (n,).
        value: Finite, shape (n,).
    """

    series: tuple[Series, ...]
    counter: NDArray[np.bool_]
    row: NDArray[np.int64]
    time: TimeArray
    value: FloatArray

    @property
    def rank(self) -> NDArray[np.int64]:
        """The place of every sample among those of its series, from 0, shape (n,)."""
        starts = np.searchsorted(self.row, self.row, side="left")
        return np.arange(len(self.row)) - starts

    def only(self, places: list[int]) -> "Batch":
        """Return the batch with some of its series, in the order given."""
        new = np.full(len(self.series), -1)
        new[places] = np.arange(len(places))
        row = new[self.row]
        keep = np.flatnonzero(row >= 0)
        keep = keep[np.argsort(row[keep], kind="stable")]
        return Batch(
            tuple(self.series[place] for place in places),
            self.counter[places],
            row[keep],
            self.time[keep],
            self.value[keep],
        )


def read_batch(
    fact: Samples, names: SeriesMap, event_time: int, max_future_ms: int, max_age_ms: int
) -> tuple[Batch, Counts]:
    """Return the samples that can be taken, and how many were dropped for which reason."""
    dropped: Counts = Counter()
    series, counter, place_of_head = _series(fact, names)
    columns = np.array(fact.samples, dtype=np.float64).reshape(-1, 3)
    head, time, value = columns[:, 0], columns[:, 1], columns[:, 2]
    known = (head >= 0) & (head < len(fact.series))
    place = np.full(len(head), -1)
    place[known] = np.array([-1, *_places(place_of_head)])[head[known].astype(np.int64) + 1]
    for reason, bad in (
        ("unknown_series", ~known),
        ("not_finite", ~np.isfinite(value)),
        ("future", time > event_time + max_future_ms),
        ("too_old", time < max(1, event_time - max_age_ms)),
    ):
        _drop(dropped, reason, bad & (place != _DROPPED), place)
    for at in np.flatnonzero(place == _REFUSED):
        dropped[str(place_of_head[int(head[at])])] += 1
    keep = np.flatnonzero(place >= 0)
    keep = keep[np.lexsort((keep, time[keep], place[keep]))]
    batch = Batch(series, counter, place[keep], time[keep].astype(np.int64), value[keep])
    return batch, dropped


_REFUSED = -1
_DROPPED = -2


def _drop(dropped: Counts, reason: str, bad: NDArray[np.bool_], place: NDArray[np.int64]) -> None:
    if bad.any():
        dropped[reason] += int(bad.sum())
        place[bad] = _DROPPED


def _places(place_of_head: list[int | str]) -> list[int]:
    return [place if isinstance(place, int) else _REFUSED for place in place_of_head]


def _series(
    fact: Samples, names: SeriesMap
) -> tuple[tuple[Series, ...], NDArray[np.bool_], list[int | str]]:
    """Return the distinct series, whether each counts, and each head's place or refusal."""
    found: dict[str, int] = {}
    series: list[Series] = []
    counter: list[bool] = []
    places: list[int | str] = []
    for head in fact.series:
        one = names.read(head)
        if isinstance(one, str):
            places.append(one)
            continue
        if one.key not in found:
            found[one.key] = len(series)
            series.append(one)
            counter.append(head.kind == "counter")
        places.append(found[one.key])
    return tuple(series), np.array(counter, dtype=bool), places
