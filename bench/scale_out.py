"""What a second process of `detect` brings: `python -m bench.scale_out`.

Records of samples lie in the 12 partitions of `metrics` and are delivered in order, one in flight
for each partition, as a KafkaSource does. One process
has all of them, then two have; each from nothing, with the same records. Time is taken from the
first delivery to the last answer. What both found and left in Redis has to be the same.

Functions, Redis, Kafka and delivery share the two cores of the machine. One process uses one of
them at most; what two can do more is bounded by what is left. Whether they get into each other's
way shows in the processor time that they and Redis need for a sample.
"""

import hashlib
import json
import statistics
import sys
import time
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any

import redis
from kafka import KafkaConsumer

from aiops import topics
from aiops.adapters.kafka_publisher import KafkaPublisher
from aiops.clock import SystemClock
from bench.machine import facts, on_cores, two_cores
from bench.run import now
from bench.scale import redis_processor
from bench.warm import warm_up
from bench.workload import STEP_MS, Sweeps, groups
from bench.world import World, processor_seconds
from local.delivery.run import Delivery, Place
from local.delivery.sinks import Services
from local.functions import ROOT, FunctionProcess
from local.manifests import load

GROUPS = 48
SWEEPS = 16
OUTLIERS_EVERY = 4
ROUNDS = 5
_LIMIT_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Run:
    """What came of all records.

    Attributes:
        rate: Samples a second.
        functions: Microseconds of processor time of all functions, a sample.
        redis: Likewise, of Redis.
        anomalies: Those that were published, as JSON, sorted.
        state: Of everything in Redis that belongs to series.
    """

    rate: float
    functions: float
    redis: float
    anomalies: tuple[str, ...]
    state: str


def run(processes: int, start: int) -> Run:
    """Have so many processes take all records.

    Args:
        processes: 1 or 2.
        start: Time of the first samples, unix milliseconds.
    """
    cores = two_cores()
    with on_cores(cores), World(cores) as world, ExitStack() as stack:
        functions = [world.function("detect", cores) for _ in range(processes)]
        sweeps = Sweeps(groups(GROUPS), start)
        warm_up(functions[0].url, world.redis.url, sweeps)
        samples = _publish(world, sweeps)
        delivery = _delivery(world, functions)
        stack.callback(delivery.stop)
        delivery.start()
        delivery.wait_ready()
        used, stored = _used(functions), _stored(world)
        began = time.monotonic()
        delivery.release()
        while delivery.counts["KafkaSource metrics-to-detect"].delivered < GROUPS * SWEEPS:
            if time.monotonic() > began + _LIMIT_SECONDS:
                raise SystemExit(f"not done: {delivery.counts}")
            time.sleep(0.005)
        seconds = time.monotonic() - began
        micros = 1e6 / samples
        return Run(
            samples / seconds,
            (_used(functions) - used) * micros,
            (_stored(world) - stored) * micros,
            _anomalies(world),
            _state(world.redis.url),
        )


def _used(functions: Collection[FunctionProcess]) -> float:
    return sum(processor_seconds(one.pid or 0) for one in functions)


def _stored(world: World) -> float:
    with redis.Redis.from_url(world.redis.url) as client:
        return redis_processor(client)


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


def main() -> None:
    """Measure, compare, print."""
    start = now() - 2_000 * STEP_MS
    told: dict[str, object] = dict(facts())
    runs: dict[int, list[Run]] = {1: [], 2: []}
    for _ in range(ROUNDS):
        for processes, found in runs.items():
            found.append(run(processes, start))
            sys.stderr.write(f"{processes}: {found[-1].rate:.0f} samples/s\n")
    every = [one for found in runs.values() for one in found]
    ratios = [two.rate / one.rate for one, two in zip(runs[1], runs[2], strict=True)]
    told |= {
        "one_samples_per_second": round(statistics.median(one.rate for one in runs[1])),
        "two_samples_per_second": round(statistics.median(one.rate for one in runs[2])),
        "ratio": round(statistics.median(ratios), 2),
        **{
            f"{name}_{what}_microseconds_per_sample": round(
                statistics.median(getattr(one, what) for one in runs[number]), 1
            )
            for number, name in ((1, "one"), (2, "two"))
            for what in ("functions", "redis")
        },
        "anomalies": len(every[0].anomalies),
        "identical": len({(one.anomalies, one.state) for one in every}) == 1,
    }
    sys.stdout.write(f"{json.dumps(told, indent=2)}\n")


if __name__ == "__main__":
    main()
