"""How `correlate` scales: with instances on one Redis, with incidents that are open, in memory.

Instances share one core, each with a domain of its own, as anomalies are keyed by domain; so all
together can at best do what one does, and Redis is told apart by the share of its core it needs.
"""

import itertools
import statistics
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from random import Random
from time import perf_counter, process_time
from uuid import uuid4

import redis

from aiops import topics
from aiops.adapters.keys import Keys
from aiops.adapters.memory_broker import MemoryPublisher
from aiops.adapters.redis_client import connect
from aiops.adapters.redis_incidents import RedisIncidents
from aiops.clock import ManualClock
from aiops.ports import Event, Handler, Message
from aiops.topology import EMPTY
from bench.correlate import configured
from bench.courses import alone, storm
from bench.estate import DOMAIN, Series, anomaly, detected, series_of, services
from bench.load import drive
from bench.machine import on_cores, two_cores
from bench.rounds import taking_turns
from bench.scale import redis_processor
from bench.workload import request
from bench.world import World, processor_seconds
from functions.correlate.assembly import assemble
from functions.correlate.config import CorrelateConfig
from local.functions import FunctionProcess

START = 1_767_225_600_000
HOUR = 3_600_000
SIZES = (1, 2, 4)
BATCHES = (25, 100)
STORM = 3_000
"""Anomalies for each instance in each round."""

ROUNDS = 3
OPEN = (10, 100, 1_000, 10_000)
HOT = 10
"""Incidents that go on while all the others are just open."""

TOUCHES = 20
"""Batches of a round, with one anomaly of each incident that goes on."""

GRAIN = 50
"""Anomalies of an event by which incidents are opened."""

LARGER = 20
"""Anomalies of an incident that is not new any more."""


@dataclass(slots=True)
class Fleet:
    """Instances that each take a storm of their own domain, in batches of one size.

    Attributes:
        hours: When the next storm begins; shared by all fleets, as their domains are.
        share: Of Redis's core, by round.
        processor: Anomalies per second of the instances' processor time, by round.
    """

    processes: Sequence[tuple[str, FunctionProcess]]
    batch: int
    redis_url: str
    hours: Iterator[int]
    share: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)

    def __call__(self, _: int) -> float:
        """Return anomalies per second of all instances together."""
        course = storm(START + 12 * HOUR * next(self.hours), STORM, self.batch)
        todo = [
            (process.url, [_posted(process.url, domain, event) for event in course.events])
            for domain, process in self.processes
        ]
        with redis.Redis.from_url(self.redis_url) as client, ThreadPoolExecutor(len(todo)) as pool:
            used, before, began = self._used(), redis_processor(client), perf_counter()
            list(pool.map(lambda one: drive(one[0], one[1], 1), todo))
            seconds = perf_counter() - began
            self.share.append((redis_processor(client) - before) / seconds)
        anomalies = len(todo) * course.anomalies
        self.processor.append(anomalies / (self._used() - used))
        return anomalies / seconds

    def _used(self) -> float:
        """Return the processor seconds of all instances."""
        return sum(processor_seconds(process.pid or 0) for _, process in self.processes)


@dataclass(slots=True)
class Crowd:
    """A few incidents that go on while many are open, through the handler over Redis.

    Attributes:
        series: Of each incident that goes on, those it may have anomalies of.
        processor: Seconds of processor time an anomaly, of function and Redis, by round.
    """

    client: "redis.Redis"
    handler: Handler
    clock: ManualClock
    series: Sequence[Sequence[Series]]
    random: Random = field(default_factory=lambda: Random(7))
    processor: list[float] = field(default_factory=list)

    def __call__(self, _: int) -> float:
        """Return seconds an anomaly in one round."""
        events = [self._event() for _ in range(TOUCHES)]
        before = redis_processor(self.client) + process_time()
        began = perf_counter()
        for event in events:
            self.handler(event)
        seconds = perf_counter() - began
        spent = redis_processor(self.client) + process_time() - before
        self.processor.append(spent / (HOT * TOUCHES))
        return seconds / (HOT * TOUCHES)

    def _event(self) -> Event:
        self.clock.ms += 500
        now = self.clock.ms
        some = [self.random.choice(series) for series in self.series]
        return detected([anomaly(one, now, self.random) for one in some], now)


