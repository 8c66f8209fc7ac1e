"""How the default detector weighs what it finds: evidence is 1 at the alarm line."""

import numpy as np
from numpy.typing import NDArray

from aiops.baseline.calendar import DAY_MS
from aiops.detection import FloatArray

NOVELTY = 20.0
"""Weight of novelty against surprise."""

LASTING_LINE = 2.667
"""Surprise in nats of a lasting deviation that alarms."""

FINE_MS, FINER = 150_000.0, 1.3
"""Step below which lines are so many times higher: more samples a day, the same budget."""

LOUD = 1.2
"""Share of that line up to which its evidence rises steeply."""

LONGEST = 10.0
"""Samples after which a lasting deviation is no news any more."""

YOUNG, GROWN_DAYS = 0.055, 2.0
"""What evidence counts for at first, and days until it counts in full.

Until every hour was seen, much is new that means nothing.
"""

STILL, MET = 0.003, 0.9
"""Spread, as a share of all that was met, of a series that stands still between its events, and the
most evidence of an event it has shown before."""

QUIET = 1.01
"""The most evidence of a standstill: how unlikely it is says nothing of how bad it is."""


def finer(line: float, step: FloatArray) -> FloatArray:
    """Return a line in nats as it is at so many milliseconds between samples, shape (n,)."""
    return np.where(step < FINE_MS, line * FINER, line)


def rare(surprise: FloatArray, new: FloatArray, line: FloatArray) -> list[FloatArray]:
    """Return the evidence of what is rare and new, at once and smoothed, shape (n,) each.

    Args:
        surprise: In nats, of the value and of its smoothed distance from the hour, (n, 2) or more.
        new: Novelty of the value, its distance from the hour and the smoothed one, shape (n, 3).
        line: Surprise that alarms where the value is known, shape (n,).
    """
    both = np.minimum(new[:, 0], new[:, 1])
    at_once = surprise[:, 0] * (1.0 + NOVELTY * _three_halves(both))
    smoothed = surprise[:, 1] * (0.3 + 1.5 * _three_halves(new[:, 2]))
    return [np.sqrt(at_once / line), np.sqrt(smoothed / line)]


def recurring(
    evidence: FloatArray, known: NDArray[np.bool_], spread: FloatArray, span: FloatArray
) -> FloatArray:
    """Return the evidence of what is rare, less where a series that stands still had it before.

    Between the runs of a job, or the few errors of a day, nothing moves, and the spread shrinks
    until everything is thousands of deviations away. What was met there before is no news.

    Args:
        evidence: Of what is rare at once, shape (n,).
        known: Whether the value was met before, shape (n,).
        spread: One standard deviation around the level, shape (n,).
        span: From the smallest value remembered to the largest, shape (n,).
    """
    return np.where(known & (spread < STILL * span), np.minimum(evidence, MET), evidence)


def lasting(
    surprise: FloatArray, run: FloatArray, unknown: NDArray[np.bool_], step: FloatArray
) -> FloatArray:
    """Return the evidence of a lasting deviation, shape (n,).

    Args:
        surprise: In nats, shape (n,).
        run: Samples it has lasted, shape (n,).
        unknown: Whether the value was not known an hour and a half ago, shape (n,).
        step: Milliseconds between samples, shape (n,).
    """
    share = surprise * (unknown & (run <= LONGEST)) / finer(LASTING_LINE, step)
    return np.where(share < LOUD, _faint(np.minimum(share, LOUD)), LOUD**15 * share)


def _three_halves(novelty: FloatArray) -> FloatArray:
    return np.asarray(novelty * np.sqrt(novelty))


def grown(age: FloatArray) -> FloatArray:
    """Return what evidence counts for at an age in milliseconds."""
    share = np.minimum(age / (GROWN_DAYS * DAY_MS), 1.0)
    return np.asarray(np.maximum(share * share, YOUNG))


def _faint(share: FloatArray) -> FloatArray:
    """Return the 16th power: what stays below the line says next to nothing."""
    for _ in range(4):
        share = np.asarray(share * share)
    return share


def departed(share: FloatArray) -> FloatArray:
    """Return the evidence of so many nats, as a share of those that alarm, against the hour."""
    return np.where(share <= 1.0, _faint(np.minimum(share, 1.0)), share)


def quiet(share: FloatArray) -> FloatArray:
    """Return the evidence of a share of the line that says no more than that it was crossed."""
    return np.minimum(departed(share), QUIET)
