"""Several functions on one Redis: whether they get into each other's way.

All functions share one core, Redis and the load generator the other; so the samples per second of
all together can at best stay what they are with one function, and Redis is told apart by the share
of its core that it needs.
"""

import statistics
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import redis

from bench.machine import on_cores, two_cores
from bench.rounds import ROUNDS, taking_turns
from bench.scale import redis_processor
from bench.throughput import DetectWay
from bench.warm import warm_up
from bench.workload import STEP_MS, Sweeps, groups
from bench.world import World

GROUPS = 16
SWEEPS = 12
SIZES = (1, 2, 4)


def measure(now: int) -> dict[str, float]:
    """Return samples per second of all functions together and the share of a core Redis needs.

    Args:
        now: The latest time a sample may have, unix milliseconds.
    """
    core, other = two_cores()
    found: dict[str, float] = {}
    with on_cores({other}), World({other}) as world:
        processes = [world.function("detect", {core}) for _ in range(max(SIZES))]
        sweeps = Sweeps(groups(GROUPS), now - 2_000 * STEP_MS)
        warm_up(processes[0].url, world.redis.url, sweeps)
        shares: dict[str, list[float]] = {str(size): [] for size in SIZES}

        def fleet(size: int) -> float:
            """Return the rate of so many functions, each with series of its own."""
            parts = [
                DetectWay(process, Sweeps(sweeps.groups[place::size], sweeps.now), 1, SWEEPS)
                for place, process in enumerate(processes[:size])
            ]
            sweeps.now += SWEEPS * STEP_MS
            with redis.Redis.from_url(world.redis.url) as client:
                before = redis_processor(client)
                seconds = _together(parts)
                shares[str(size)].append((redis_processor(client) - before) / seconds)
            return SWEEPS * sweeps.size / seconds

        ways = {str(size): lambda _, size=size: fleet(size) for size in SIZES}
        rates = taking_turns(ways, ROUNDS)
    for size in ways:
        found[f"fleet_{size}_samples_per_second"] = statistics.median(rates[size])
        found[f"fleet_{size}_redis_processor_share"] = statistics.median(shares[size])
    return found


def _together(parts: Sequence[DetectWay]) -> float:
    """Return the seconds until the last of some functions is done."""
    with ThreadPoolExecutor(len(parts)) as pool:
        rates: list[float] = list(pool.map(lambda part: part(0), parts))
    return max(
        part.sweeps.size * part.count / rate for part, rate in zip(parts, rates, strict=True)
    )
