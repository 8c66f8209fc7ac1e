"""What a second process of `detect` brings: `python -m bench.scale_out`.

Records of samples lie in the 12 partitions of `metrics`, on real servers where they are installed,
and are delivered in order, one in flight for each partition, as a KafkaSource does. One process
has all of them, then two have; each from nothing, with the same records. Time is taken from the
first delivery to the last answer. What both found and left in Redis has to be the same.

Two cores do not hold two functions, Redis, Kafka, and delivery: with a core for each function the
rest takes its part of both. So the question is asked twice. `halves`: each process gets half of one
core, by turns, as a limit of 500m gives it, and everything else has the other core. `whole`: each
process gets what it can, on both cores, beside everything else.
"""

import hashlib
import json
import os
import signal
import statistics
import sys
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import redis
from kafka import KafkaConsumer

from aiops import topics
from aiops.adapters.kafka_publisher import KafkaPublisher
from aiops.clock import SystemClock
from bench.machine import facts, on_cores, two_cores
from bench.run import now
from bench.warm import warm_up
from bench.workload import STEP_MS, Sweeps, groups
from bench.world import World
from local.delivery.run import Delivery, Place
from local.delivery.sinks import Services
from local.functions import ROOT, FunctionProcess
from local.manifests import load

GROUPS = 48
SWEEPS = 16
OUTLIERS_EVERY = 4
ROUNDS = 3
TURN_SECONDS = 0.02
"""How long a process runs and then waits; a quota of Linux does that 10 times a second."""

_LIMIT_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Run:
    """What came of all records.

    Attributes:
        rate: Samples a second.
        anomalies: Those that were published, as JSON, sorted.
        state: Of everything in Redis that belongs to series.
    """

    rate: float
    anomalies: tuple[str, ...]
    state: str


def run(processes: int, start: int, *, halves: bool) -> Run:
    """Have so many processes take all records.

    Args:
        processes: 1 or 2.
        start: Time of the first samples, unix milliseconds.
        halves: Whether each has half of a core, and the servers the other; else all have both.
    """
    core, other = two_cores()
    mine, theirs = ({core}, {other}) if halves else ({core, other}, {core, other})
    with on_cores(theirs), World(theirs) as world, ExitStack() as stack:
        functions = [world.function("detect", mine) for _ in range(processes)]
        sweeps = Sweeps(groups(GROUPS), start)
        warm_up(functions[0].url, world.redis.url, sweeps)
        samples = _publish(world, sweeps)
        delivery = _delivery(world, functions)
        stack.callback(delivery.stop)
        delivery.start()
        delivery.wait_ready()
        if halves:
            stack.enter_context(taking_turns([family(one) for one in functions]))
        began = time.monotonic()
        delivery.release()
        while delivery.counts["KafkaSource metrics-to-detect"].delivered < GROUPS * SWEEPS:
            if time.monotonic() > began + _LIMIT_SECONDS:
                raise SystemExit(f"not done: {delivery.counts}")
            time.sleep(0.005)
        seconds = time.monotonic() - began
        return Run(samples / seconds, _anomalies(world), _state(world.redis.url))


def _publish(world: World, sweeps: Sweeps) -> int:
    publisher = KafkaPublisher(world.kafka.bootstrap)
    for number in range(SWEEPS):
        publisher.publish(sweeps.messages(outliers=1 if number % OUTLIERS_EVERY == 0 else 0))
    publisher.close()
    return SWEEPS * sweeps.size


def _delivery(world: World, functions: Collection[FunctionProcess]) -> Delivery:
    manifests = load(ROOT / "knative" / "base")
    only = tuple(one for one in manifests.sources if topics.METRICS in one.spec.topics)
    given = replace(manifests, sources=only, triggers=(), pings=())
    services = Services({"aiops-detect": [one.url for one in functions]})
    return Delivery(Place(given, services, world.kafka.bootstrap, SystemClock()))


def _anomalies(world: World) -> tuple[str, ...]:
    consumer: Any = KafkaConsumer(
        topics.ANOMALIES,
        bootstrap_servers=world.kafka.bootstrap,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        consumer_timeout_ms=3_000,
    )
    with consumer_closed(consumer):
        found = {
            json.dumps(one, sort_keys=True)
            for record in consumer
            for one in json.loads(record.value)["anomalies"]
        }
    return tuple(sorted(found))


@contextmanager
def consumer_closed(consumer: Any) -> Iterator[None]:
    """Close a consumer in the end."""
    try:
        yield
    finally:
        consumer.close()


def _state(url: str) -> str:
    """Return a digest of the records of all series."""
    digest = hashlib.sha256()
    with redis.Redis.from_url(url) as client:
        for key in sorted(client.scan_iter(match="aiops:{d:*}:s:*", count=1_000)):
            digest.update(key + b"\0" + (client.get(key) or b"") + b"\0")
    return digest.hexdigest()


def family(function: FunctionProcess) -> list[int]:
    """Return the processes of a function: gunicorn's own, and the one that works."""
    parent = function.pid or 0
    known = [int(one.name) for one in Path("/proc").iterdir() if one.name.isdigit()]
    return [parent, *(pid for pid in known if _parent_of(pid) == parent)]


def _parent_of(pid: int) -> int:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return 0
    return int(stat.rpartition(")")[2].split()[1])


@contextmanager
def taking_turns(families: list[list[int]]) -> Iterator[None]:
    """Let each of two families of processes run half of the time, by turns; one alone likewise."""
    stopping = threading.Event()
    slots = [families[0], families[1] if len(families) > 1 else []]

    def turn() -> None:
        place = 0
        while not stopping.wait(TURN_SECONDS):
            _tell(slots[place], signal.SIGSTOP)
            place = 1 - place
            _tell(slots[place], signal.SIGCONT)

    _tell(slots[1], signal.SIGSTOP)
    thread = threading.Thread(target=turn, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()
        for slot in slots:
            _tell(slot, signal.SIGCONT)


def _tell(pids: Collection[int], what: signal.Signals) -> None:
    for pid in pids:
        os.kill(pid, what)


def main() -> None:
    """Measure, compare, print."""
    start = now() - 2_000 * STEP_MS
    told: dict[str, object] = dict(facts())
    for name, halves in (("halves", True), ("whole", False)):
        runs: dict[int, list[Run]] = {1: [], 2: []}
        for _ in range(ROUNDS):
            for processes, found in runs.items():
                found.append(run(processes, start, halves=halves))
                print(f"{name}: {processes}: {found[-1].rate:.0f} samples/s", file=sys.stderr)
        every = [one for found in runs.values() for one in found]
        same = len({(one.anomalies, one.state) for one in every}) == 1
        ratios = [two.rate / one.rate for one, two in zip(runs[1], runs[2], strict=True)]
        told |= {
            f"{name}_1_samples_per_second": round(statistics.median(r.rate for r in runs[1])),
            f"{name}_2_samples_per_second": round(statistics.median(r.rate for r in runs[2])),
            f"{name}_ratio": round(statistics.median(ratios), 2),
            f"{name}_anomalies": len(every[0].anomalies),
            f"{name}_identical": same,
        }
    print(json.dumps(told, indent=2))


if __name__ == "__main__":
    main()
