"""Several metrics of one service at the same time: how their values go together. Pure.

A row is one value of each metric. It is looked at as how far each value lies from what the others
let expect, and how far the row lies from the middle of all. Only sums, products, quotients and
roots in a fixed order: a row fares the same alone and among others.
"""

import numpy as np
from numpy.typing import NDArray

from aiops.detection import FloatArray, TimeArray

MOST_METRICS = 8
LARGEST = 1e30


def apart(row: FloatArray, middle: FloatArray, inverse: FloatArray) -> tuple[FloatArray, ...]:
    """Return how far values lie from what the other values of their row let expect.

    For values that are normal together it is the regression of each on the others: with the
    inverse P of their covariance, x_i less its conditional mean is (P (x - m))_i / P_ii, and its
    conditional variance 1 / P_ii.
    Source: Lauritzen, "Graphical Models" (1996), C.1.

    Args:
        row: Values, shape (n, d).
        middle: The usual value of each metric, shape (n, d) or (d,).
        inverse: Of the covariance, shape (n, d, d) or (d, d).

    Returns:
        The distance, in the metric's unit and in standard deviations, shape (n, d) each.
    """
    held = np.clip(row, -LARGEST, LARGEST) - middle
    pull = np.zeros_like(held)
    for column in range(held.shape[1]):
        pull = pull + inverse[..., :, column] * held[:, column, None]
    own = np.stack([inverse[..., at, at] for at in range(held.shape[1])], axis=-1)
    return pull / own, pull / np.sqrt(own)


def looked_at(row: FloatArray, middle: FloatArray, inverse: FloatArray) -> FloatArray:
    """Return what a forest looks at: shape (n, d + 1).

    The distances of `apart` in standard deviations, and last that of the row from the middle.
    Source: Mahalanobis, "On the generalised distance in statistics" (1936).
    """
    distance, deviations = apart(row, middle, inverse)
    held = np.clip(row, -LARGEST, LARGEST) - middle
    total = np.zeros(len(row))
    for column in range(held.shape[1]):
        own = inverse[..., column, column]
        total = total + held[:, column] * distance[:, column] * own
    return np.column_stack([deviations, np.sqrt(np.maximum(total, 0.0))])


def evidence(
    score: FloatArray, seen: FloatArray, offset: FloatArray | float, far: FloatArray | float
) -> FloatArray:
    """Return the evidence of rows, 1 on the line, shape (n,).

    Cuts tell nothing apart that lies beyond all they were made from, so a row farther from the
    middle than `far` has as many times the evidence.

    Args:
        score: Of the forest, 0 to 1, shape (n,).
        seen: Of `looked_at`.
        offset: The score on the line.
        far: Distance from the middle that is hardly ever seen.
    """
    return np.asarray(score / offset * np.maximum(seen[:, -1] / far, 1.0))


def features(metrics: int) -> int:
    """Return how many features a row of so many metrics has."""
    return metrics + 1


def interleaved(time: int, step: int, row: FloatArray) -> NDArray[np.void]:
    """Return a row as points of history, of `aiops.history.POINT`, shape (d,).

    The values stand a millisecond apart from the beginning of the row's step on, in the order of
    the metrics, so that a row is kept where a value is.
    """
    points = np.zeros(len(row), np.dtype([("time", "<i8"), ("value", "<f8")]))
    points["time"] = time // step * step + np.arange(len(row))
    points["value"] = row
    return points


def rows(time: TimeArray, value: FloatArray, metrics: int) -> tuple[TimeArray, FloatArray]:
    """Return the rows in a history of interleaved points; a row that lacks a value is left out.

    Args:
        time: Unix milliseconds, shape (n,), rising.
        value: Shape (n,).
        metrics: How many values a row has.

    Returns:
        Times, shape (m,); rows, shape (m, metrics).
    """
    starts = np.flatnonzero(np.diff(time, prepend=time[:1] - 2) != 1)
    starts = starts[np.diff(starts, append=len(time)) == metrics]
    return time[starts], value[starts[:, None] + np.arange(metrics)]
