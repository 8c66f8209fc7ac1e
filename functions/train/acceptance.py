"""Whether a model is better than the baseline on a stretch it was not fitted to. Pure."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aiops.detection import Detector, FloatArray
from aiops.history import History
from functions.train import band, forest
from functions.train.fit import DAY_MS, Model, Unfit

SHARE = 0.2
LEAST_MS, MOST_MS = DAY_MS, 2 * DAY_MS
"""How long the stretch is: long enough for a day's season, no longer than a model is believed."""

WARM_UP_MS, LEAST_WARM_UP, MOST_WARM_UP = 7 * DAY_MS, 2_016, 4_032
"""What the baseline learns from before it is asked: a week, at least and at most so many points.

With a second week one verdict in 120 is another, and comparing takes half as long again.
"""

OUTSIDE = 0.01
"""Share of points that may lie outside for an interval score.

Source: Winkler, "A decision-theoretic approach to interval estimation" (1972): the width, and
2 / `OUTSIDE` times the distance of whatever lies outside.
"""

TOLERATED_OVER = 0.005
"""Share of points over the line that is let pass whatever the baseline's is; one always is."""

TOLERATED_SCORE = 0.1
"""By how much an interval score may be larger where more of the moved points are found, by as much.

The baseline knows the value before the one it is asked about, a band made days ago does not; but
what follows every value follows a fault, too.
"""

WIDTHS = np.geomspace(0.25, 4.0, 33)
"""Factors by which bands are widened before they are compared."""

