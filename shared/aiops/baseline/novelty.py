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
        minute = (time // MINUTE_MS).astype(np.uint32)
        ticks = count.astype(np.uint32)
        places = [_place(book, ticks, signal, column) for column in range(signal.shape[1])]
        nearest, gap, low, high = (np.stack(each, axis=1) for each in zip(*places, strict=True))
        radius = self.radius * np.maximum(high - low, 0.0)
        aged = minute - np.minimum(np.uint32(self.age), minute)
        dated = range(book.born.shape[1])
        old_gap = np.stack([_old_gap(book, ticks, signal, aged, each) for each in dated], axis=1)
        since = self._excess(old_gap, radius[:, : len(dated)])
        novel = gap > radius
        again = (count + self.horizon).astype(np.uint32)[:, None]
        row, column = np.ogrid[: signal.shape[0], : signal.shape[1]]
        book.used[row, column, nearest] = np.where(novel, book.used[row, column, nearest], again)
        born = np.where(count > self.trusted, minute, 0).astype(np.uint32)
        self._remember(book, np.nonzero(novel), count, signal, born)
        known = high >= low
        return Novelty(
            self._excess(gap, radius),
            since,
            np.where(known, low - radius, -FARTHEST),
            np.where(known, high + radius, FARTHEST),
            np.maximum(high - low, 0.0)[:, 0],
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
        span: From the smallest value of the first signal to the largest, shape (n,).
    """

    new: FloatArray
    since: FloatArray
    lower: FloatArray
    upper: FloatArray
    span: FloatArray


def _place(
    book: Book, ticks: NDArray[np.uint32], signal: FloatArray, column: int
) -> tuple[NDArray[np.intp], FloatArray, FloatArray, FloatArray]:
    """Return which value of a signal is the nearest, how near, the smallest and the largest.

    One signal at a time and in one array: memory of the size of all of them is given back to the
    system after each call, and getting it again takes twice as long as the whole computation.
    """
    row, code = np.arange(len(ticks)), book.code[:, column]
    gone = (book.used[:, column] < ticks[:, None]) * FARTHEST
    moved = code + gone
    low = moved[row, moved.argmin(axis=1)]
    np.subtract(code, gone, out=moved)
    high = moved[row, moved.argmax(axis=1)]
    np.subtract(code, signal[:, column, None], out=moved)
    np.abs(moved, out=moved)
    moved += gone
    nearest = moved.argmin(axis=1)
    return nearest, moved[row, nearest], low, high


def _old_gap(
    book: Book,
    ticks: NDArray[np.uint32],
    signal: FloatArray,
    aged: NDArray[np.uint32],
    column: int,
) -> FloatArray:
    """Return the distance to the nearest value of a signal that was born before minute `aged`."""
    young = (book.used[:, column] < ticks[:, None]) | (book.born[:, column] >= aged[:, None])
    away = book.code[:, column] - signal[:, column, None]
    np.abs(away, out=away)
    away += young * FARTHEST
    return np.asarray(away[np.arange(len(ticks)), away.argmin(axis=1)])
