"""The score of the Numenta Anomaly Benchmark, and how it is read from its files.

Source: Lavin and Ahmad, "Evaluating real-time anomaly detection algorithms - the Numenta Anomaly
Benchmark" (2015), and the benchmark's own `nab/sweeper.py`, version 1.1: the first 15 % of a file,
at most 750 rows, do not count; in a window only the best, that is the earliest, alarm counts; an
alarm soon after a window costs less than one far from any; one threshold for all files.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

MOST_PROBATION = 750
FAR = 3.0
"""Widths of the window before, beyond which an alarm costs the whole."""


@dataclass(frozen=True, slots=True)
class Profile:
    """What a found window, a missed one and a false alarm weigh."""

    found: float
    missed: float
    false: float


PROFILES = {
    "standard": Profile(1.0, 1.0, 0.11),
    "low_fp": Profile(1.0, 1.0, 0.22),
    "low_fn": Profile(1.0, 2.0, 0.11),
}


@dataclass(frozen=True, slots=True)
class File:
    """One file with what a detector says of it.

    Attributes:
        evidence: Shape (n,).
        windows: First and last row of each, in order.
    """

    evidence: NDArray[np.float64]
    windows: Sequence[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class NabScore:
    """How a detector did.

    Attributes:
        score: 100 is perfect, 0 is no alarm at all.
        threshold: From which evidence on a row counts as an alarm.
        found: Windows with an alarm.
        false: Rows at or over the threshold outside of windows.
    """

    score: float
    threshold: float
    found: int
    false: int


def nab_score(files: Sequence[File], profile: Profile, threshold: float | None = None) -> NabScore:
    """Return the score at the best threshold, or at the one that is given."""
    evidence, worth, window, windows = _together(files)
    order = np.argsort(-evidence, kind="stable")
    evidence, worth, window = evidence[order], worth[order], window[order]
    gain = np.where(window < 0, worth * profile.false, 0.0)
    firsts = np.zeros(len(evidence), dtype=bool)
    present = np.unique(window[window >= 0])
    for one in present:
        rows = np.flatnonzero(window == one)
        best = np.maximum.accumulate(np.append(-profile.missed, worth[rows] * profile.found))
        gain[rows] = np.diff(best)
        firsts[rows[0]] = True
    sums = np.append(0.0, np.cumsum(gain)) - profile.missed * len(present)
    ends = np.flatnonzero(np.append(True, np.append(evidence[1:] != evidence[:-1], True)))
    if threshold is None:
        taken = int(ends[sums[ends].argmax()])
    else:
        taken = int(np.searchsorted(-evidence, -threshold, side="right"))
    null, perfect = -profile.missed * windows, profile.found * windows
    return NabScore(
        score=100.0 * (float(sums[taken]) - null) / (perfect - null),
        threshold=float(evidence[taken - 1]) if taken else np.inf,
        found=int(firsts[:taken].sum()),
        false=int((window[:taken] < 0).sum()),
    )


def rows_of(time: NDArray[np.int64], spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the first and last row of spans of time, by the first row with each stamp."""
    return [(int(np.argmax(time == first)), int(np.argmax(time == last))) for first, last in spans]


def _together(
    files: Sequence[File],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64], int]:
    """Return evidence, worth and window of each row that counts, and how many windows there are."""
    parts: list[tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]] = []
    windows = 0
    for file in files:
        n = len(file.evidence)
        rows = slice(int(np.ceil(min(np.floor(0.15 * n), MOST_PROBATION))), None)
        worth, window = _worth(n, file.windows)
        known = np.nan_to_num(file.evidence, nan=0.0)
        numbered = np.where(window >= 0, window + windows, -1)
        parts.append((known[rows], worth[rows], numbered[rows]))
        windows += len(file.windows)
    evidence, worth, window = (np.concatenate(column) for column in zip(*parts, strict=True))
    return evidence, worth, window, windows


def _worth(
    n: int, windows: Sequence[tuple[int, int]]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return what an alarm at each row is worth, -1 to 1, and in which window it lies or -1."""
    worth, window = np.full(n, -1.0), np.full(n, -1)
    for place, ((first, last), (following, _)) in enumerate(pairwise([*windows, (n, n)])):
        inside, after = np.arange(first, last + 1), np.arange(last + 1, following)
        window[inside] = place
        worth[inside] = _sigmoid((inside - last - 1) / (last - first + 1)) / _sigmoid(-1.0)
        worth[after] = _sigmoid((after - last) / (last - first))
    return worth, window


def _sigmoid(place: NDArray[np.float64] | float) -> NDArray[np.float64]:
    place = np.asarray(place, dtype=np.float64)
    return np.where(place > FAR, -1.0, 2.0 / (1.0 + np.exp(5.0 * np.minimum(place, FAR))) - 1.0)
