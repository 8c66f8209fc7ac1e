"""Curves, lanes and the map as numbers a page can draw. Pure; no text from outside but names."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, floor, isfinite, log10
from statistics import median

from local.explain.model import Curve, Shown
from local.explain.words import number, time_of_day

WIDTH, HEIGHT = 440.0, 176.0
LEFT, RIGHT, TOP, BOTTOM = 46.0, 10.0, 12.0, 24.0
STEPS = (1, 2, 5, 10, 15, 20, 30, 60, 120, 180, 360, 720, 1_440)
"""Minutes that may lie between two times of day that are written."""

GAP = 4.5
"""A line is broken where samples lie so many times the usual step apart."""


@dataclass(frozen=True, slots=True)
class Tick:
    """A place on an axis and what is written there."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Dot:
    """An anomaly; the strongest one stands out."""

    x: float
    y: float
    label: str
    strongest: bool


@dataclass(frozen=True, slots=True)
class Plot:
    """A curve, in the units of a drawing `WIDTH` by `HEIGHT`.

    Attributes:
        bands: Outlines of where values were usual, as SVG points.
        bars: `(x, top, bottom)` of bands known at a single time only.
    """

    bands: tuple[str, ...]
    bars: tuple[tuple[float, float, float], ...]
    expected: tuple[str, ...]
    value: tuple[str, ...]
    dots: tuple[Dot, ...]
    xs: tuple[Tick, ...]
    ys: tuple[Tick, ...]
    marks: tuple[tuple[float, str], ...]


@dataclass(frozen=True, slots=True)
class _Scale:
    low: float
    high: float
    begin: float
    end: float

    def __call__(self, value: float) -> float:
        share = (value - self.low) / ((self.high - self.low) or 1.0)
        clipped = min(1.0, max(0.0, share))
        return round(self.begin + clipped * (self.end - self.begin), 1)


def plot(curve: Curve, shown: Shown, marks: Sequence[tuple[int, str]]) -> Plot:
    """Return a curve as it is drawn.

    Args:
        curve: At least one point.
        shown: Its series.
        marks: Times that are marked if they lie within, each with its name.
    """
    first, last = curve.time[0], curve.time[-1]
    x = _Scale(first, last, LEFT, WIDTH - RIGHT)
    low, high = _range(curve)
    y = _Scale(low, high, HEIGHT - BOTTOM, TOP)
    pieces = list(_unbroken(curve.time))
    bands = [part for piece in pieces for part in _finite(curve.lower, piece)]
    at = {time: place for place, time in enumerate(curve.time)}
    return Plot(
        bands=tuple(_outline(curve, x, y, part) for part in bands if len(part) > 1),
        bars=tuple(
            (x(curve.time[part[0]]), y(curve.upper[part[0]]), y(curve.lower[part[0]]))
            for part in bands
            if len(part) == 1
        ),
        expected=tuple(
            _points(curve.time, curve.expected, x, y, part)
            for piece in pieces
            for part in _finite(curve.expected, piece)
            if len(part) > 1
        ),
        value=tuple(_points(curve.time, curve.value, x, y, piece) for piece in pieces),
        dots=tuple(
            Dot(
                x(time),
                y(curve.value[at[time]]),
                f"{time_of_day(time)}: {number(curve.value[at[time]])}",
                time == shown.peak_at,
            )
            for time in curve.alarms
        ),
        xs=tuple(Tick(x(time), time_of_day(time)[:5]) for time in times(first, last)),
        ys=tuple(Tick(y(value), number(value)) for value in _values(low, high)),
        marks=tuple((x(time), label) for time, label in marks if first <= time <= last),
    )


def _range(curve: Curve) -> tuple[float, float]:
    """Return what of the value axis is shown: all values, and of the band what is near them."""
    low, high = min(curve.value), max(curve.value)
    room = 0.6 * (high - low) or abs(high) * 0.1 or 1.0
    lowest = min((v for v in curve.lower if isfinite(v)), default=low)
    highest = max((v for v in curve.upper if isfinite(v)), default=high)
    low = min(low, max(lowest, low - room))
    high = max(high, min(highest, high + room))
    margin = 0.06 * (high - low) or 1.0
    return low - margin, high + margin


def _unbroken(time: Sequence[int]) -> Iterator[range]:
    steps = [b - a for a, b in pairwise(time)]
    longest = GAP * median(steps) if steps else 0
    begin = 0
    for place, step in enumerate(steps, 1):
        if step > longest:
            yield range(begin, place)
            begin = place
    yield range(begin, len(time))


