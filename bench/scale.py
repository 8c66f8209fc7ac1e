"""What a sample costs, and a series takes in Redis, with few series and with many.

Each number of series has a Redis and a function of its own, and these take turns on the same two
cores: the function on one, Redis and the load generator on the other.
"""

import statistics
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

import redis

from aiops.batching import MAX_SAMPLES
from bench.machine import on_cores, two_cores
from bench.rounds import ROUNDS, quantile, taking_turns
from bench.throughput import DetectWay
from bench.warm import warm_up
from bench.workload import STEP_MS, Sweeps, groups
from bench.world import World

FEW, MANY = 1_000, 100_000
_BATCHES = 200
"""In each round, at least."""


@dataclass(slots=True)
class Scale:
    """A number of series, warm, in a world of their own.

    Attributes:
        bytes_per_series: What Redis grew by, for each.
        redis_seconds: Processor time of Redis a sample, by round.
        cost: Seconds a sample when the function has all it can do, by round.
    """

    world: World
    way: DetectWay
    bytes_per_series: float
    redis_seconds: list[float] = field(default_factory=list)
    cost: list[float] = field(default_factory=list)

    def __call__(self, number: int) -> float:
        """Return seconds a sample in one round."""
        with redis.Redis.from_url(self.world.redis.url) as client:
            before = redis_processor(client)
            self.cost.append(1.0 / self.way(number))
            samples = self.way.count * self.way.sweeps.size
            self.redis_seconds.append((redis_processor(client) - before) / samples)
        return self.cost[-1]

    def figures(self, name: str) -> dict[str, float]:
        """Return medians, named for a number of series."""
        latencies = self.way.latencies
        return {
            f"scale_{name}_microseconds_per_sample": 1e6 * statistics.median(self.cost),
            f"scale_{name}_detect_processor_microseconds_per_sample": 1e6
            * statistics.median(self.way.processor),
            f"scale_{name}_redis_processor_microseconds_per_sample": 1e6
            * statistics.median(self.redis_seconds),
            f"scale_{name}_batch_p50_milliseconds": 1000 * quantile(latencies, 0.5),
            f"scale_{name}_batch_p99_milliseconds": 1000 * quantile(latencies, 0.99),
            f"scale_{name}_redis_bytes_per_series": self.bytes_per_series,
        }


def measure(now: int) -> dict[str, float]:
    """Return what few and many series cost, and the ratio.

    Args:
        now: The latest time a sample may have, unix milliseconds.
    """
    few, many = compared((FEW, MANY), now)
    ratios = [more / less for less, more in zip(few.cost, many.cost, strict=True)]
    return {
        "detect_cost_ratio_1k_to_100k_series": statistics.median(ratios),
        "redis_bytes_per_series": many.bytes_per_series,
        **few.figures("1k"),
        **many.figures("100k"),
    }


def compared(sizes: Sequence[int], now: int, rounds: int = ROUNDS) -> list[Scale]:
    """Return numbers of series, measured in rounds that take turns."""
    core, other = two_cores()
    with on_cores({other}), ExitStack() as stack:
        scales = [prepared(stack.enter_context(World({other})), core, size, now) for size in sizes]
        taking_turns({str(place): scale for place, scale in enumerate(scales)}, rounds)
    return scales


def prepared(world: World, core: int, series: int, now: int) -> Scale:
    """Return so many series, warm, with the function that serves them on a core."""
    process = world.function("detect", {core})
    sweeps = Sweeps(groups(series // MAX_SAMPLES), now - 2_000 * STEP_MS)
    with redis.Redis.from_url(world.redis.url) as client:
        before = client.info("memory")["used_memory"]
        warm_up(process.url, world.redis.url, sweeps)
        grown = client.info("memory")["used_memory"] - before
    count = max(1, _BATCHES // len(sweeps.groups))
    way = DetectWay(process, sweeps, count=count)
    return Scale(world, way, grown / series)


def redis_processor(client: "redis.Redis") -> float:
    """Return the processor seconds Redis has used."""
    used = client.info("cpu")
    return float(used["used_cpu_user"]) + float(used["used_cpu_sys"])
