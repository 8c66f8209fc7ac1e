"""A topology of 4 000 services and 16 000 calls: how fast it is built and asked, and what it takes.

Built means what an instance does with a version it does not know yet: read from Redis, the closure,
the distances, and the shares of traffic.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from aiops.adapters.keys import Keys
from aiops.adapters.memory_broker import MemoryPublisher
from aiops.adapters.memory_incidents import MemoryIncidents
from aiops.adapters.redis_client import connect
from aiops.adapters.redis_incidents import RedisIncidents
from aiops.call_table import listed, tabled
from aiops.clock import ManualClock
from aiops.events import TopologyObserved
from aiops.ids import derive
from aiops.incident_store import IncidentStore, Query
from aiops.ports import Event
from aiops.topology import MAX_BLAST_HOPS, Topology
from bench.entangled import entangled
from bench.estate import DOMAIN, METRICS, Series, anomaly, detected
from bench.machine import on_cores, two_cores
from bench.rounds import ROUNDS, quantile
from functions.correlate.assembly import assemble
from functions.correlate.config import CorrelateConfig
from functions.correlate.handler import Correlate
from local.servers.redis import choose_redis

SERVICES, CALLS = 4_000, 16_000
START = 1_767_225_600_000
REFRESH = 300_000
PAIRS = 20_000
FAULTS = 10
CALLERS = 3
"""Direct callers that show a fault as well."""


def measure() -> dict[str, float]:
    """Return all figures, flat."""
    core, other = two_cores()
    seen = entangled(SERVICES, CALLS)
    topology = Topology.of(seen, seen)
    found: dict[str, float] = {
        "topology_services": len(topology.services),
        "topology_calls": len(topology.calls),
    }
    with _redis({other}) as url, on_cores({core}):
        found |= _kept(url, topology)
    with on_cores({core}):
        found |= _asked(topology) | _radii(topology) | correlated(topology)
    return found


@contextmanager
def _redis(cores: set[int]) -> Iterator[str]:
    server = choose_redis()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        with on_cores(cores):
            server.start(Path(folder) / "redis")
        try:
            server.wait_ready()
            yield server.url
        finally:
            server.stop()


def _kept(url: str, topology: Topology) -> dict[str, float]:
    """Return what it takes to keep an observation, and to build a topology from what is kept."""
    client, keys = connect(url), Keys(f"{id(topology)}:")
    store = RedisIncidents(client, keys, DOMAIN)
    handler = _handler(store)
    took = [_timed(partial(handler, _observed(topology, n))) for n in range(ROUNDS)]
    view = store.look(Query(now=0, dirty_before=0))

    def build() -> None:
        fresh = store.topology(view.topologies[-1][1])
        built = store.surveyed(fresh, view.surveys[-1])
        built.dependents(built.services[0])
        fresh.affected(fresh.services[0])
        built.affected(built.services[0])

    rebuilt = [_timed(build) for _ in range(ROUNDS)]
    names = keys.incidents(DOMAIN)
    calls, surveys = (_bytes(client, names[place]) for place in (13, 15))
    return {
        "topology_event_kilobytes": len(_observed(topology, 0).data) / 1_000,
        "topology_observed_milliseconds": 1_000 * statistics.median(took),
        "topology_rebuilt_milliseconds": 1_000 * statistics.median(rebuilt),
        "topology_redis_kilobytes_per_version": calls / len(view.topologies) / 1_000,
        "topology_redis_kilobytes_per_survey": surveys / len(view.surveys) / 1_000,
    }


def _asked(topology: Topology) -> dict[str, float]:
    """Return the processor time of single questions, for a blast radius of the first time."""
    random = Random(2)
    names = topology.services
    pairs = [(random.choice(names), random.choice(names)) for _ in range(PAIRS)]
    degree = CorrelateConfig().hub_degree
    times: Mapping[str, Sequence[float]] = {
        "hops": [_worked(partial(topology.hops, a, b, 2, degree)) for a, b in pairs],
        "reaches": [_worked(partial(topology.reaches, a, b)) for a, b in pairs],
        "blast": [_worked(partial(topology.affected, a)) for a in names],
    }
    found: dict[str, float] = {}
    for name, some in times.items():
        found[f"topology_{name}_p50_ms"] = 1_000 * statistics.median(some)
        found[f"topology_{name}_p99_ms"] = 1_000 * quantile(some, 0.99)
    return found


def _radii(topology: Topology) -> dict[str, float]:
    """Return how many services depend on one: on the whole, near, and by traffic."""
    plain = topology.weighted({})
    sizes: Mapping[str, Callable[[str], int]] = {
        "closure": topology.dependents,
        "near": lambda service: len(plain.affected(service, MAX_BLAST_HOPS)),
        "blast": lambda service: len(topology.affected(service, MAX_BLAST_HOPS)),
    }
    found: dict[str, float] = {}
    for name, size in sizes.items():
        each = [size(service) for service in topology.services]
        found[f"topology_{name}_services_p50"] = statistics.median(each)
        found[f"topology_{name}_services_p90"] = quantile(each, 0.9)
    return found


def correlated(topology: Topology) -> dict[str, float]:
    """Return the incidents made of faults that have nothing to do with each other, all at once."""
    random = Random(3)
    handler = _handler(MemoryIncidents(), topology)
    fault_of: dict[str, str] = {}
    for service in random.sample(topology.services, FAULTS):
        near = sorted(topology.callers(service) - fault_of.keys())
        fault_of |= dict.fromkeys([service, *near[:CALLERS]], service)
    metric, role = METRICS[2]
    found = [
        anomaly(
            Series(metric, role, name, {"service": name}, derive("one", name).replace("-", "")),
            START,
            random,
        )
        for name in fault_of
    ]
    handler(detected(found, START))
    placed = handler.domain.store.look(Query(START, 0, tuple(one.id for one in found))).placed
    largest = Counter(placed.values()).most_common(1)[0][1]
    return {
        "topology_faults": FAULTS,
        "topology_fault_services": len(fault_of),
        "topology_fault_incidents": len(set(placed.values())),
        "topology_largest_incident_services": largest,
    }


def _handler(store: IncidentStore, topology: Topology | None = None) -> Correlate:
    clock = ManualClock(START)
    return assemble(DOMAIN, store, MemoryPublisher(), clock, CorrelateConfig(), topology)


def _observed(topology: Topology, number: int) -> Event:
    """Return an observation; one call fewer each time, so that each is another version."""
    now = START + number * REFRESH
    calls = listed(topology)[number:]
    fact = TopologyObserved(domain=DOMAIN, observed_at=now, table=tabled(calls, now))
    return Event(
        derive("topology", now), "/bench", fact.type, now, fact.model_dump_json().encode(), DOMAIN
    )


def _bytes(client: Any, key: str) -> int:
    return int(client.memory_usage(key, samples=0))


def _timed(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def _worked(call: Callable[[], object]) -> float:
    began = time.thread_time()
    call()
    return time.thread_time() - began


def main() -> None:
    """Measure, and print one JSON object."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    print(json.dumps(measure(), indent=2))


if __name__ == "__main__":
    main()
