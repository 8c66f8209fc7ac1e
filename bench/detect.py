"""Samples per second through `detect` in one process, beside the same work without parts of it.

The batches are decoded from bytes as they come from a broker. Redis, where it takes part, is a
process of its own and shares the machine. Medians of five rounds that take turns.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from aiops.adapters.cloudevent import read_fact
from aiops.adapters.keys import Keys
from aiops.adapters.memory_broker import MemoryPublisher
from aiops.adapters.memory_series import MemorySeriesStore
from aiops.adapters.redis_client import connect
from aiops.adapters.redis_series import RedisSeriesStore
from aiops.batching import Reading, batches
from aiops.clock import ManualClock
from aiops.events import Samples, SeriesHead
from aiops.ports import Event
from aiops.series import SeriesMap
from aiops.series_store import SeriesStore
from functions.detect.config import DetectConfig
from functions.detect.handler import DetectHandler
from functions.detect.reading import SampleReader
from functions.detect.scoring import Scorer
from local.servers.redis import choose_redis

SERIES = 8_000
MINUTES = 4
ROUNDS = 5
START = 1_767_225_600_000


def main() -> None:
    """Measure, and print a table or one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    redis = choose_redis()
    with tempfile.TemporaryDirectory() as folder:
        redis.start(Path(folder))
        try:
            redis.wait_ready()
            rates = _measure(redis.url)
        finally:
            redis.stop()
    if options.json:
        print(json.dumps({"redis": redis.description, "samples_per_second": rates}))
        return
    table = Table("", "samples/s", "ratio to detect with Redis", box=None)
    for name, rate in rates.items():
        table.add_row(name, f"{rate:,.0f}", f"{rate / rates['detect, Redis']:.1f}")
    Console(highlight=False).print(table)
    print(f"{SERIES} series, batches of one shard of about 500, {redis.description}")


def _measure(url: str) -> dict[str, float]:
    """Return the median rate of each way; all ways take turns in every round."""
    times: dict[str, list[float]] = {}
    for number in range(ROUNDS):
        ways: dict[str, Callable[[Event], object]] = {
            "decode only": lambda event: read_fact(event, Samples),
            "detect, twin in memory": _handler(MemorySeriesStore()),
            "detect, Redis": _handler(RedisSeriesStore(connect(url), Keys(f"bench{number}:"))),
        }
        for name, way in ways.items():
            for event in _events(0):
                way(event)
            events = [event for minute in range(1, MINUTES + 1) for event in _events(minute)]
            started = time.perf_counter()
            for event in events:
                way(event)
            times.setdefault(name, []).append(time.perf_counter() - started)
    return {name: SERIES * MINUTES / statistics.median(some) for name, some in times.items()}


def _handler(store: SeriesStore) -> DetectHandler:
    config = DetectConfig()
    scorer = Scorer(config, "bench")
    clock = ManualClock(START)
    reader = SampleReader(SeriesMap(), config.rule_for)
    return DetectHandler(store, MemoryPublisher(), clock, reader, config, scorer, "bench")


def _events(minute: int) -> Sequence[Event]:
    now = START + 60_000 * minute
    values = np.random.default_rng(minute).normal(100.0, 5.0, SERIES).tolist()
    readings = [
        Reading(
            SeriesHead(
                metric="requests_per_second", labels={"service": f"s{n % 400}", "pod": f"p{n}"}
            ),
            now,
            value,
        )
        for n, value in enumerate(values)
    ]
    return [message.event for message in batches(readings, SeriesMap(), "/bench", now)]


if __name__ == "__main__":
    main()
