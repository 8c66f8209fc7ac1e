"""Anomalies per second through `correlate`, and steps per second through `act`.

The function has one core; Redis, the broker, the receiver and the load generator share the other.
Medians of five rounds that take turns. Over HTTP, events come one at a time, as from a partition
in order; through the handler, they are decoded and published to memory.
"""

import argparse
import gc
import itertools
import json
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random

from rich.console import Console
from rich.table import Table

from aiops import topics
from aiops.adapters.keys import Keys
from aiops.adapters.memory_broker import MemoryPublisher
from aiops.adapters.redis_client import connect
from aiops.adapters.redis_incidents import RedisIncidents
from aiops.clock import ManualClock
from aiops.events import Evidence, Incident, Suspect
from aiops.ids import derive
from aiops.ports import Event, Message
from aiops.topology import Topology
from bench.courses import COURSES, Course, storm
from bench.estate import DOMAIN, anomaly, series_of, services
from bench.load import drive
from bench.machine import on_cores, two_cores
from bench.rounds import ROUNDS, Way, medians, quantile, taking_turns
from bench.workload import request
from bench.world import World
from functions.correlate.assembly import assemble
from functions.correlate.config import CorrelateConfig
from local.functions import FunctionProcess
from local.receiver import Receiver

START = 1_767_225_600_000
HOUR = 3_600_000
INCIDENTS = 100
"""Incidents a round of `act` tells three channels of."""


@dataclass(slots=True)
class Handled:
    """A course through the handler in this process, over Redis, each round a state of its own."""

    url: str
    course: Course
    core: int
    latencies: list[float] = field(default_factory=list)

    def __call__(self, number: int) -> float:
        """Return the anomalies per second of one round."""
        with on_cores({self.core}):
            store = RedisIncidents(connect(self.url), Keys(f"{id(self)}x{number}:"), DOMAIN)
            clock = ManualClock(START)
            handler = assemble(
                DOMAIN,
                store,
                MemoryPublisher(),
                clock,
                CorrelateConfig(),
                Topology.of(self.course.calls),
            )
            for event in self.course.before:
                handler(event)
            gc.collect()
            gc.freeze()  # what a function's own process does not hold is not to be looked through
            began = time.perf_counter()
            for event in self.course.events:
                clock.ms = max(clock.ms, event.time)
                sent = time.perf_counter()
                handler(event)
                self.latencies.append(time.perf_counter() - sent)
            seconds = time.perf_counter() - began
            gc.unfreeze()
            return self.course.anomalies / seconds


@dataclass(slots=True)
class Served:
    """A course through the real process over HTTP, each round some hours after the last."""

    process: FunctionProcess
    course: Callable[[int], Course]
    latencies: list[float] = field(default_factory=list)
    now: int = START

    def __call__(self, _: int) -> float:
        """Return the anomalies per second of one round."""
        course = self.course(self.now)
        self.now += 12 * HOUR
        url = self.process.url
        drive(url, [_anomalies_request(url, one) for one in course.before], 1)
        timing = drive(url, [_anomalies_request(url, one) for one in course.events], 1)
        self.latencies += timing.latencies
        return course.anomalies / timing.seconds


@dataclass(slots=True)
class Acting:
    """Incidents that each lead to a message on three channels, through the real process."""

    process: FunctionProcess
    receiver: Receiver
    numbers: Iterator[int]

    def __call__(self, _: int) -> float:
        """Return the steps per second of one round; all must have reached the receiver."""
        url, before = self.process.url, len(self.receiver.messages)
        requests = [_incident_request(url, next(self.numbers)) for _ in range(INCIDENTS)]
        timing = drive(url, requests, 1)
        steps = len(self.receiver.messages) - before
        if steps != 3 * INCIDENTS:
            raise ValueError(f"{steps} steps of {3 * INCIDENTS} reached the receiver")
        return steps / timing.seconds


def measure() -> dict[str, float]:
    """Return the medians of all courses, and latencies, flat."""
    core, other = two_cores()
    found: dict[str, float] = {}
    with on_cores({other}), World({other}) as world, Receiver() as receiver:
        handled = {
            name: Handled(world.redis.url, course(START), core) for name, course in COURSES.items()
        }
        served = Served(world.function("correlate", {core}, configured(world)), storm)
        act = world.function("act", {core}, receiver.environment)
        acting = Acting(act, receiver, itertools.count())
        for way in (served, acting):
            way(0)  # warm
        ways: dict[str, Way] = {
            "correlate_anomalies_per_second": served,
            "act_steps_per_second": acting,
            **{f"correlate_handler_{name}_anomalies_per_second": w for name, w in handled.items()},
        }
        found |= medians(taking_turns(ways))
    latencies = {"correlate": served.latencies} | {
        f"correlate_handler_{name}": way.latencies for name, way in handled.items()
    }
    for name, some in latencies.items():
        found[f"{name}_p50_ms"] = 1_000 * statistics.median(some)
        found[f"{name}_p99_ms"] = 1_000 * quantile(some, 0.99)
    return found


def main() -> None:
    """Measure, and print a table or one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    found = measure()
    if options.json:
        print(json.dumps(found))
        return
    table = Table("", f"median of {ROUNDS}", box=None)
    for name, value in found.items():
        table.add_row(name.replace("_", " "), f"{value:,.1f}")
    Console(highlight=False).print(table)


def configured(world: World) -> dict[str, str]:
    """Return the variables that tell a function who calls whom in the storm."""
    topology = world.folder / "topology.csv"
    lines = (f"{client},{server}" for client, server in storm(START).calls)
    topology.write_text("client,server\n" + "\n".join(lines), encoding="utf-8")
    config = world.folder / "correlate.yaml"
    section = {"correlate": {"topology_file": str(topology)}}
    config.write_text(json.dumps(section), encoding="utf-8")
    return {"AIOPS_CONFIG": str(config)}


def _anomalies_request(url: str, event: Event) -> bytes:
    return request(url, Message(topics.ANOMALIES, DOMAIN, event))


def _incident_request(url: str, number: int) -> bytes:
    """Return the request with an incident that every channel is to be told of."""
    random = Random(number)
    some = random.sample(series_of(services(20)), 30)
    peaks = [anomaly(one, START, random) for one in some]
    evidence = tuple(Evidence(first=START, last=START, count=1, peak=peak) for peak in peaks)
    cause = Suspect(
        service=peaks[0].service, metric=peaks[0].metric, score=2.0, reasons=(peaks[0].reason,)
    )
    incident = Incident(
        id=derive("bench", "incident", number),
        domain=DOMAIN,
        version=1,
        status="open",
        title=f"{cause.service}: {cause.metric}",
        severity=4,
        opened_at=START,
        updated_at=START,
        notified_at=START,
        services=tuple(sorted({peak.service for peak in peaks})),
        anomalies=len(peaks),
        evidence=evidence,
        root_cause=(cause,),
        root_cause_at_notification=(cause,),
    )
    data = incident.model_dump_json().encode()
    event = Event(derive("bench", number), "/bench", incident.type, START, data, incident.id)
    return request(url, Message(topics.INCIDENTS, incident.id, event))


if __name__ == "__main__":
    main()
