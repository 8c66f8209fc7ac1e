"""Samples per second through `detect` over HTTP with Redis, beside what else could be done.

Variant A: the function has one core; Redis, the broker and the load generator share the other.
Variant B: all of them share one core, the other is idle. References run as in variant A.
"""

import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import redis

from aiops.events import SeriesHead
from bench.load import drive
from bench.machine import on_cores, two_cores
from bench.rounds import Way, medians, taking_turns
from bench.tally import Tally
from bench.warm import warm_up
from bench.workload import STEP_MS, Sweeps, groups
from bench.world import World, processor_seconds
from local.functions import FunctionProcess

GROUPS = 16
SWEEPS = 10
CONNECTIONS = 2
"""One request is worked on while the next arrives; more only wait for the same core."""

REFIT_SERIES = 4
REFIT_HISTORY = 1_000


@dataclass(slots=True)
class DetectWay:
    """A process of `detect`, driven with ever later samples of warm series.

    Attributes:
        sweeps: Shared by all ways that share the series.
        mixed: Whether each batch holds other series than the one before it.
        processor: Seconds of the function's own processor time a sample, by round.
        latencies: Seconds of every request.
        anomalies: Found so far.
    """

    process: FunctionProcess
    sweeps: Sweeps
    connections: int = CONNECTIONS
    count: int = SWEEPS
    mixed: bool = False
    processor: list[float] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    anomalies: int = 0

    def __call__(self, _: int) -> float:
        """Return the samples per second of one round; all must have been accepted."""
        requests = self.sweeps.requests(self.process.url, self.count, mixed=self.mixed)
        samples = self.count * self.sweeps.size
        tally, pid = Tally(self.process.log), self.process.pid or 0
        before = processor_seconds(pid)
        apart = len(self.sweeps.groups)
        timing = drive(self.process.url, requests, self.connections, apart)
        self.processor.append((processor_seconds(pid) - before) / samples)
        self.latencies += timing.latencies
        self.anomalies += tally.all_accepted(samples)
        return samples / timing.seconds


def measure(now: int) -> dict[str, float]:
    """Return the medians of all ways.

    Args:
        now: The latest time a sample may have, unix milliseconds.
    """
    core, other = two_cores()
    with on_cores({other}), World({other}) as world:
        sweeps = Sweeps(groups(GROUPS), now - 2_000 * STEP_MS)
        own = world.function("detect", {core})
        alone, mixed = DetectWay(own, sweeps), DetectWay(own, sweeps, mixed=True)
        together = DetectWay(world.function("detect", {other}), sweeps)
        warm_up(own.url, world.redis.url, sweeps)
        together(0)
        ways: dict[str, Way] = {
            "detect_samples_per_second": alone,
            "detect_samples_per_second_one_core": together,
            "detect_mixed_batches_samples_per_second": mixed,
            "reference_bare_function_samples_per_second": _reference(world, "bare", core, sweeps),
            "reference_decode_only_samples_per_second": _reference(world, "decode", core, sweeps),
            "reference_refit_samples_per_second": _refit(world, core, sweeps),
        }
        found = medians(taking_turns(ways))
    found["detect_processor_microseconds_per_sample"] = 1e6 * statistics.median(alone.processor)
    found["detect_anomalies_in_these_rounds"] = alone.anomalies + together.anomalies
    return found


def _reference(world: World, name: str, core: int, sweeps: Sweeps) -> Way:
    """Return the way of a function without state, which may get the same requests every time."""
    process = world.function(name, {core})
    requests = Sweeps(sweeps.groups, sweeps.now).requests(process.url, SWEEPS)

    def way(_: int) -> float:
        timing = drive(process.url, requests, CONNECTIONS)
        return SWEEPS * sweeps.size / timing.seconds

    return way


def _refit(world: World, core: int, sweeps: Sweeps) -> Way:
    """Return the way that fits a model a sample: a few samples of series with a long history."""
    process = world.function("refit", {core})
    few = Sweeps([sweeps.groups[0][:REFIT_SERIES]], sweeps.now)
    _give_history(world.redis.url, few.groups[0], few.now)

    def way(_: int) -> float:
        timing = drive(process.url, few.requests(process.url, 1), 1)
        return few.size / timing.seconds

    return way


def _give_history(url: str, heads: Sequence[SeriesHead], now: int) -> None:
    """Store the past of some series as `refit` keeps it."""
    values = np.random.default_rng(1).normal(100.0, 5.0, (len(heads), REFIT_HISTORY)).tolist()
    times = range(now - REFIT_HISTORY * STEP_MS, now, STEP_MS)
    with redis.Redis.from_url(url) as client:
        for head, mine in zip(heads, values, strict=True):
            name = json.dumps(head.model_dump(), sort_keys=True)
            client.set(f"refit:{name}", json.dumps(list(zip(times, mine, strict=True))))
