"""A scenario from a number: the shop's values, the faults in them, the changes beside them."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from aiops.events import ChangeObserved, SeriesHead
from local.scenario import faults as breaking
from local.scenario.shop import Shop, shop
from local.scenario.signals import Matrix, heads, healthy
from local.scenario.spread import Fault

MINUTE = 60_000
FAULTS_FROM_MS = 1_772_474_400_000
"""2026-03-02 18:00 UTC, past the daily peak: what follows lies in the range already seen."""

CALM_MINUTES = 10
"""Before a fault no chance outlier and no deploy comes this close."""

_TAIL_MINUTES = 15
_OUTLIERS_PER_HOUR = 0.7
_DEPLOYS_PER_HOUR = 0.5


@dataclass(frozen=True, slots=True)
class Scenario:
    """A shop over a time.

    Attributes:
        start_ms: Time of the first samples, unix milliseconds; the rest follows minute by minute.
        series: s series.
        values: Their values, shape (s, n).
        deviations: Their robust deviations over the history, shape (s,).
    """

    start_ms: int
    history_minutes: int
    shop: Shop
    series: tuple[SeriesHead, ...]
    values: Matrix
    deviations: NDArray[np.float64]
    faults: tuple[Fault, ...]
    changes: tuple[ChangeObserved, ...]

    def time_of(self, minute: int) -> int:
        """Return the time of the samples of a minute, in unix milliseconds."""
        return self.start_ms + minute * MINUTE


def generate(seed: int, *, hours: float = 12.0, faults: int = 6) -> Scenario:
    """Draw a scenario.

    Args:
        seed: What everything is drawn from, 0 and up.
        hours: Of history before the first fault may come, above 0.
        faults: How many.
    """
    signal, fate, chance = (
        np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(3)
    )
    place = shop()
    history = max(round(hours * 60), 1)
    planned = breaking.draw(fate, place, history, faults)
    minutes = (planned[-1].onset + planned[-1].minutes if planned else history) + _TAIL_MINUTES
    start_ms = FAULTS_FROM_MS - history * MINUTE
    hours_of_day = start_ms / 3_600_000 % 24 + np.arange(minutes) / 60
    series = heads(place)
    values = healthy(signal, place, series, hours_of_day)
    deviations = robust_deviations(values[:, :history])
    calm = _calm(planned, minutes)
    _add_outliers(chance, values, deviations, calm)
    changes = _harmless_deploys(chance, place, start_ms, calm)
    for fault in planned:
        breaking.apply(fault, place, series, deviations, values)
        changes += _own_changes(fault, start_ms)
    changes.sort(key=lambda change: change.observed_at)
    return Scenario(
        start_ms, history, place, series, values, deviations, planned, tuple(changes)
    )  # fmt: skip


def robust_deviations(values: Matrix) -> NDArray[np.float64]:
    """Return 1.4826 times the median absolute deviation of each row, shape (s,) from (s, n)."""
    centre = np.median(values, axis=1, keepdims=True)
    deviations: NDArray[np.float64] = 1.4826 * np.median(np.abs(values - centre), axis=1)
    return deviations


def _calm(faults: tuple[Fault, ...], minutes: int) -> NDArray[np.bool_]:
    """Return which minutes chance may touch, shape (n,)."""
    calm = np.ones(minutes, dtype=bool)
    for fault in faults:
        calm[max(fault.onset - CALM_MINUTES, 0) : fault.onset + fault.minutes] = False
    return calm


def _add_outliers(
    rng: Generator, values: Matrix, deviations: NDArray[np.float64], calm: NDArray[np.bool_]
) -> None:
    """Lift single samples by 4 to 8 robust deviations."""
    minutes = np.flatnonzero(calm)
    for minute in rng.choice(minutes, rng.poisson(_OUTLIERS_PER_HOUR * len(minutes) / 60)):
        row = int(rng.integers(0, len(values)))
        values[row, minute] += rng.uniform(4, 8) * deviations[row]


def _harmless_deploys(
    rng: Generator, place: Shop, start_ms: int, calm: NDArray[np.bool_]
) -> list[ChangeObserved]:
    minutes = np.flatnonzero(calm)
    chosen = rng.choice(minutes, rng.poisson(_DEPLOYS_PER_HOUR * len(minutes) / 60))
    return [
        _deploy(
            str(rng.choice(place.services)), int(rng.integers(2, 9)), start_ms + minute * MINUTE
        )
        for minute in map(int, chosen)
    ]


def _own_changes(fault: Fault, start_ms: int) -> list[ChangeObserved]:
    """Return the deploy that was bad and its rollback."""
    if fault.kind != "errors":
        return []
    begin = start_ms + fault.onset * MINUTE - MINUTE
    end = begin + fault.minutes * MINUTE
    back = ChangeObserved(
        service=fault.service, kind="rollback", summary="rolled back", observed_at=end
    )
    return [_deploy(fault.service, 9, begin), back]


def _deploy(service: str, version: int, at: int) -> ChangeObserved:
    return ChangeObserved(
        service=service, kind="deploy", summary=f"{service} 1.{version}.0", observed_at=at
    )
