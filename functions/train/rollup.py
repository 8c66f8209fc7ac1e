"""Histories on a grid, and thinned."""

import numpy as np
from numpy.typing import NDArray

from aiops.detection import FloatArray
from aiops.history import History
from functions.train.fit import DAY_MS, Unfit


def step_of(history: History) -> int:
    """Return the usual distance of two points in milliseconds.

    Raises:
        Unfit: there are fewer than two.
    """
    if len(history.time) < 2:
        raise Unfit(f"{len(history.time)} points of history")
    return max(1, int(np.median(np.diff(history.time))))


def days_of(history: History) -> float:
    """Return how many days lie between the first point and the last."""
    return float(history.time[-1] - history.time[0]) / DAY_MS if len(history.time) else 0.0


def thinned(history: History, most: int) -> History:
    """Return every k-th point, so that no more than `most` are left.

    Means would hide the noise that a band has to hold.
    """
    every = -(-len(history.time) // most)
    return History(history.time[::every], history.value[::every])


def rolled(history: History, step: int) -> tuple[NDArray[np.int64], FloatArray]:
    """Return the means of spans of `step` milliseconds, NaN where a span is empty.

    Returns:
        Beginnings of the spans, rising without a gap, shape (n,); means, shape (n,).
    """
    place = history.time // step
    first = int(place[0])
    count = np.bincount(place - first)
    total = np.bincount(place - first, weights=history.value)
    with np.errstate(invalid="ignore"):
        mean = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return (first + np.arange(len(count), dtype=np.int64)) * step, mean


def bridged(value: FloatArray) -> FloatArray:
    """Return values with gaps filled by straight lines."""
    known = np.isfinite(value)
    places = np.arange(len(value))
    return np.asarray(np.interp(places, places[known], value[known]))
