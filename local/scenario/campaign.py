"""Faults one after the other in a random system, and the recording of it.

A campaign is drawn from one number: system, names, step, faults and chance. A fault acts on what a
service *does* (its time, failures, network, load); what is recorded follows along the calls, so
nothing states which series show a fault, when, or how clearly. Kinds:

- `cpu`: CPU up by 15 to 70 points, its own time 1.5 to 5 times as long;
- `memory`: memory climbs by 10 to 40 points, its own time to 1.3 to 3 times as long;
- `network`: every call it makes or answers takes 4 to 50 ms longer on the way;
- `errors`: it fails 2 to 40 % of its requests;
- `crash`: 40 to 100 % of its requests are not served: it does less, whoever calls it fails;
- `slow_dependency`: a store or somebody else's service answers 2 to 10 times as slowly, which only
  the clients' end of calls to it tells;
- `bad_deploy`: a change, then 2 to 30 % failures, 1.3 to 3 times its time and 5 to 20 points of
  CPU, rolled back at the end;
- `surge`: half to two and a half times its usual requests come on top, from outside.

Sizes are drawn evenly on a logarithmic scale, small ones as often as large ones; every fault takes
up to a minute to reach its full size.

Beside that, during faults too, but beginning in none of the five minutes before one: single
outliers, and series that shift for minutes for no reason. And at any time: deploys that break
nothing, samples that are missing, services that report no CPU or no errors, hubs that a seventh of
all services call.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from aiops.events import Call, ChangeObserved, SeriesHead
from local.evaluation import Fault
from local.recording import Recording
from local.scenario.estate import Estate, estate
from local.scenario.naming import NAMINGS, Naming
from local.scenario.weather import Disturbance, Row, Weather, weather

START_MS = 1_772_452_800_000
KINDS = (
    "cpu", "memory", "network", "errors", "crash", "slow_dependency", "bad_deploy", "surge"
)  # fmt: skip

LEARNING_SAMPLES = 240
FAULT_SECONDS = 300, 480
SLOWEST_SECONDS = 60
QUIET_SECONDS = 840, 1_080
OUTLIERS = 3e-5
"""Share of all samples that chance lifts or lowers by 4 to 8 standard deviations."""

SHIFTS_PER_HOUR = 1.0
"""Series that stand 4 to 8 standard deviations beside their level for 2 to 6 minutes."""

CALM_SECONDS = 300
"""Before a fault nothing begins by chance: an incident that is open already is not the fault's."""

DEPLOYS_PER_HOUR = 1.0
MISSING = 0.01


@dataclass(frozen=True, slots=True)
class Outbreak:
    """A fault while it is drawn.

    Attributes:
        span: The samples that show it.
        slow: Samples until it has reached its full size.
    """

    kind: str
    service: str
    span: slice
    slow: int


def campaign(seed: int, *, services: int, step: int, faults: int) -> Recording:
    """Draw a campaign.

    Args:
        seed: What everything is drawn from, 0 and up.
        services: How many there are, 10 to 361.
        step: Seconds from sample to sample.
        faults: How many, each kind as often as another if it can be.
    """
    place_rng, fate, signal, chance = (
        np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(4)
    )
    place = estate(place_rng, services)
    naming = NAMINGS[int(place_rng.integers(0, len(NAMINGS)))]
    outbreaks, length = _planned(fate, place, step, faults)
    done = Disturbance()
    for outbreak in outbreaks:
        _DONE[outbreak.kind](fate, done, outbreak, length)
    hours = START_MS / 3_600_000 % 24 + np.arange(length) * step / 3600
    series = reported(place, naming, weather(signal, place, hours, done))
    _disturb(chance, series[1], step, _spared(outbreaks, length, step))
    times = START_MS + np.arange(length) * step * 1000
    return _recorded(chance, place, series, times, outbreaks)


