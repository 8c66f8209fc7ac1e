"""What is sent, drawn from a seed: many services, faults that spread, two acts with a gap. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from random import Random

from aiops.batching import Reading, batches
from aiops.events import Call, SeriesHead
from aiops.ports import Message
from aiops.series import SeriesMap

SOURCE = "/aiops/chaos"
PARTITIONS = 12
PERIOD_MS = 4_000
"""Between two samples of a series, in the pipeline's time."""

SPEED = 30
"""How many of the pipeline's seconds of input are sent in one real second."""

METRICS = (
    "cpu_usage_ratio",
    "request_error_ratio",
    "latency_milliseconds",
    "requests_per_second",
    "memory_bytes",
)
GROUPS, GROUP_SIZE, SINGLES = 28, 4, 32
CUT_OFF = tuple(f"solo{n}" for n in range(4))
"""Services whose samples from the middle of a fault on arrive only with the second act."""

USUAL = {"latency_milliseconds": 120.0, "requests_per_second": 800.0, "memory_bytes": 4e8}
LIMIT = 100.0
"""Of the metrics whose name ends in `_ratio`; what they usually have lies far below."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a service from `start` to `end`, unix milliseconds, both included."""

    service: str
    metrics: frozenset[str]
    start: int
    end: int
    force: float


@dataclass(frozen=True, slots=True)
class Slice:
    """Events that are sent together.

    Attributes:
        time: The latest time they speak of, unix milliseconds.
        samples: How many there are in all.
    """

    time: int
    messages: tuple[Message, ...]
    samples: int


@dataclass(frozen=True, slots=True)
class Act:
    """A stretch of input without a break, from `start` on, `length` milliseconds long."""

    start: int
    length: int

    @property
    def end(self) -> int:
        """When it is over."""
        return self.start + self.length


def services() -> tuple[str, ...]:
    """Return all services, group by group."""
    return (*(name for group in groups() for name in group), *singles())


def groups() -> tuple[tuple[str, ...], ...]:
    """Return services that call each other in a chain."""
    return tuple(tuple(f"shop{g}-{t}" for t in range(GROUP_SIZE)) for g in range(GROUPS))


def singles() -> tuple[str, ...]:
    """Return services that nobody calls."""
    return tuple(f"solo{n}" for n in range(SINGLES))


def calls() -> tuple[Call, ...]:
    """Return who calls whom."""
    return tuple(
        Call(client=client, server=server)
        for group in groups()
        for client, server in pairwise(group)
    )


def draw_faults(random: Random, act: Act) -> list[Fault]:
    """Return the faults of an act: of single services, spreading through groups, and a storm."""
    found: list[Fault] = []
    storm = random.uniform(0.2, 0.7)
    for number, group in enumerate(groups()):
        if random.random() < 0.85:
            share = storm if number % 3 == 0 else random.uniform(0.08, 0.8)
            found += _spreading(random, group, act.start + int(share * act.length))
    for single in singles():
        for share in (random.uniform(0.08, 0.3), random.uniform(0.65, 0.85)):
            if random.random() < 0.8:
                found.append(_fault(random, single, act.start + int(share * act.length)))
    return found


def _spreading(random: Random, group: tuple[str, ...], start: int) -> list[Fault]:
    """Return faults along a chain; in some groups both ends fail first, and the middle later."""
    if random.random() < 0.4:
        first, *between, last = group
        found = [_fault(random, name, start + random.randint(0, 8_000)) for name in (first, last)]
        late = start + random.randint(40_000, 60_000)
        return found + [_fault(random, name, late) for name in between]
    found = []
    for name in reversed(group[: random.randint(2, len(group))]):
        found.append(_fault(random, name, start))
        start += random.randint(4_000, 30_000)
    return found


def _fault(random: Random, service: str, start: int) -> Fault:
    length = random.randint(1, 5) * PERIOD_MS
    metrics = frozenset((METRICS[0], random.choice(METRICS[1:])))
    return Fault(service, metrics, start, start + length, random.uniform(1.5, 9.0))


class Workload:
    """Hands out the events of one act after the other; the same seed gives the same events.

    Args:
        seed: What everything is drawn from.
    """

    def __init__(self, seed: int) -> None:
        self._random = Random(f"workload {seed}")
        self._names = SeriesMap()
        self._held: list[Reading] = []
        self.heads = tuple(
            SeriesHead(metric=metric, labels={"service": service})
            for service in services()
            for metric in METRICS
        )

    def slices(self, act: Act) -> Iterator[Slice]:
        """Yield the events of an act in order of time; to be called once for each act, in order."""
        drawn = draw_faults(self._random, act)
        held_from = self._hold(drawn, act)
        faults: dict[str, list[Fault]] = {}
        for fault in drawn:
            faults.setdefault(fault.service, []).append(fault)
        gaps = {
            place: act.start + self._random.randrange(act.length)
            for place in self._random.sample(range(len(self.heads)), len(self.heads) // 20)
        }
        if self._held:
            yield self._slice(self._held, act.start)
        for time in range(act.start, act.end, PERIOD_MS):
            for half in (0, 1):
                now = time + half * PERIOD_MS // 2
                readings = [
                    reading
                    for place in range(half, len(self.heads), 2)
                    if not 0 <= now - gaps.get(place, act.end) < 40_000
                    for reading in self._readings(self.heads[place], now, faults)
                ]
                yield self._slice([r for r in readings if not self._holds(r, held_from)], now)

    def _hold(self, faults: list[Fault], act: Act) -> dict[str, int]:
        """Add a fault of each service that is cut off; return from when on each one is.

        A later act begins with what was held back in the one before.
        """
        if self._held:
            return {}
        found = {}
        for service in CUT_OFF:
            faults[:] = [fault for fault in faults if fault.service != service]
            start = act.start + int(self._random.uniform(0.3, 0.6) * act.length)
            faults.append(
                Fault(service, frozenset(METRICS[:2]), start, start + 10 * PERIOD_MS, 3.0)
            )
            found[service] = start + 5 * PERIOD_MS
        return found

    def _holds(self, reading: Reading, held_from: dict[str, int]) -> bool:
        """Hold a reading back if its service is cut off."""
        since = held_from.get(reading.head.labels["service"])
        if since is None or reading.time < since:
            return False
        self._held.append(reading)
        return True

    def _readings(
        self, head: SeriesHead, now: int, faults: dict[str, list[Fault]]
    ) -> Iterator[Reading]:
        value = self._value(head, now, faults.get(head.labels["service"], []))
        yield Reading(head, now, value)
        odd = self._random.random()
        if odd < 0.002:  # a second value for the same time: the first counts
            yield Reading(head, now, value + 1.0)
        elif odd < 0.004:  # late beyond use
            yield Reading(head, now - PERIOD_MS - PERIOD_MS // 4, value)

    def _value(self, head: SeriesHead, now: int, faults: list[Fault]) -> float:
        random = self._random
        going_on = (f for f in faults if head.metric in f.metrics and f.start <= now <= f.end)
        force = max((fault.force for fault in going_on), default=0.0)
        if head.metric.endswith("_ratio"):
            return random.uniform(1.2, 1.9) * LIMIT * force if force else random.uniform(5, 60)
        usual = USUAL[head.metric]
        return usual * (random.gauss(1.0, 0.03) + (2.0 * force if force else 0.0))

    def _slice(self, readings: list[Reading], now: int) -> Slice:
        messages = tuple(
            Message(m.topic, m.key, m.event, int(m.key) % PARTITIONS)
            for m in batches(readings, self._names, SOURCE, now)
        )
        return Slice(now, messages, len(readings))
