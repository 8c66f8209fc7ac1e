"""Services, who calls whom, and what goes wrong with them; drawn from a seed. Pure."""

from dataclasses import dataclass
from itertools import pairwise
from random import Random

from aiops.events import Call

PERIOD_MS = 4_000
"""Between two samples of a series, in the pipeline's time."""

METRICS = (
    "cpu_usage_ratio",
    "request_error_ratio",
    "latency_milliseconds",
    "requests_per_second",
    "memory_bytes",
)
GROUPS, GROUP_SIZE, SINGLES = 30, 4, 40
CUT_OFF = tuple(f"solo{n}" for n in range(4))
"""Services whose samples from the middle of a fault on arrive only with the second act."""


@dataclass(frozen=True, slots=True)
class Act:
    """A stretch of input without a break, from `start` on, `length` milliseconds long."""

    start: int
    length: int

    @property
    def end(self) -> int:
        """When it is over."""
        return self.start + self.length


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a service from `start` to `end`, unix milliseconds, both included."""

    service: str
    metrics: frozenset[str]
    start: int
    end: int
    force: float


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