def _finite(values: Sequence[float], piece: range) -> Iterator[range]:
    begin = piece.start
    for place in piece:
        if not isfinite(values[place]):
            if begin < place:
                yield range(begin, place)
            begin = place + 1
    if begin < piece.stop:
        yield range(begin, piece.stop)


def _points(time: Sequence[int], value: Sequence[float], x: _Scale, y: _Scale, part: range) -> str:
    return " ".join(f"{x(time[place]):g},{y(value[place]):g}" for place in part)


def _outline(curve: Curve, x: _Scale, y: _Scale, part: range) -> str:
    there = _points(curve.time, curve.upper, x, y, part)
    back = _points(curve.time, curve.lower, x, y, part[::-1])
    return f"{there} {back}"


def times(first: int, last: int, most: int = 5) -> list[int]:
    """Return round times of day between two times, a few."""
    minutes = (last - first) / 60_000 / most
    step = STEPS[min(bisect_right(STEPS, minutes), len(STEPS) - 1)] * 60_000
    step *= max(1, ceil((last - first) / step / (2 * most)))
    return list(range(ceil(first / step) * step, last + 1, step))


def _values(low: float, high: float) -> list[float]:
    """Return a few round values between two."""
    rough = (high - low) / 4
    power = 10 ** floor(log10(rough))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough)
    return [round(n * step, 12) for n in range(ceil(low / step), floor(high / step) + 1)]


@dataclass(frozen=True, slots=True)
class Lane:
    """When a service was anomalous: `(left, width, series)` of every series, in percent."""

    where: str
    rank: int
    bars: tuple[tuple[float, float, str], ...]


@dataclass(frozen=True, slots=True)
class Lanes:
    """The course of an incident, in percent of the span shown.

    Attributes:
        marks: `(left, kind, label)` of what happened besides.
    """

    lanes: tuple[Lane, ...]
    left_out: int
    marks: tuple[tuple[float, str, str], ...]
    ticks: tuple[Tick, ...]


MOST_LANES = 14
EDGE = 3.0
"""Percent of the width at either end in which no time is written."""

ROOM = 14.0
"""Percent of the width that a label takes."""


def lanes(series: Sequence[Shown], marks: Sequence[tuple[int, str, str]]) -> Lanes:
    """Return the services in the order they became anomalous, with when each series was.

    Args:
        series: Those of the incident, at least one.
        marks: Time, kind and label of what happened besides.
    """
    stamps = [*(one.first for one in series), *(one.last for one in series)]
    stamps += [time for time, _, _ in marks]
    first, last = min(stamps), max(stamps)
    room = max(60_000, (last - first) // 25)
    at = _Scale(first - room, last + room, 0.0, 100.0)
    by_service: dict[str, list[Shown]] = {}
    for one in sorted(series, key=lambda one: (one.first, one.rank or 9, one.service)):
        by_service.setdefault(one.service, []).append(one)
    shown = list(by_service.items())[:MOST_LANES]
    return Lanes(
        tuple(
            Lane(
                where,
                parts[0].rank,
                tuple(
                    (at(one.first), round(at(one.last) - at(one.first), 1), one.metric)
                    for one in parts
                ),
            )
            for where, parts in shown
        ),
        len(by_service) - len(shown),
        tuple(_labelled((at(time), kind, label) for time, kind, label in marks)),
        tuple(
            Tick(at(time), time_of_day(time)[:5])
            for time in times(first - room, last + room)
            if EDGE <= at(time) <= 100 - EDGE
        ),
    )


def _labelled(marks: Iterable[tuple[float, str, str]]) -> Iterator[tuple[float, str, str]]:
    """Yield marks, those without their label that stand too near to the one before."""
    taken = -ROOM
    for left, kind, label in marks:
        free = left - taken >= ROOM
        taken = left if free else taken
        yield left, kind, label if free else ""


def bullet(shown: Shown) -> tuple[float, float, float] | None:
    """Return where band and value lie between 0 and 100; None where there is no band."""
    numbers = (shown.lower, shown.upper, shown.value)
    if not all(map(isfinite, numbers)) or shown.lower == shown.upper:
        return None
    at = _Scale(min(numbers), max(numbers), 4.0, 96.0)
    return at(shown.lower), at(shown.upper), at(shown.value)
