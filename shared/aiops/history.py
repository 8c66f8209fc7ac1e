"""Points of series as they were, packed by day: what is fitted to, and drawn."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

HISTORY_CHUNK_MS = 24 * 3_600_000
"""One stored chunk of history holds the points of one such span, by their own time."""

MOST_CHUNKS = 100
"""Chunks before the end that is asked for of which history is read at most."""

POINT = np.dtype([("time", "<i8"), ("value", "<f8")])
"""A point of history as it is packed."""


class History(NamedTuple):
    """Points of one series, in the order of their time.

    Attributes:
        time: Unix milliseconds, shape (n,), rising.
        value: Shape (n,), finite.
    """

    time: NDArray[np.int64]
    value: NDArray[np.float64]

    @classmethod
    def of(cls, packed: bytes) -> "History":
        """Return packed points in the order of their time; of two at one time the first counts."""
        points = np.frombuffer(packed, dtype=POINT)
        time, first = np.unique(points["time"], return_index=True)
        return cls(time, points["value"][first])

    def between(self, since: int, until: int) -> "History":
        """Return the points with `since <= time < until`."""
        start, stop = np.searchsorted(self.time, (since, until))
        return History(self.time[start:stop], self.value[start:stop])

    def chunks(self) -> dict[int, bytes]:
        """Return the points as they are stored, packed by chunk."""
        points = np.zeros(len(self.time), dtype=POINT)
        points["time"], points["value"] = self.time, self.value
        numbers, starts = np.unique(self.time // HISTORY_CHUNK_MS, return_index=True)
        parts = np.split(points, starts[1:]) if len(starts) else []
        return {int(n): part.tobytes() for n, part in zip(numbers, parts, strict=True)}


class HistoryStore(Protocol):
    """Reads what `SeriesStore.commit` kept; see `Write.history`."""

    def read(self, places: Sequence[tuple[int, str]], since: int, until: int) -> list[History]:
        """Return the points of `(shard, series)` pairs with `since <= time < until`.

        Nothing more than `MOST_CHUNKS` before `until` is looked for.
        """

    def backfill(self, shard: int, series: str, history: History) -> int:
        """Add points older than all that are stored, return how many were added."""
