"""What fitting costs: series after series through the worker of `train`, on one core.

`python -m bench.fits --series 500 --detector prophet` fits models to made-up series of 14 days at
5 minutes, each held against the baseline as always, and prints seconds per series, the most
memory the worker used, and how many models were better. Seconds of processor time are told beside
those of the clock, which others on the machine lengthen. `--out FILE --minutes 4` goes on where
the last run ended, and ends in time.
"""

import argparse
import json
import os
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from aiops.history import History
from bench.machine import facts
from functions.train.config import TrainConfig
from functions.train.fit import DAY_MS
from functions.train.procedure import Task
from functions.train.workshop import MIB, Limits, Workshop

NOW = 1_767_225_600_000
STEP_MS = 300_000
DAYS = 14


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print the figures of all that was measured so far."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, default=500)
    parser.add_argument("--detector", default="prophet")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--out", type=Path, default=None, metavar="FILE")
    options = parser.parse_args(arguments)
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    rows = [] if options.out is None or not options.out.exists() else _read(options.out)
    left = range(len(rows), options.series)
    rows += _measured(options.detector, left, time.monotonic() + 60.0 * options.minutes)
    if options.out is not None:
        options.out.write_text(json.dumps(rows), encoding="utf-8")
    print(json.dumps(figures(rows) | facts(), indent=2))


def figures(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return what is told of fits; the first of a process, which pays for imports, on its own."""
    first = [row["processor"] for row in rows if row["first"]]
    found: dict[str, Any] = {"series": len(rows), "processor_seconds_first": round(max(first), 2)}
    for kind in ("processor", "seconds"):
        later = np.array([row[kind] for row in rows if not row["first"]])
        found[f"{kind}_median"] = round(float(np.median(later)), 3)
        found[f"{kind}_p95"] = round(float(np.quantile(later, 0.95)), 3)
        found[f"{kind}_total"] = round(float(sum(row[kind] for row in rows)), 1)
    return found | {
        "peak_mib": max(row["peak_mib"] for row in rows),
        "outcomes": dict(Counter(row["outcome"] for row in rows)),
        "artefact_bytes": int(np.median([row["bytes"] for row in rows if row["bytes"]] or [0])),
    }


def made_up(seed: int) -> History:
    """Return a series with a daily course, mostly a weekly one, noise and some gaps."""
    random = np.random.default_rng(seed)
    at = np.arange(NOW - DAYS * DAY_MS, NOW, STEP_MS)
    angle = 2 * np.pi * (at / DAY_MS + random.random())
    day = np.sin(angle) + 0.4 * random.random() * np.sin(2 * angle + random.random())
    weekend = ((at // DAY_MS + 3) % 7 >= 5) * random.choice([0.0, 0.3, 0.6])
    level = 10.0 ** random.uniform(-2, 5)
    noise = random.normal(0, random.uniform(0.02, 0.15), len(at))
    value = level * (1.0 + 0.4 * day * (1.0 - weekend) - 0.3 * weekend + noise)
    kept = random.random(len(at)) > 0.01
    return History(at[kept], value[kept])


def _measured(detector: str, seeds: Sequence[int], end: float) -> list[dict[str, Any]]:
    config = TrainConfig()
    limits = Limits(config.seconds_for(detector), config.memory * MIB)
    workshop = Workshop()
    rows = []
    for place, seed in enumerate(seeds):
        if time.monotonic() > end:
            break
        used = _processor_seconds(workshop)
        task = Task(f"{seed:032x}", detector, config.params_for(detector, {}), NOW, made_up(seed))
        done = workshop.fit(task, limits, lambda _: None)
        rows.append(
            {
                "seconds": done.seconds,
                "processor": _processor_seconds(workshop) - used,
                "peak_mib": round(done.peak / MIB),
                "outcome": done.outcome.state,
                "bytes": len(done.outcome.artefact),
                "first": place == 0,
            }
        )
    workshop.close()
    return rows


def _processor_seconds(workshop: Workshop) -> float:
    """Return what the worker and all it started have used; 0 where there is none yet.

    Source: proc(5), /proc/pid/stat, fields 14 to 17.
    """
    if workshop.pid is None:
        return 0.0
    stat = Path(f"/proc/{workshop.pid}/stat").read_text(encoding="ascii").rpartition(")")[2]
    return sum(int(ticks) for ticks in stat.split()[11:15]) / os.sysconf("SC_CLK_TCK")


def _read(file: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))
    return rows


if __name__ == "__main__":
    main()
