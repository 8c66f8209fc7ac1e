"""An example of each kind of feature: its numbers are computed by what computes them for real."""

import math
import re

import numpy as np

from aiops.baseline.calendar import HOURS, Calendar
from aiops.events import SeriesHead
from aiops.selector import Selector
from functions.detect.features.declared import Feature
from functions.detect.features.forming import Formed, Readings
from functions.detect.histograms import grown, quantile
from functions.detect.rates import increase

SECONDS = 60.0
MOMENT = 1_767_600_000_000
"""Monday, 2026-01-05, 08:00 UTC."""

DAYS = ("working day", "day off")


def rate() -> str:
    """Return what a counter becomes."""
    grew, _ = increase(np.array([1_000.0]), np.array([1_120.0]))
    return f"1000, a minute later 1120: {grew[0] / SECONDS:g} a second"


def quantile_of(q: float) -> str:
    """Return what a histogram becomes."""
    bounds = np.array([0.1, 0.5, math.inf])
    old, new = np.array([100.0, 180.0, 200.0]), np.array([160.0, 270.0, 300.0])
    growth, _ = grown(old, new)
    said = ", ".join(
        f"le={bound:g}: {count:g}" for bound, count in zip(bounds, growth, strict=True)
    )
    return f"buckets that grew by {said}: {quantile(q, bounds, growth):.4g}"


def feature(declared: Feature, *, counters: bool) -> str:
    """Return what a feature makes of its parts.

    Args:
        declared: The feature.
        counters: Whether its metrics are counters.
    """
    if declared.over is None:
        return _made(declared, ((10.0, 16.0),), counters=counters)
    if _part_of(declared.of, declared.over):
        return _made(declared, ((10.0, 16.0), (990.0, 1_044.0)), counters=counters, whole=True)
    pair = ((10.0, 55.0), (200.0, 260.0)) if counters else ((3.0, 3.0), (4.0, 4.0))
    return _made(declared, pair, counters=counters)


def _made(
    declared: Feature,
    parts: tuple[tuple[float, float], ...],
    *,
    counters: bool,
    whole: bool = False,
) -> str:
    """Return the example for readings of its parts, each a minute after the other."""
    readings = np.array(parts)
    upper = np.arange(len(parts)) == 0
    lower = ~upper | whole
    counter = np.full(len(parts), counters)
    made = Formed(declared, SeriesHead(metric=declared.name), {}, counter, upper, lower, 1.0)
    value, _ = Readings(made, {}).value(readings[:, 0], readings[:, 1], SECONDS)
    sides = [readings[mask].sum(axis=0) for mask in (upper, lower) if mask.any()]
    moving = counters or declared.kind == "delta"
    said = [f"{old:g} then {new:g}" if moving else f"{new:g}" for old, new in sides]
    named = (f"{side} {one}" for side, one in zip(("of", "over"), said, strict=False))
    return f"{', '.join(named)}: {value:.4g}"


def _part_of(one: Selector, other: Selector) -> bool:
    """Return whether what is on one side is on the other, too."""
    inside = set(one.metric.split("|")) <= set(other.metric.split("|"))
    return (inside or re.fullmatch(other.metric, one.metric) is not None) and not other.labels


def hour() -> str:
    """Return what a time becomes."""
    slot, _, _ = Calendar().hours(np.array([MOMENT]))
    kind, hours = divmod(int(slot[0]), HOURS)
    return f"Monday, 2026-01-05, 08:00 UTC: hour {hours} of a {DAYS[kind]}"


def forest() -> str:
    """Return what an isolation forest looks at."""
    from functions.train.forest import features

    time = np.array([MOMENT - 300_000, MOMENT])
    last = features(time, np.array([10.0, 14.0]), 0.25)[-1]
    return "10, five minutes later 14: " + ", ".join(f"{one:.3g}" for one in last)
