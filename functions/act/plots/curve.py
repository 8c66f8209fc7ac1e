"""What a plot shows, from what is known of a series: its samples, and what its peak tells. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aiops.events import Evidence, Incident
from aiops.history import History
from functions.act.plots.reliving import relived, with_peak

BEFORE_MS = 2 * 3_600_000
"""How long before its first anomaly a series is shown, unless it was anomalous for longer."""

LEARN_MS = 10 * 3_600_000
"""How much earlier samples are wanted, so that a detector can learn from them again."""

AFTER_MS = 10 * 60_000
MOST_MS = 24 * 3_600_000
MOST_POINTS = 600
FEWEST_POINTS = 12
"""Fewer samples make no curve."""

MOST_ROWS = 6
LARGEST = 1e150
"""Values are drawn up to this size, so that no difference of two is infinite."""


@dataclass(frozen=True, slots=True)
class Band:
    """What was usual at the peak; the only time at which the snapshot says so."""

    expected: float
    lower: float
    upper: float


@dataclass(frozen=True, slots=True)
class Curve:
    """One series around an incident.

    Attributes:
        title: Whose series of what.
        metric: Tells the unit.
        time: Unix milliseconds, shape (n,), rising.
        value: Shape (n,), finite.
        expected: Shape (n,).
        lower: Shape (n,).
        upper: Shape (n,).
        outside: Which lie outside the band within the incident, shape (n,).
        moving: Whether the band is known all along, and not at the peak alone.
        peak: Time and value of the strongest anomaly.
        since: Time of the first anomaly.
        until: Time of the last.
        count: How many anomalies there were.
    """

    title: str
    metric: str
    time: NDArray[np.int64]
    value: NDArray[np.float64]
    expected: NDArray[np.float64]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    outside: NDArray[np.bool_]
    moving: bool
    band: Band
    peak: tuple[int, float]
    since: int
    until: int
    count: int


@dataclass(frozen=True, slots=True)
class Row:
    """One series on the timeline of an incident.

    Attributes:
        since: Time of its first anomaly.
        until: Time of its last.
        peak: Time of the strongest.
        severity: Of the strongest, 1 to 5.
        suspect: Whether its service is the likeliest cause.
    """

    title: str
    metric: str
    since: int
    until: int
    peak: int
    value: float
    band: Band
    severity: int
    suspect: bool


def window(piece: Evidence) -> tuple[int, int]:
    """Return from when until before when a series is shown, unix milliseconds."""
    before = min(max(BEFORE_MS, 2 * (piece.last - piece.first)), MOST_MS)
    return max(0, piece.first - before), min(piece.last, piece.first + MOST_MS) + AFTER_MS + 1


def wanted(piece: Evidence) -> tuple[int, int]:
    """Return from when until before when samples are of use: to be shown, and to learn from."""
    since, until = window(piece)
    return max(0, since - LEARN_MS), until


def curve_of(piece: Evidence, history: History) -> Curve | None:
    """Return a series with its band; None where too few samples of it are kept."""
    since, until = window(piece)
    peak = piece.peak
    known = with_peak(history.between(0, until), peak.time, _drawn(peak.value))
    band = Band(_drawn(peak.expected), _drawn(peak.lower), _drawn(peak.upper))
    moving = relived(piece, known)
    shown = np.flatnonzero(known.time >= since)
    if len(shown) < FEWEST_POINTS:
        return None
    rows = shown[_thinned(known.value[shown], known.time[shown] == peak.time)]
    flat = np.ones(len(known.time))
    edges = moving or (flat * band.expected, flat * band.lower, flat * band.upper)
    expected, lower, upper = (np.clip(edge[rows], -LARGEST, LARGEST) for edge in edges)
    time, value = known.time[rows], np.clip(known.value[rows], -LARGEST, LARGEST)
    inside = (time >= piece.first) & (time <= piece.last)
    beyond = (value < lower) | (value > upper)
    return Curve(
        f"{peak.service} · {peak.metric}",
        peak.metric,
        time,
        value,
        expected,
        lower,
        upper,
        (inside & beyond) | (time == peak.time),
        moving is not None,
        band,
        (peak.time, _drawn(peak.value)),
        piece.first,
        piece.last,
        piece.count,
    )


def rows_of(incident: Incident) -> list[Row]:
    """Return the strongest series of an incident in the order in which they became anomalous."""
    cause = incident.root_cause[0].service if incident.root_cause else None
    measured: Sequence[Evidence] = [one for one in incident.evidence if not one.peak.told]
    strongest = sorted(measured[:MOST_ROWS], key=lambda one: (one.first, one.peak.service))
    return [
        Row(
            f"{one.peak.service} · {one.peak.metric}",
            one.peak.metric,
            one.first,
            one.last,
            one.peak.time,
            one.peak.value,
            Band(one.peak.expected, one.peak.lower, one.peak.upper),
            one.peak.severity,
            one.peak.service == cause,
        )
        for one in strongest
    ]


def _drawn(value: float) -> float:
    return min(max(value, -LARGEST), LARGEST)


def _thinned(value: NDArray[np.float64], known: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return places to draw: of each stretch the extremes, and what is known."""
    rows = np.arange(len(value))
    if len(rows) <= MOST_POINTS:
        return rows
    kept = set(np.flatnonzero(known).tolist())
    for part in np.array_split(rows, MOST_POINTS // 2):
        kept |= {int(part[np.argmin(value[part])]), int(part[np.argmax(value[part])])}
    return np.array(sorted(kept), dtype=np.int64)