def _planned(
    rng: Generator, place: Estate, step: int, count: int
) -> tuple[tuple[Outbreak, ...], int]:
    """Return faults in order and how many samples there are in all."""
    kinds = [KINDS[i % len(KINDS)] for i in range(count)]
    rng.shuffle(kinds)
    spared: set[str] = set()
    at, outbreaks = LEARNING_SAMPLES, []
    for kind in kinds:
        at += int(rng.integers(*QUIET_SECONDS)) // step
        where = [name for name in _eligible(place, kind) if name not in spared]
        service = str(rng.choice(where))
        spared.add(service)
        end = at + int(rng.integers(*FAULT_SECONDS)) // step
        slow = int(rng.integers(0, SLOWEST_SECONDS // step + 1))
        outbreaks.append(Outbreak(kind, service, slice(at, end), slow))
        at = end
    return tuple(outbreaks), at + QUIET_SECONDS[0] // step


def _eligible(place: Estate, kind: str) -> list[str]:
    """Return whom a fault may hit: whoever reports something that can show it."""
    clients = {call.client for call in place.calls}
    if kind == "slow_dependency":
        return sorted(place.stores | place.externals)
    if kind == "surge":
        return [name for name in place.ordinary if name in clients]
    unreported = {"cpu": place.blind, "memory": place.blind, "errors": place.mute}
    return [name for name in place.ordinary if name not in unreported.get(kind, ())]


def _grown(
    rng: Generator, one: Outbreak, length: int, size: tuple[float, float], share: float = 0.0
) -> Row:
    """Return the course of a fault: its size, reached after that share of it, 0 elsewhere."""
    height = math.exp(rng.uniform(math.log(size[0]), math.log(size[1])))
    samples = one.span.stop - one.span.start
    growing = 1 + max(one.slow, round(share * samples))
    row = np.zeros(length)
    row[one.span] = height * np.minimum(np.arange(1, samples + 1) / growing, 1.0)
    return row


def _add(rows: dict[str, Row], name: str, row: Row, usual: float = 0.0) -> None:
    rows[name] = rows.get(name, usual) + row


def _cpu(rng: Generator, done: Disturbance, one: Outbreak, n: int) -> None:
    _add(done.hotter, one.service, _grown(rng, one, n, (0.15, 0.7)))
    _add(done.slower, one.service, _grown(rng, one, n, (0.5, 4.0)), 1.0)


def _memory(rng: Generator, done: Disturbance, one: Outbreak, n: int) -> None:
    _add(done.fuller, one.service, _grown(rng, one, n, (0.1, 0.4), 0.7))
    _add(done.slower, one.service, _grown(rng, one, n, (0.3, 2.0), 0.7), 1.0)


def _network(rng: Generator, done: Disturbance, one: Outbreak, n: int) -> None:
    _add(done.network, one.service, _grown(rng, one, n, (0.004, 0.05)))


def _errors(rng: Generator, done: Disturbance, one: Outbreak, n: int) -> None:
    _add(done.failing, one.service, _grown(rng, one, n, (0.02, 0.4)))


def _crash(rng: Generator, done: Disturbance, one: Outbreak, n: int) -> None:
    _add(done.serving, one.service, -_grown(rng, one, n, (0.4, 1.0)), 1.0)


def _slow_dependency(rng: Generator, done: Disturbance, one: Outbreak, n: int) -> None:
    _add(done.slower, one.service, _grown(rng, one, n, (1.0, 9.0)), 1.0)


def _bad_deploy(rng: Generator, done: Disturbance, one: Outbreak, n: int) -> None:
    _add(done.failing, one.service, _grown(rng, one, n, (0.02, 0.3)))
    _add(done.slower, one.service, _grown(rng, one, n, (0.3, 2.0)), 1.0)
    _add(done.hotter, one.service, _grown(rng, one, n, (0.05, 0.2)))


def _surge(rng: Generator, done: Disturbance, one: Outbreak, n: int) -> None:
    _add(done.asked, one.service, _grown(rng, one, n, (0.5, 2.5)))


_DONE: dict[str, Callable[[Generator, Disturbance, Outbreak, int], None]] = {
    "cpu": _cpu,
    "memory": _memory,
    "network": _network,
    "errors": _errors,
    "crash": _crash,
    "slow_dependency": _slow_dependency,
    "bad_deploy": _bad_deploy,
    "surge": _surge,
}


def reported(
    place: Estate, naming: Naming, seen: Weather
) -> tuple[tuple[SeriesHead, ...], NDArray[np.float64]]:
    """Return what is reported, s heads, and its values, shape (s, n)."""
    ratio, seconds = (100.0, 1000.0) if naming.percent else (1.0, 1.0)
    units = {"cpu": ratio, "memory": ratio, "errors": ratio}
    units |= {"latency": seconds, "client": seconds, "server": seconds}
    heads, rows = [], []
    for measure in (field.name for field in fields(Weather)):
        for what, row in getattr(seen, measure).items():
            if measure in {"client", "server"}:
                if measure == "server" and what.server in place.stores | place.externals:
                    continue
                head = naming.of_call(measure, what.client, what.server)
            elif _reports(place, what, measure):
                head = naming.of(measure, what)
            else:
                continue
            heads.append(head)
            rows.append(row * units.get(measure, 1.0))
    return tuple(heads), np.array(rows)


def _reports(place: Estate, name: str, measure: str) -> bool:
    if measure in {"cpu", "memory"}:
        return name not in place.blind | place.externals
    if name in place.stores | place.externals:
        return False
    return measure != "errors" or name not in place.mute


def _spared(outbreaks: tuple[Outbreak, ...], length: int, step: int) -> NDArray[np.int64]:
    """Return the samples at which chance may begin something."""
    calm = np.ones(length, dtype=bool)
    for one in outbreaks:
        calm[one.span.start - CALM_SECONDS // step : one.span.start] = False
    return np.flatnonzero(calm)


def _disturb(
    rng: Generator, values: NDArray[np.float64], step: int, moments: NDArray[np.int64]
) -> None:
    """Add what happens for no reason, in place."""
    series, length = values.shape
    deviations = values[:, :LEARNING_SAMPLES].std(axis=1)
    for _ in range(rng.poisson(OUTLIERS * values.size)):
        row, at = int(rng.integers(0, series)), int(rng.choice(moments))
        values[row, at] += rng.choice([-1, 1]) * rng.uniform(4, 8) * deviations[row]
    for _ in range(rng.poisson(SHIFTS_PER_HOUR * length * step / 3600)):
        row, at = int(rng.integers(0, series)), int(rng.choice(moments))
        lasting = int(rng.integers(120, 360)) // step
        values[row, at : at + lasting] += rng.uniform(4, 8) * deviations[row]
    np.maximum(values, 0.0, out=values)


def _recorded(
    rng: Generator, place: Estate, series: tuple[tuple[SeriesHead, ...], NDArray[np.float64]],
    times: NDArray[np.int64], outbreaks: tuple[Outbreak, ...],
) -> Recording:  # fmt: skip
    heads, values = series
    step = int(times[1] - times[0])
    kept = rng.random(values.T.shape) >= MISSING
    columns, rows = np.nonzero(kept)
    return Recording(
        folder=Path("campaign"),
        heads=heads,
        series=rows.astype(np.int64),
        time=times[columns],
        value=values.T[kept],
        calls=tuple(Call(client=call.client, server=call.server) for call in place.calls),
        changes=_changes(rng, place, times, outbreaks),
        faults=tuple(
            Fault(int(times[one.span.start]) - step // 2, one.service, one.kind)
            for one in outbreaks
        ),
    )


def _changes(
    rng: Generator, place: Estate, times: NDArray[np.int64], outbreaks: tuple[Outbreak, ...]
) -> tuple[ChangeObserved, ...]:
    """Return deploys that break nothing, those that do, and their rollbacks."""
    hours = (times[-1] - times[0]) / 3_600_000
    found = [
        (str(rng.choice(place.ordinary)), "deploy", int(rng.choice(times)))
        for _ in range(rng.poisson(DEPLOYS_PER_HOUR * hours))
    ]
    for one in outbreaks:
        if one.kind == "bad_deploy":
            found.append((one.service, "deploy", int(times[one.span.start]) - 60_000))
            found.append((one.service, "rollback", int(times[one.span.stop])))
    return tuple(
        ChangeObserved(service=service, kind=kind, summary="", observed_at=at)
        for service, kind, at in sorted(found, key=lambda one: (one[2], one[0]))
    )