FAULTS = 40
FAULT_DEVIATIONS = 4.0
"""So many points are moved by so many robust deviations of their change, to see what is found."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What a detector says of the stretch.

    Attributes:
        winkler: Mean interval score in the series' unit, at the width that suits it best; NaN where
            there is no interval.
        over: Share of points over the line.
        found: Share of moved points above what 99 % of the others stay below.
    """

    winkler: float
    over: float
    found: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a model is used.

    Attributes:
        better: It is.
        reason: Why or why not, with the figures, in words.
        quality: The figures by name.
    """

    better: bool
    reason: str
    quality: dict[str, float]


def split(history: History) -> tuple[History, History]:
    """Return a history without its last stretch, and that stretch.

    Raises:
        Unfit: there is too little to hold some back.
    """
    if len(history.time) < 2:
        raise Unfit(f"{len(history.time)} points of history")
    first, last = int(history.time[0]), int(history.time[-1])
    stretch = int(np.clip(SHARE * (last - first), LEAST_MS, MOST_MS))
    cut = int(np.searchsorted(history.time, last - stretch, side="right"))
    head = History(history.time[:cut], history.value[:cut])
    tail = History(history.time[cut:], history.value[cut:])
    if len(head.time) < len(tail.time) or len(tail.time) < 2:
        days = (last - first) / DAY_MS
        raise Unfit(f"{days:.1f} days of history leave too little to be held against")
    return head, tail


def compare(model: Model, baseline: Detector, head: History, tail: History) -> Verdict:
    """Return whether a model fitted to `head` is at least as good on `tail` as the baseline."""
    disturbed, moved = with_faults(tail)
    mine = _judge_model(model, head, tail, disturbed, moved)
    theirs = _judge_baseline(baseline, head, tail, disturbed, moved)
    quality = {
        name: round(float(value), 6)
        for name, value in (
            ("winkler", mine.winkler),
            ("winkler_baseline", theirs.winkler),
            ("over", mine.over),
            ("over_baseline", theirs.over),
            ("found", mine.found),
            ("found_baseline", theirs.found),
            ("points", float(len(tail.time))),
        )
        if np.isfinite(value)
    }
    better, told = _weigh(mine, theirs, max(TOLERATED_OVER, 1.0 / len(tail.time)))
    return Verdict(better, f"{told}, over {len(tail.time)} points it was not fitted to", quality)


def with_faults(tail: History) -> tuple[History, NDArray[np.int64]]:
    """Return the stretch with some points moved, up and down by turns, and their places."""
    change = np.diff(tail.value)
    deviation = 1.4826 * float(np.median(np.abs(change - np.median(change)))) / np.sqrt(2.0)
    deviation = deviation or float(np.std(tail.value))
    count = min(FAULTS, len(tail.time) // 10)
    places = np.linspace(5, len(tail.time) - 1, count).astype(np.int64)
    value = tail.value.copy()
    value[places] += FAULT_DEVIATIONS * deviation * np.where(np.arange(count) % 2, -1.0, 1.0)
    return History(tail.time, value), places


def _weigh(mine: Judged, theirs: Judged, tolerated: float) -> tuple[bool, str]:
    if mine.over > max(theirs.over, tolerated):
        return False, f"{mine.over:.2%} of points over its line, {theirs.over:.2%} over the other's"
    if np.isfinite(mine.winkler):
        told = f"interval score {mine.winkler:.4g} against the baseline's {theirs.winkler:.4g}"
        if mine.winkler <= theirs.winkler:
            return True, told
        told += f"; {mine.found:.0%} of moved points stand out, {theirs.found:.0%} to the baseline"
        near = mine.winkler <= (1.0 + TOLERATED_SCORE) * theirs.winkler
        return near and mine.found > theirs.found + TOLERATED_SCORE, told
    told = f"{mine.found:.0%} of moved points stand out, {theirs.found:.0%} to the baseline"
    return mine.found >= theirs.found and mine.found > 0.0, told


def _judge_model(
    model: Model, head: History, tail: History, disturbed: History, moved: NDArray[np.int64]
) -> Judged:
    if model.kind == "band":
        edges = band.at(model, tail.time)
        winkler = best_score(tail.value, edges["expected"], edges["lower"], edges["upper"])
        clean = band.evidence(model, tail.time, tail.value)
        faulty = band.evidence(model, disturbed.time, disturbed.value)
    else:
        winkler = float("nan")
        clean, faulty = (_of_forest(model, head, part) for part in (tail, disturbed))
    return Judged(winkler, float(np.mean(clean > 1.0)), share_found(clean, faulty, moved))


def _of_forest(model: Model, head: History, part: History) -> FloatArray:
    """Return the evidence of a part that follows on a head, whose end its features begin from."""
    before = min(len(head.time), 500)
    time = np.concatenate([head.time[-before:], part.time])
    value = np.concatenate([head.value[-before:], part.value])
    return forest.evidence(model, time, value)[before:]


def _judge_baseline(
    baseline: Detector, head: History, tail: History, disturbed: History, moved: NDArray[np.int64]
) -> Judged:
    """Score the stretch as it was and disturbed, side by side, after the same history."""
    state = np.zeros(1, dtype=baseline.dtype)
    learned = warm_up(head.time)
    for time, value in zip(head.time[-learned:], head.value[-learned:], strict=True):
        baseline.score(state, time[None], value[None])
    state = np.repeat(state, 2)
    rows = np.empty((len(tail.time), 5))
    pairs = np.stack([tail.value, disturbed.value], axis=1)
    for place, time in enumerate(tail.time):
        said = baseline.score(state, np.repeat(time, 2), pairs[place])
        rows[place, :2] = said.evidence
        rows[place, 2:] = (said.expected[0], said.lower[0], said.upper[0])
    clean, faulty, expected, lower, upper = rows.T
    over = float(np.mean(clean > baseline.alarm_line))
    winkler = best_score(tail.value, expected, lower, upper)
    return Judged(winkler, over, share_found(clean, faulty, moved))


def warm_up(time: NDArray[np.int64]) -> int:
    """Return how many of the last points the baseline learns from, given the times of all."""
    if not len(time):
        return 0
    a_week = len(time) - int(np.searchsorted(time, time[-1] - WARM_UP_MS, side="right"))
    return min(max(a_week, LEAST_WARM_UP), MOST_WARM_UP, len(time))


def best_score(
    value: FloatArray, expected: FloatArray, lower: FloatArray, upper: FloatArray
) -> float:
    """Return the interval score of a band, widened or narrowed by the one factor that suits it.

    Bands are drawn for other shares of points outside, an alarm's line for fewer than one whose
    edges are told to people. What is compared is how much they know of the next value.
    """
    below, above = expected - lower, upper - expected
    return min(interval_score(value, expected - by * below, expected + by * above) for by in WIDTHS)


def interval_score(value: FloatArray, lower: FloatArray, upper: FloatArray) -> float:
    """Return the mean of Winkler's score; smaller is better."""
    outside = np.maximum(lower - value, 0.0) + np.maximum(value - upper, 0.0)
    return float(np.mean(upper - lower + 2.0 / OUTSIDE * outside))


def share_found(clean: FloatArray, faulty: FloatArray, moved: NDArray[np.int64]) -> float:
    """Return the share of moved points above what 99 % of the others stay below."""
    if not len(moved):
        return 0.0
    others = np.delete(clean, moved)
    return float(np.mean(faulty[moved] > np.quantile(others, 0.99)))
