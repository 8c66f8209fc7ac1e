"""Courses of anomalies that load `correlate` in different ways."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random

from aiops.ports import Event
from aiops.topology import Topology
from bench.estate import Series, anomaly, calls, detected, series_of, services

BATCH = 25
"""Anomalies of a storm's batch."""


@dataclass(frozen=True, slots=True)
class Course:
    """A course of events.

    Attributes:
        calls: Who calls whom.
        before: Events that lead to the state it begins with.
        events: Those that are measured.
        anomalies: How many they hold.
    """

    calls: Sequence[tuple[str, str]]
    before: Sequence[Event]
    events: Sequence[Event]
    anomalies: int


def steady(start: int) -> Course:
    """Return batches of 1 to 50 anomalies around one service after the other, 6 s apart."""
    random, names = Random(1), services(300)
    pairs = calls(names)
    topology, by_service = Topology.of(pairs), _by_service(names)
    events, anomalies = [], 0
    for number in range(200):
        now = start + 6_000 * number
        home = names[number // 40 * 37 % len(names)]
        near = [home, *sorted(topology.neighbours(home))][:4]
        pool = [one for name in near for one in by_service[name]]
        batch = random.sample(pool, min(random.randint(1, 50), len(pool)))
        events.append(_batch(batch, now, random))
        anomalies += len(batch)
    return Course(pairs, (), events, anomalies)


def many_open(start: int) -> Course:
    """Return batches of 10 anomalies over 600 services that have nothing in common."""
    random, names = Random(2), services(600)
    by_service = {name: [alone(one) for one in some] for name, some in _by_service(names).items()}
    before = [
        _batch([by_service[name][0] for name in names[place : place + 50]], start, random)
        for place in range(0, len(names), 50)
    ]
    events = [
        _batch(
            [random.choice(by_service[name]) for name in random.sample(names, 10)],
            start + 10_000 + 500 * number,
            random,
        )
        for number in range(100)
    ]
    return Course((), before, events, 1_000)


def one_large(start: int) -> Course:
    """Return batches of 20 anomalies of an incident that has 2 000 in 100 services."""
    random, names = Random(3), services(100)
    pool = series_of(names)
    first = random.sample(pool, 2_000)
    before = [_batch(first[place : place + 100], start, random) for place in range(0, 2_000, 100)]
    events = [
        _batch(random.sample(pool, 20), start + 20_000 + 200 * number, random)
        for number in range(100)
    ]
    return Course(calls(names), before, events, 2_000)


def storm(start: int, anomalies: int = 10_000, batch: int = BATCH) -> Course:
    """Return anomalies of 300 connected services, a thousand a second, in batches."""
    random, names = Random(4), services(300)
    chosen = random.sample(series_of(names), anomalies)
    events = [
        _batch(chosen[place : place + batch], start + place, random)
        for place in range(0, len(chosen), batch)
    ]
    return Course(calls(names), (), events, len(chosen))


COURSES: Mapping[str, Callable[[int], Course]] = {
    "steady": steady,
    "many_open": many_open,
    "one_large": one_large,
    "storm": storm,
}


def _by_service(names: Sequence[str]) -> dict[str, list[Series]]:
    found: dict[str, list[Series]] = {name: [] for name in names}
    for one in series_of(names):
        found[one.service].append(one)
    return found


def alone(series: Series) -> Series:
    """Return a series that shares no node with those of other services."""
    labels = {name: value for name, value in series.labels.items() if name != "node"}
    return replace(series, labels=labels)


def _batch(series: Sequence[Series], now: int, random: Random) -> Event:
    return detected([anomaly(one, now, random) for one in series], now)
