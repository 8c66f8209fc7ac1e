"""What a series with a long past takes in Redis: its record, and its history where that is kept.

`python -m bench.memory` prints it, on Debian's Redis. Some series live for two weeks, a sample
every five minutes, through the real function over HTTP, with every sample kept. The others get a
copy of their records, so that what the server takes once is spread over many. History is not
copied: it grows by appending, and Redis reserves room for more, which a copy would not have.
"""

import json
import sys
import time

import redis
import yaml

from aiops.history import POINT
from bench.load import drive
from bench.machine import on_cores, two_cores
from bench.warm import copy_records
from bench.workload import Sweeps, groups, record_key
from bench.world import World
from functions.detect.config import DetectConfig, Rule
from local.servers.redis import debian_redis

SERIES = 10_000
LIVING = 500
"""One batch of them."""

DAYS = 14
KEPT_STEP_MS = 300_000
"""Of `history_step`: every sample is kept."""

_AT_ONCE = 48


def measure(now: int) -> dict[str, float]:
    """Return bytes of Redis' memory a series.

    Args:
        now: The latest time a sample may have, unix milliseconds.
    """
    core, other = two_cores()
    config = DetectConfig(rules=(Rule(keep_history=True),))
    start = now - DAYS * 24 * 3_600_000
    with on_cores({other}), World({other}, debian_redis()) as world:
        file = world.folder / "aiops.yaml"
        file.write_text(yaml.safe_dump({"detect": config.model_dump(mode="json")}))
        process = world.function("detect", {core}, {"AIOPS_CONFIG": str(file)})
        everyone = groups(SERIES // LIVING, LIVING)
        living = Sweeps(everyone[:1], start, step_ms=KEPT_STEP_MS)
        with redis.Redis.from_url(world.redis.url) as client:
            before = _used(client)
            sweeps = (now - start) // KEPT_STEP_MS
            for _ in range(sweeps // _AT_ONCE):
                drive(process.url, living.requests(process.url, _AT_ONCE), 1)
            lived = _used(client)
            places = [record_key(head) for heads in everyone for head in heads]
            copy_records(client, places[:LIVING], places[LIVING:])
            record = (_used(client) - lived) / (SERIES - LIVING)
            history = (lived - before) / LIVING - record
            return {
                "redis_bytes_per_record": record,
                "redis_bytes_per_history": history,
                "history_points": _points(client),
                "redis_bytes_per_history_point": history / _points(client),
                "redis_fragmentation": float(client.info("memory")["mem_fragmentation_ratio"]),
            }


def _used(client: "redis.Redis") -> int:
    return int(client.info("memory")["used_memory"])


def _points(client: "redis.Redis") -> float:
    """Return how many points of history a living series has."""
    kept = list(client.scan_iter(match="aiops:*:h:*", count=10_000))
    return sum(map(client.strlen, kept)) / POINT.itemsize / LIVING


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure(time.time_ns() // 1_000_000), indent=2) + "\n")
