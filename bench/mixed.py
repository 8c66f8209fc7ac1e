"""Samples per second where a third each of the series has the baseline, a band and a forest.

`python -m bench.mixed` prints them, beside the baseline alone; both take turns, the function on one
core, all else on the other. The forest is one that `train` fitted, the band is as long as a fitted
one; each series has its own copy.
"""

import json
import statistics
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import redis
import yaml

from aiops.adapters.keys import Keys
from aiops.adapters.redis_changes import RedisChanges
from aiops.adapters.redis_models import RedisModels
from aiops.adapters.redis_series import RedisSeriesStore
from aiops.adapters.redis_verdicts import RedisVerdicts
from aiops.artefact import Artefact
from aiops.clock import SystemClock
from aiops.events import ModelFitted, SeriesHead
from aiops.history import History
from aiops.ports import Event
from aiops.selector import Selector
from aiops.series import SeriesMap
from bench.load import drive
from bench.machine import on_cores, two_cores
from bench.rounds import medians, taking_turns
from bench.throughput import GROUPS, DetectWay
from bench.warm import warm_up
from bench.workload import DEVIATION, LEVEL, STEP_MS, Sweeps, groups
from bench.world import World
from functions.detect.config import DetectConfig, Rule
from functions.detect.control import Control
from functions.detect.scoring import Scorer
from functions.train.fit import Span
from functions.train.fits.isolation_forest import Fit

HOUR_MS = 3_600_000
GRID_MS = 300_000
HOURS = 36
GENERATION = "mixed"
LIVED = 105
"""Sweeps before anything is measured: the baseline is past the samples it only learns from."""

RULES = (
    Rule(match=Selector(labels={"pod": ".*[0-4]"}), detector="prophet"),
    Rule(match=Selector(labels={"pod": ".*[5-9]"}), detector="isolation_forest"),
)
_NAMES = SeriesMap()


def measure(now: int) -> dict[str, float]:
    """Return the medians of both ways.

    Args:
        now: The latest time a sample may have, unix milliseconds.
    """
    core, other = two_cores()
    config = DetectConfig(rules=RULES)
    with on_cores({other}), World({other}) as world:
        plain = Sweeps(groups(GROUPS), now - 1_000 * STEP_MS)
        alone = DetectWay(world.function("detect", {core}), plain)
        warm_up(alone.process.url, world.redis.url, plain)
        file = world.folder / "aiops.yaml"
        file.write_text(yaml.safe_dump({"detect": config.model_dump(mode="json")}))
        environ = {"AIOPS_CONFIG": str(file), "AIOPS_GENERATION": GENERATION}
        mixed = Sweeps(groups(GROUPS), now - 1_000 * STEP_MS)
        ways = {
            "plain": alone,
            "mixed": DetectWay(world.function("detect", {core}, environ), mixed),
        }
        url = ways["mixed"].process.url
        drive(url, mixed.requests(url, LIVED), 1)
        shares = _give_models(world.redis.url, config, mixed)
        drive(url, mixed.requests(url, 2), 1)
        found = medians(taking_turns(ways))
    figures = {f"{name}_samples_per_second": rate for name, rate in found.items()}
    for name, way in ways.items():
        micros = 1e6 * statistics.median(way.processor)
        figures[f"{name}_processor_microseconds_per_sample"] = micros
        figures[f"{name}_anomalies"] = way.anomalies
    return figures | shares


def _give_models(url: str, config: DetectConfig, sweeps: Sweeps) -> dict[str, float]:
    """Store a model for each series that is to have one; return the share of every detector."""
    keys, clock = Keys(f"{GENERATION}:"), SystemClock()
    made = {"prophet": _band(sweeps.now), "isolation_forest": _forest(sweeps.now)}
    counts = dict.fromkeys((*made, "baseline"), 0)
    with redis.Redis.from_url(url) as client:
        models = RedisModels(client, keys, clock)
        store, kinds = RedisSeriesStore(client, keys), Scorer(config, "bench").kinds
        control = Control(
            store, RedisVerdicts(client, keys), RedisChanges(client, keys), clock, kinds
        )
        for head in (head for heads in sweeps.groups for head in heads):
            name = _detector(config, head)
            counts[name] += 1
            if name in made:
                _fit(models, control, head, made[name])
    return {f"share_{name}": count / sweeps.size for name, count in counts.items()}


def _detector(config: DetectConfig, head: SeriesHead) -> str:
    series = _NAMES.read(head)
    if isinstance(series, str):
        raise TypeError(series)
    return config.rule(config.rule_for(series)).detector


def _fit(models: RedisModels, control: Control, head: SeriesHead, artefact: Artefact) -> None:
    series = _NAMES.read(head)
    if isinstance(series, str):
        raise TypeError(series)
    mine = replace(artefact, series=series.key)
    models.put(series.shard, series.key, mine.made_at, mine.until, mine.pack())
    fact = ModelFitted(series=series.key, made_at=mine.made_at, until=mine.until)
    data = fact.model_dump_json().encode()
    control(Event(series.key, "/bench", ModelFitted.type, mine.made_at, data))


def _band(now: int) -> Artefact:
    grid = np.full(HOURS * HOUR_MS // GRID_MS, LEVEL, np.float32)
    half = np.float32(8 * DEVIATION)
    arrays = {"expected": grid, "lower": grid - half, "upper": grid + half}
    params = {"start": now - HOUR_MS, "step": GRID_MS}
    until = now + (HOURS - 2) * HOUR_MS
    return Artefact("", "band", "prophet", now, until, params=params, arrays=arrays)


def _forest(now: int) -> Artefact:
    time = now - GRID_MS * np.arange(4_000, 0, -1, dtype=np.int64)
    value = np.random.default_rng(1).normal(LEVEL, DEVIATION, len(time))
    until = now + HOURS * HOUR_MS
    model = Fit().fit(History(time, value), Span(now, until, 14.0), lambda _: None)
    return Artefact(
        "", model.kind, "isolation_forest", now, until, params=model.params, arrays=model.arrays
    )


def main(_: Sequence[str] = ()) -> None:
    """Measure and print."""
    print(json.dumps(measure(SystemClock().now()), indent=2))


if __name__ == "__main__":
    main()