def measure() -> dict[str, float]:
    """Return rates of instances, costs with so many open incidents, and bytes an incident."""
    core, other = two_cores()
    with on_cores({other}), World({other}) as world:
        found = _instances(world, core)
        with on_cores({core}), redis.Redis.from_url(world.redis.url) as client:
            found |= _open_incidents(world.redis.url, client)
            found["redis_bytes_per_incident"] = _bytes_each(world.redis.url, client, 1)
            larger = _bytes_each(world.redis.url, client, LARGER)
            found[f"redis_bytes_per_incident_of_{LARGER}_anomalies"] = larger
    return found


def _instances(world: World, core: int) -> dict[str, float]:
    environ = configured(world)
    processes = [
        (domain, world.function("correlate", {core}, environ | {"AIOPS_DOMAIN": domain}))
        for domain in (f"bench-{number}" for number in range(max(SIZES)))
    ]
    hours = itertools.count()
    fleets = {
        f"correlate_{size}_instances_batches_of_{batch}": Fleet(
            processes[:size], batch, world.redis.url, hours
        )
        for batch in BATCHES
        for size in SIZES
    }
    Fleet(processes, max(BATCHES), world.redis.url, hours)(0)  # warm
    rates = taking_turns(fleets, ROUNDS)
    found: dict[str, float] = {}
    for name, fleet in fleets.items():
        found[f"{name}_anomalies_per_second"] = statistics.median(rates[name])
        found[f"{name}_anomalies_per_processor_second"] = statistics.median(fleet.processor)
        found[f"{name}_redis_processor_share"] = statistics.median(fleet.share)
    return found


def _open_incidents(url: str, client: "redis.Redis") -> dict[str, float]:
    """Return what an anomaly costs with few and many incidents open, by turns."""
    crowds = {str(count): _crowd(url, client, count) for count in OPEN}
    for crowd in crowds.values():
        crowd(0)  # warm
        crowd.processor.clear()
    costs = taking_turns(crowds, 2 * ROUNDS)
    found: dict[str, float] = {}
    for count, crowd in crowds.items():
        name = f"correlate_{count}_open"
        found[f"{name}_microseconds_per_anomaly"] = 1e6 * statistics.median(costs[count])
        spent = 1e6 * statistics.median(crowd.processor)
        found[f"{name}_processor_microseconds_per_anomaly"] = spent
    few, many = crowds[str(min(OPEN))].processor, crowds[str(max(OPEN))].processor
    ratios = [more / less for less, more in zip(few, many, strict=True)]
    found["correlate_processor_ratio_10_to_10k_open"] = statistics.median(ratios)
    return found


def _crowd(url: str, client: "redis.Redis", count: int) -> Crowd:
    """Return so many open incidents, each of a service that has nothing to do with others."""
    names = services(count)
    handler, clock = _opened(url, names, 1)
    hot = [[alone(one) for one in series_of([name])] for name in names[:HOT]]
    clock.ms = START + 10_000
    return Crowd(client, handler, clock, hot)


def _opened(url: str, names: Sequence[str], anomalies: int) -> tuple[Handler, ManualClock]:
    """Open an incident of so many anomalies for each service, in a state of its own."""
    random, clock = Random(3), ManualClock(START)
    store = RedisIncidents(connect(url), Keys(f"{uuid4().hex}:"), DOMAIN)
    handler = assemble(DOMAIN, store, MemoryPublisher(), clock, CorrelateConfig(), EMPTY)
    for place in range(0, len(names), GRAIN):
        some = [alone(one) for n in names[place : place + GRAIN] for one in series_of([n])[:4]]
        for number in range(anomalies):
            mine = some[number % 4 :: 4]
            later = START + 100 * number
            handler(detected([anomaly(one, later, random) for one in mine], later))
    return handler, clock


def _bytes_each(url: str, client: "redis.Redis", anomalies: int) -> float:
    names = services(max(OPEN) // anomalies)
    before = client.info("memory")["used_memory"]
    _opened(url, names, anomalies)
    return float((client.info("memory")["used_memory"] - before) / len(names))


def _posted(url: str, domain: str, event: Event) -> bytes:
    """Return the request with an event, its anomalies of another domain."""
    here = event.data.replace(f'"domain":"{DOMAIN}"'.encode(), f'"domain":"{domain}"'.encode())
    moved = Event(event.id, event.source, event.type, event.time, here, domain)
    return request(url, Message(topics.ANOMALIES, domain, moved))
