"""The figures of docs/scaling.md."""

import json
from collections.abc import Mapping
from dataclasses import replace

from bench import report
from bench.autoscaler import courses
from bench.autoscaler.courses import MINUTE
from bench.autoscaler.outcome import Outcome, until_zero
from bench.autoscaler.search import SEEDS, stood
from bench.autoscaler.settings import Settings
from bench.autoscaler.trials import HOPS, RATE, Trial, loads, trickles
from bench.autoscaler.work import BATCH, lanes, partitions, work
from local.functions import ROOT

RESULTS = ROOT / "bench" / "results-scaling.json"
DOCUMENT = ROOT / "docs" / "scaling.md"
Known = Mapping[str, str | int | float]
Figures = dict[str, str | int | float]


def compared(shipped: Settings) -> dict[str, Settings]:
    """Return the settings that stand in the table of the burst."""
    return {
        "knative": Settings(),
        "target_8": replace(shipped, target=8.0, utilization=70.0, concurrency=8),
        "target_4": replace(shipped, target=4.0, utilization=70.0, concurrency=8),
        "target_2": replace(shipped, utilization=70.0),
        "shipped": shipped,
        "target_1": replace(shipped, target=1.0, utilization=70.0),
        "window_15": replace(shipped, window=15),
        "window_6": replace(shipped, window=6),
    }


def measured(shipped: Settings, known: Known) -> Figures:
    """Return every figure of the document, made from what was measured."""
    under_load = [loads(known, seed) for seed in SEEDS]
    figures: Figures = {"shipped": written(shipped)}
    for name, settings in compared(shipped).items():
        figures |= _of(f"burst_{name}", under_load[0][0].run(settings))
        stands = all(stood(settings, trials) for trials in under_load)
        figures[f"burst_{name}_stands"] = "yes" if stands else "no"
    for trial in (*under_load[0], *trickles(known)):
        figures |= _of(f"trial_{_key(trial)}", trial.run(shipped))
    for trial in trickles(known):
        figures |= _of(f"let_go_{_key(trial)}", trial.run(replace(shipped, retention=0.0)))
    return report.rounded(figures | _bounds(known) | _grown(shipped, under_load[0][0]))


def write(figures: Figures) -> None:
    """Keep the figures, and bring the document up to date."""
    RESULTS.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    text = report.filled(DOCUMENT.read_text(encoding="utf-8"), figures)
    DOCUMENT.write_text(text, encoding="utf-8")


def printed(figures: Figures) -> str:
    """Return the table of the burst as text."""
    names = ("p50_seconds", "p95_seconds", "longest_seconds", "waiting", "instances", "started")
    columns = (*names, "time", "stands")
    rows = ["".join(f"{name:>16}" for name in ("burst", *columns))]
    settings = [name for name in figures if name.startswith("burst_") and name.endswith("_stands")]
    for row in (name.removesuffix("_stands") for name in settings):
        cells = (report.shown(f"{row}_{each}", figures[f"{row}_{each}"]) for each in columns)
        rows.append(f"{row.removeprefix('burst_'):>16}" + "".join(f"{cell:>16}" for cell in cells))
    return "\n".join([*rows, f"chosen: {figures['shipped']}"])


def _of(name: str, outcome: Outcome) -> Figures:
    return {
        f"{name}_p50_seconds": outcome.delay(0.5),
        f"{name}_p95_seconds": outcome.delay(0.95),
        f"{name}_longest_seconds": outcome.delay(1.0),
        f"{name}_waiting": outcome.most_waiting,
        f"{name}_instances": outcome.most_wanted,
        f"{name}_started": len(outcome.starts),
        f"{name}_time": outcome.pod_seconds,
    }


def _bounds(known: Known) -> Figures:
    """Return what one instance and one partition carry, whatever the autoscaler does."""
    one = work(BATCH, known, HOPS)
    keyed = lanes(partitions("metrics"))
    fullest = max(keyed.count(lane) for lane in keyed) / len(keyed)
    lane = BATCH / (one.processor + one.waiting + one.hops)
    single = work(1, known, HOPS)
    return {
        "single_processor_milliseconds": 1000 * single.processor,
        "processor_microseconds_per_sample": 1e6 * one.processor / BATCH,
        "processor_milliseconds": 1000 * one.processor,
        "elsewhere_milliseconds": 1000 * (one.waiting + one.hops),
        "busy_at": 1 + (one.waiting + one.hops) / one.processor,
        "instance_samples_per_second": BATCH / one.processor,
        "lane_samples_per_second": lane,
        "redis_samples_per_second": float(known["redis_samples_per_second_one_core"]),
        "lanes_used": len(set(keyed)),
        "fullest_shards": max(keyed.count(each) for each in keyed),
        "keyed_samples_per_second": lane / fullest,
        "even_samples_per_second": lane * partitions("metrics"),
    }


def _grown(shipped: Settings, burst: Trial) -> Figures:
    """Return what comes of a burst so many times as high."""
    figures: Figures = {}
    for times in (2, 3, 4):
        course = courses.burst(times * RATE, BATCH, 5 * MINUTE)
        outcome = replace(burst, course=course).run(shipped)
        figures |= _of(f"times_{times}", outcome)
    gone = until_zero(burst.run(shipped).seconds, burst.course.lasts)
    return figures | {"gone_after_minutes": gone / MINUTE}


def _key(trial: Trial) -> str:
    return trial.name.replace(",", "").replace(" ", "_")


def written(settings: Settings) -> str:
    """Return a setting in words."""
    return (
        f"target {settings.target:g} at {settings.utilization:g} %, "
        f"{settings.concurrency} at once, {settings.most} instances at most, "
        f"window {settings.window} s, the last kept for {settings.retention / MINUTE:g} min"
    )
