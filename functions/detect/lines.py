"""Alarm lines as people's verdicts move them: a pure function of the set of verdicts.

A line is the detector's own, limited from both sides: at least so high that what was no anomaly
lies under it, at most so high that what was one lies over it. Verdicts are taken in the order they
were given, so where two contradict each other the later one counts.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiops.detection import FloatArray, StateArray, TimeArray
from aiops.verdicts import Given, in_order

FITTED = ("auto", "prophet", "isolation_forest", "luminaire")
"""Detectors that score with a fitted model."""

MARGIN = 1.25
"""What was no anomaly lies this far under the line."""

NEAR = 1.1
"""What was an anomaly lies this far over it."""

LOWEST, HIGHEST = 0.25, 16.0
"""How far verdicts move a line at most, as factors."""

SMALLEST, LARGEST = 1e-30, 1e30
"""Limits are held to this size, so that a short number takes them."""

HOUR_MS = 3_600_000
_HALF_HOUR = HOUR_MS // 2
_OWN, _MODEL = 0, 1
Limits = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Share:
    """What one verdict did.

    Attributes:
        before: At least and at most, before it; 0 and infinity where there is no limit.
        after: The same, after it.
    """

    given: Given
    before: Limits
    after: Limits


@dataclass(frozen=True, slots=True)
class Lines:
    """What all verdicts on a series come to.

    Attributes:
        limits: Of the detector's line and of a model's: at least and at most.
        hours: A bit for each hour of the day, in UTC, in which something was expected.
        hourly: The least line in those hours.
        since: The latest time from which on everything is new; 0 for never.
        retired: When that was said; models made before are not believed.
        mark: Tells this set of verdicts from every other; 0 for none at all.
        shares: Every verdict that moved a line, in order.
    """

    limits: tuple[Limits, Limits] = ((0.0, np.inf), (0.0, np.inf))
    hours: int = 0
    hourly: float = 0.0
    since: int = 0
    retired: int = 0
    mark: int = 0
    shares: tuple[Share, ...] = field(default=(), compare=False)


def lines_of(verdicts: Sequence[Given]) -> Lines:
    """Return what a set of verdicts comes to; their order in the sequence does not matter."""
    limits: list[Limits] = [(0.0, np.inf), (0.0, np.inf)]
    hours, hourly, since, retired = 0, 0.0, 0, 0
    shares: list[Share] = []
    for given in in_order(verdicts):
        which = _MODEL if given.detector in FITTED else _OWN
        before = limits[which]
        if given.verdict == "not_anomaly":
            limits[which] = _moved(before, np.maximum, given.evidence * MARGIN)
        elif given.verdict == "anomaly":
            limits[which] = _moved(before, np.minimum, given.evidence / NEAR)
            if hours & _hours_around(given.time):
                hourly = min(hourly, given.evidence / NEAR)
        elif given.verdict == "expected":
            hours |= _hours_around(given.time)
            hourly = max(hourly, min(given.evidence * MARGIN, LARGEST))
        elif given.verdict == "new_trend" and given.time >= since:
            since, retired = given.time, given.given_at
        if given.verdict in {"anomaly", "not_anomaly"}:
            shares.append(Share(given, before, limits[which]))
    return Lines(
        (limits[_OWN], limits[_MODEL]), hours, hourly, since, retired, _mark(verdicts),
        tuple(shares),
    )  # fmt: skip


def write_lines(header: StateArray, at: int, lines: Lines) -> None:
    """Write lines into the header of a record; what is learned is left alone."""
    for which, (least, most) in enumerate(lines.limits):
        header["line"][at, which] = (least, most if most < np.inf else 0.0)
    header["hours"][at] = lines.hours
    header["hourly"][at] = lines.hourly
    header["mark"][at] = lines.mark


def begin_with(header: StateArray, at: int, lines: Lines) -> None:
    """Write lines into the header of a record that is made anew, and what was said of its past."""
    write_lines(header, at, lines)
    if lines.since > abs(int(header["since"][at])):
        header["since"][at] = -lines.since
    if lines.retired > abs(int(header["model"][at])):
        header["model"][at] = -lines.retired


def line_of(
    base: float, header: StateArray, time: TimeArray, modelled: NDArray[np.bool_] | None = None
) -> FloatArray:
    """Return the alarm line of some series.

    Args:
        base: The line before anybody said anything.
        header: Headers of records, shape (n,).
        time: Unix milliseconds of the samples, shape (n,).
        modelled: Where a model scores, and alarms at 1; shape (n,), None for nowhere.

    Returns:
        Shape (n,), above 0.
    """
    of_model = np.zeros(len(time), bool) if modelled is None else modelled
    own = np.where(of_model, 1.0, base)
    limits = np.where(of_model[:, None], header["line"][:, _MODEL], header["line"][:, _OWN])
    limits = limits.astype(np.float64)
    most = np.where(limits[:, 1] > 0.0, limits[:, 1], np.inf)
    line = np.minimum(np.maximum(own, limits[:, 0]), most)
    hour = (time // HOUR_MS % 24).astype(np.uint32)
    expected = (header["hours"] >> hour) & np.uint32(1) > 0
    line = np.where(expected, np.maximum(line, header["hourly"].astype(np.float64)), line)
    return np.asarray(np.clip(line, LOWEST * own, HIGHEST * own))


def _moved(limits: Limits, limit: Callable[[float, float], Any], bound: float) -> Limits:
    """Return what becomes of a line's limits when all that they let pass are limited once more."""
    least, most = limits
    rounded = float(np.float32(min(max(bound, SMALLEST), LARGEST)))
    return float(limit(least, rounded)), float(limit(most, rounded))


def _hours_around(time: int) -> int:
    """Return the hours of the day that lie within half an hour of a time, a bit each."""
    near = (time - _HALF_HOUR, time + _HALF_HOUR)
    return sum({1 << moment // HOUR_MS % 24 for moment in near})


def _mark(verdicts: Sequence[Given]) -> int:
    if not verdicts:
        return 0
    text = "\n".join(
        f"{one.anomaly} {one.verdict} {one.given_at}"
        for one in sorted(verdicts, key=lambda one: one.anomaly)
    )
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little") or 1
