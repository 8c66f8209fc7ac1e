"""Models of rows, values of several metrics of a service: their course, and whether they are used.

A row that is unusual only as a combination is what the baseline, which judges each metric alone,
cannot see. So a model of rows has to find more rows than all baselines of its metrics together,
where one value was exchanged for another that is usual by itself. Pure.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from aiops import combination
from aiops.combination import apart, looked_at, rows
from aiops.detection import Detector, FloatArray
from aiops.history import History
from functions.train import forest
from functions.train.acceptance import FAULTS, TOLERATED_OVER, Verdict, share_found, warm_up
from functions.train.fit import Model, Unfit

KIND = "together"
WINSOR = 5.0
"""Deviations to which values are limited before it is learned how they go together."""

RIDGE = 1e-3
"""Share of its variance by which each metric moves on its own at least."""

USUAL = 0.999
"""Share of rows of the history within `usual` and `reach`."""


def course_of(row: FloatArray, metrics: Sequence[str]) -> dict[str, FloatArray]:
    """Return how the values of rows go together: `middle`, `inverse`, `usual` and `reach`.

    Args:
        row: Shape (n, d).
        metrics: Their names, for what is told.

    Raises:
        Unfit: one of them does not move.
    """
    middle = np.median(row, axis=0)
    spread = 1.4826 * np.median(np.abs(row - middle), axis=0)
    spread = np.where(spread > 0.0, spread, row.std(axis=0))
    still = [name for name, one in zip(metrics, spread.tolist(), strict=True) if not one > 0.0]
    if still or not np.isfinite(spread).all():
        raise Unfit(f"{', '.join(still) or 'the history'} does not move, or beyond all numbers")
    scaled = np.clip((row - middle) / spread, -WINSOR, WINSOR)
    covariance = np.cov(scaled, rowvar=False)
    covariance += np.diag(RIDGE * np.maximum(np.diagonal(covariance), RIDGE))
    inverse = np.linalg.inv(covariance) / np.outer(spread, spread)
    _, deviations = apart(row, middle, inverse)
    return {
        "middle": middle,
        "inverse": inverse,
        "usual": np.maximum(np.quantile(np.abs(row - middle), USUAL, axis=0), spread),
        "reach": np.maximum(np.quantile(np.abs(deviations), USUAL, axis=0), 1.0),
    }


def evidence(model: Model, row: FloatArray) -> FloatArray:
    """Return the evidence of every row, shape (n,)."""
    seen = looked_at(row, model.arrays["middle"], model.arrays["inverse"])
    score = forest.scores(model.params, model.arrays, seen)
    offset, far = (float(model.params[name]) for name in ("offset", "far"))
    return combination.evidence(score, seen, offset, far)


def compare(model: Model, baseline: Detector, head: History, tail: History) -> Verdict:
    """Return whether a model of rows finds what the baselines of their metrics do not."""
    metrics = len(str(model.params["metrics"]).split(","))
    past = History(*rows(head.time, head.value, metrics))
    time, row = rows(tail.time, tail.value, metrics)
    mixed, places = exchanged(row)
    clean, faulty = (evidence(model, one) for one in (row, mixed))
    theirs, theirs_faulty = _by_baselines(baseline, past, time, row, mixed)
    over, over_baseline = (float(np.mean(one > 1.0)) for one in (clean, theirs))
    found, found_baseline = (
        share_found(*both, places) for both in ((clean, faulty), (theirs, theirs_faulty))
    )
    quality = {
        "over": round(over, 6),
        "over_baseline": round(over_baseline, 6),
        "found": round(found, 6),
        "found_baseline": round(found_baseline, 6),
        "points": float(len(time)),
    }
    if over > max(over_baseline, TOLERATED_OVER, 1.0 / max(len(time), 1)):
        told = f"{over:.2%} of rows over its line, {over_baseline:.2%} over those of its metrics"
        return Verdict(better=False, reason=told, quality=quality)
    told = (
        f"{found:.0%} of rows with one value exchanged stand out, {found_baseline:.0%} to the"
        f" baselines of its metrics, over {len(time)} rows it was not fitted to"
    )
    return Verdict(better=found > found_baseline, reason=told, quality=quality)


def exchanged(row: FloatArray) -> tuple[FloatArray, NDArray[np.int64]]:
    """Return rows some of which have one value of a row half the stretch away, and their places."""
    count = min(FAULTS, len(row) // 10)
    places = np.linspace(5, len(row) - 1, count).astype(np.int64)
    column = np.arange(count) % row.shape[1]
    mixed = row.copy()
    mixed[places, column] = row[(places + len(row) // 2) % len(row), column]
    return mixed, places


def _by_baselines(
    baseline: Detector,
    past: History,
    time: NDArray[np.int64],
    row: FloatArray,
    mixed: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Return the most evidence of any metric for rows as they were, and mixed, by their lines."""
    state = np.zeros(row.shape[1], dtype=baseline.dtype)
    learned = warm_up(past.time)
    for at, values in zip(past.time[-learned:], past.value[-learned:], strict=True):
        baseline.score(state, np.repeat(at, len(state)), values)
    state = np.repeat(state, 2)
    found = np.empty((len(time), 2))
    pairs = np.stack([row, mixed], axis=2).reshape(len(row), -1)
    for place, at in enumerate(time):
        said = baseline.score(state, np.repeat(at, len(state)), pairs[place])
        found[place] = said.evidence.reshape(-1, 2).max(axis=0) / baseline.alarm_line
    return found[:, 0], found[:, 1]
