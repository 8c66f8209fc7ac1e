"""How far a value lies from every value a series has shown before."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aiops.detection import FloatArray, TimeArray

MINUTE_MS = 60_000
FARTHEST = 1e150
"""Stands for "nowhere"; far beyond any value, which are limited to 1e140, yet safe to subtract."""


@dataclass(frozen=True, slots=True)
class Codebook:
    """A bounded memory of the values of a signal: a new value takes the place least in use.

    A value is known if it lies within a radius, a share of the spread of the remembered values,
    of one of them. Works on n series with s signals each; a book that is all zeros is empty.
    Source: leader clustering (Hartigan, "Clustering Algorithms", 1975) with the least recently
    met leader replaced.

    Attributes:
        horizon: Samples after which a value that did not come again is forgotten.
        radius: As a share of the spread, shape (s,).
        age: Minutes after which a value counts as old.
        trusted: Samples from the start whose values count as old at once.
        limit: The largest novelty, and that of a new value where all remembered are equal.
    """

    horizon: int
    radius: FloatArray
    age: int
    trusted: int
    limit: float

    def observe(
        self, book: "Book", time: TimeArray, count: NDArray[np.int64], signal: FloatArray
    ) -> "Novelty":
        """Return the novelty of one value of each signal, and remember it.

        Args:
            book: What is remembered, updated in place.
            time: Unix milliseconds, shape (n,).
            count: Samples of the series so far, this one included, shape (n,).
            signal: Values, shape (n, s), at most 1e140 in size.
        """
        live = book.used >= count.astype(np.uint32)[:, None, None]
        distance = np.where(live, np.abs(book.code - signal[:, :, None]), FARTHEST)
        nearest = distance.argmin(axis=2)
        row, column = np.ogrid[: signal.shape[0], : signal.shape[1]]
        gap = distance[row, column, nearest]
        low, high = _edges(book.code, live)
        radius = self.radius * np.maximum(high - low, 0.0)
        minute = (time // MINUTE_MS).astype(np.uint32)
        dated = book.born.shape[1]
        old = book.born + np.uint32(self.age) < minute[:, None, None]
        away = np.where(old, distance[:, :dated], FARTHEST)
        old_gap = _picked(away, away.argmin(axis=2))
        since = self._excess(old_gap, radius[:, :dated])
        novel = gap > radius
        again = (count + self.horizon).astype(np.uint32)[:, None]
        book.used[row, column, nearest] = np.where(novel, book.used[row, column, nearest], again)
        born = np.where(count > self.trusted, minute, 0).astype(np.uint32)
        self._remember(book, np.nonzero(novel), count, signal, born)
        known = high >= low
        return Novelty(
            self._excess(gap, radius),
            since,
            np.where(known, low - radius, -FARTHEST),
            np.where(known, high + radius, FARTHEST),
        )

    def _remember(
        self,
        book: "Book",
        novel: tuple[NDArray[np.intp], ...],
        count: NDArray[np.int64],
        signal: FloatArray,
        born: NDArray[np.uint32],
    ) -> None:
        """Put new values where the ones longest not met were."""
        row, column = novel
        slot = book.used[row, column].argmin(axis=1)
        book.used[row, column, slot] = (count[row] + self.horizon).astype(np.uint32)
        book.code[row, column, slot] = signal[row, column]
        dated = column < book.born.shape[1]
        row, column, slot = row[dated], column[dated], slot[dated]
        book.born[row, column, slot] = born[row]

    def _excess(self, gap: FloatArray, radius: FloatArray) -> FloatArray:
        flat = radius == 0.0
        radii = np.minimum(gap, (self.limit + 1.0) * radius) / np.where(flat, 1.0, radius)
        return np.where(gap > radius, np.where(flat, self.limit, radii - 1.0), 0.0)


@dataclass(frozen=True, slots=True)
class Book:
    """What a codebook remembers of n series with s signals each, as views of their state.

    Attributes:
        code: The values, shape (n, s, size).
        used: The sample at which each is forgotten, 0 for an empty place, shape (n, s, size).
        born: The minute each was first met, 0 for the trusted ones, shape (n, d, size), d <= s.
    """

    code: FloatArray
    used: NDArray[np.uint32]
    born: NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class Novelty:
    """How new one value of each signal is.

    Attributes:
        new: Distance to the nearest value remembered beyond the radius, in radii, 0 for a known
            value, at most the book's limit, shape (n, s).
        since: The same to the nearest old value of the first d signals, those the book keeps
            dates of, shape (n, d).
        lower: The smallest value remembered less the radius, shape (n, s).
        upper: The largest and the radius, shape (n, s).
    """

    new: FloatArray
    since: FloatArray
    lower: FloatArray
    upper: FloatArray


def _edges(code: FloatArray, present: NDArray[np.bool_]) -> tuple[FloatArray, FloatArray]:
    low, high = np.where(present, code, FARTHEST), np.where(present, code, -FARTHEST)
    return _picked(low, low.argmin(axis=2)), _picked(high, high.argmax(axis=2))


def _picked(places: FloatArray, at: NDArray[np.intp]) -> FloatArray:
    """Return one entry of the last axis each: with argmin, four times as fast as a minimum."""
    row, column = np.ogrid[: places.shape[0], : places.shape[1]]
    return np.asarray(places[row, column, at])
