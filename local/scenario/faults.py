"""What breaks and when, and how far it spreads."""

import math

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from aiops.events import SeriesHead
from local.scenario.shop import Shop
from local.scenario.signals import CPU, EDGE_CLIENT, ERRORS, MEMORY, RATE, READY, RESTARTS, Matrix
from local.scenario.spread import Fault, effects

KINDS = ("saturation", "latency", "errors", "dead_pod")

SMALLEST = 3.0
LARGEST = {"saturation": 10.0, "latency": 12.0, "errors": 12.0, "dead_pod": 6.0}
"""Magnitudes; what is cut off by a full CPU or by a rate of zero would not be what was stated."""

QUIET_MINUTES = 20
DURATIONS = (6, 10)


def draw(rng: Generator, shop: Shop, first_minute: int, count: int) -> tuple[Fault, ...]:
    """Draw faults, each kind as often as another if it can be, no service twice if it can be."""
    kinds = [KINDS[i % len(KINDS)] for i in range(count)]
    rng.shuffle(kinds)
    spared: set[str] = set()
    faults = []
    minute = first_minute
    for kind in kinds:
        eligible = [name for name in _eligible(shop, kind) if name not in spared]
        service = str(rng.choice(eligible or _eligible(shop, kind)))
        spared.add(service)
        minute += QUIET_MINUTES + int(rng.integers(0, 4))
        minutes = int(rng.integers(DURATIONS[0], DURATIONS[1] + 1))
        log_magnitude = rng.uniform(math.log(SMALLEST), math.log(LARGEST[kind]))
        metric = _leading(rng, kind)
        fault = Fault(kind, service, metric, minute, minutes, math.exp(log_magnitude))
        faults.append(fault)
        minute += minutes + max(effect.delay for effect in effects(shop, fault))
    return tuple(faults)


def apply(
    fault: Fault, shop: Shop, names: tuple[SeriesHead, ...], deviations: NDArray[np.float64],
    values: Matrix,
) -> None:  # fmt: skip
    """Add a fault to the values of a shop that was well.

    Args:
        fault: The fault.
        shop: Where it happens.
        names: The shop's series, s of them.
        deviations: Their robust deviations, shape (s,).
        values: Shape (s, n), changed in place.
    """
    rows = {(head.metric, *head.labels.values()): row for row, head in enumerate(names)}
    for effect in effects(shop, fault):
        row = rows[effect.series]
        deviation = deviations[rows[effect.measure or effect.series]]
        begin = fault.onset + effect.delay
        strength = np.ones(fault.minutes)
        if fault.kind == "saturation":
            strength[0] = 0.5
        shift = fault.magnitude * effect.gain * deviation * strength
        span = slice(begin, min(begin + fault.minutes, values.shape[1]))
        values[row, span] += shift[: span.stop - span.start]
    if fault.kind == "dead_pod":
        lost = slice(fault.onset, fault.onset + fault.minutes)
        values[rows[READY, fault.service], lost] -= 1
        values[rows[RESTARTS, fault.service], lost.start : lost.stop : 2] += 1
    np.maximum(values, 0.0, out=values)


def _eligible(shop: Shop, kind: str) -> list[str]:
    """Return whom a fault may hit: who is called, and reports what the fault leads with."""
    stores = shop.stores if kind == "saturation" else ()
    return [*shop.services[1:], *stores]


def _leading(rng: Generator, kind: str) -> str:
    saturated = (CPU, MEMORY)[int(rng.integers(0, 2))]
    return {
        "saturation": saturated, "latency": EDGE_CLIENT, "errors": ERRORS, "dead_pod": RATE
    }[kind]  # fmt: skip
