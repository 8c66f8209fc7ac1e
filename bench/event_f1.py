"""F1 of events: labelled stretches found, and alarms where nothing is labelled."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from local.labels import runs

TOLERANCE = 3
"""Rows before and after an event that still belong to it."""

REST = 10
"""Rows after an alarm in which a fainter one is the same."""

MOST_PROBATION = 750
PROBATION = 0.15


@dataclass(frozen=True, slots=True)
class EventScore:
    """How a detector did, at one threshold for all series.

    Attributes:
        f1: Harmonic mean of precision and recall, 0 to 1.
        threshold: From which evidence on a row is an alarm.
        found: Events with an alarm.
        events: Events there are.
        false: Alarms outside of events.
    """

    f1: float
    threshold: float
    found: int
    events: int
    false: int


def event_f1(
    series: Sequence[tuple[NDArray[np.float64], NDArray[np.bool_]]],
    threshold: float | None = None,
) -> EventScore:
    """Return the F1 at the best threshold, or at the one that is given.

    Args:
        series: Evidence and labels of each, shapes (n,), gaps left out. The first 15 % of rows, at
            most 750, do not count.
        threshold: None: the best.
    """
    strongest: list[float] = []
    outside: list[NDArray[np.float64]] = []
    for evidence, labelled in series:
        n = len(evidence)
        skipped = int(min(PROBATION * n, MOST_PROBATION))
        counted = np.where(np.arange(n) < skipped, 0.0, np.nan_to_num(evidence))
        kept, inside = _rested(counted), np.zeros(n, dtype=bool)
        for first, last in runs(labelled):
            near = slice(max(0, first - TOLERANCE), last + TOLERANCE + 1)
            inside[near] = True
            if last >= skipped:
                strongest.append(float(kept[near].max()))
        outside.append(kept[~inside & (kept > 0)])
    return _best(np.array(strongest), np.sort(np.concatenate(outside)), threshold)


def _best(
    strongest: NDArray[np.float64], outside: NDArray[np.float64], threshold: float | None
) -> EventScore:
    lines = np.unique(strongest[strongest > 0]) if threshold is None else np.array([threshold])
    if not len(lines):
        return EventScore(0.0, np.inf, 0, len(strongest), 0)
    found = (strongest[None, :] >= lines[:, None]).sum(axis=1)
    false = len(outside) - np.searchsorted(outside, lines, side="left")
    f1 = 2 * found / np.maximum(1, found + false + len(strongest))
    best = int(f1.argmax())
    return EventScore(
        float(f1[best]), float(lines[best]), int(found[best]), len(strongest), int(false[best])
    )


def _rested(evidence: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return evidence without what follows a stronger alarm too soon."""
    kept = evidence.copy()
    last, peak = -REST, 0.0
    for row in np.flatnonzero(evidence > 0).tolist():
        if row - last < REST and evidence[row] <= peak:
            kept[row] = 0.0
        else:
            last, peak = row, evidence[row]
    return kept
