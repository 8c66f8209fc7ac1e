"""`aiops models`: which series have a fitted model, how old it is, and why others have none.

How a fit ended is noted by who fitted; whether its model is still believed, and how far a series
is learned, stands in the series' record.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from aiops.adapters.cloudevent import iso
from aiops.adapters.redis_client import connect
from aiops.adapters.redis_models import RedisModels
from aiops.adapters.redis_series import RedisSeriesStore
from aiops.adapters.redis_training import RedisTrainingQueue
from aiops.clock import SystemClock
from aiops.detection import StateArray
from aiops.events import SeriesHead
from aiops.series import SeriesMap
from aiops.settings import read_config, read_section
from aiops.training import ModelStatus
from functions.detect.account import learning
from functions.detect.config import DetectConfig
from functions.detect.record import header_of
from functions.detect.scoring import Scorer
from local.places import add_config, add_json, add_redis, keys_of, redis_of

STATES = ("active", "expired", "refused", "failed", "retired")
COLUMNS = ("series", "detector", "state", "made", "valid for", "learning", "figures", "reason")


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("models", help="fitted models: of which series, how good, why")
    add_redis(parser)
    add_config(parser)
    parser.add_argument("--state", action="append", choices=STATES, default=[])
    parser.add_argument("--metric", default="", metavar="TEXT", help="metrics that contain it")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Print how the last fit of every series ended.

    Raises:
        Misconfigured: nobody said where Redis is, or a section of the configuration is wrong.
        Unavailable: Redis does not answer.
    """
    url, keys = redis_of(options), keys_of(options)
    sections = read_config(options.config)
    config = read_section(sections, "detect", DetectConfig)
    names = read_section(sections, "series", SeriesMap)
    clock = SystemClock()
    client = connect(url)
    now = clock.now()
    statuses = RedisModels(client, keys, clock).statuses()
    store = RedisSeriesStore(client, keys)
    records = store.load([(one.shard, one.series) for one in statuses], (), 0).records
    kinds = Scorer(config, "").kinds
    rows = []
    for status, record in zip(statuses, records, strict=True):
        header = None if record is None else header_of(record, kinds)
        row = row_of(status, header, now)
        series = names.read(SeriesHead(metric=status.metric, labels=status.labels))
        row["learning"] = "" if isinstance(series, str) else learning(config, series, header, now)
        if (not options.state or row["state"] in options.state) and options.metric in row["metric"]:
            rows.append(row)
    waiting = RedisTrainingQueue(client, keys).due(now)
    if options.json:
        print(json.dumps({"models": rows, "due": waiting}))
        return 0
    Console(width=None if sys.stdout.isatty() else 200).print(table(rows))
    print(f"{len(rows)} series, {waiting} requests due")
    return 0


def row_of(status: ModelStatus, header: StateArray | None, now: int) -> dict[str, Any]:
    """Return what is shown of a series.

    A model that was put into use is `retired` once it was given up, by drift or by a verdict, and
    `expired` once its time is over.

    Args:
        status: How its last fit ended.
        header: Of its record, shape (1,); None where there is none any more.
        now: Unix milliseconds.
    """
    state: str = status.state
    if state == "active" and status.detector != "baseline":
        if header is not None and int(header["model"][0]) <= -status.made_at:
            state = "retired"
        elif now >= status.until:
            state = "expired"
    return {
        "series": status.series,
        "metric": status.metric,
        "labels": status.labels,
        "detector": status.detector,
        "state": state,
        "made_at": iso(status.made_at),
        "age_seconds": (now - status.made_at) // 1000,
        "until": iso(status.until),
        "valid_seconds": max(0, (status.until - now) // 1000),
        "quality": status.quality,
        "reason": status.reason,
    }


def table(rows: Sequence[dict[str, Any]]) -> Table:
    """Return the rows as people read them, by metric and labels."""
    made = Table(*COLUMNS)
    for row in sorted(rows, key=lambda one: (one["metric"], sorted(one["labels"].items()))):
        labels = ", ".join(f"{name}={value}" for name, value in sorted(row["labels"].items()))
        made.add_row(
            escape(f"{row['metric']}{{{labels}}}"),
            row["detector"],
            row["state"],
            f"{_span(row['age_seconds'])} ago",
            _span(row["valid_seconds"]) if row["state"] == "active" else "",
            row["learning"],
            ", ".join(f"{name} {value:.4g}" for name, value in row["quality"].items()),
            escape(row["reason"]),
        )
    return made


def _span(seconds: int) -> str:
    """Return a length of time in its two largest units, such as `1d 4h`."""
    parts = []
    for unit, length in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        count, seconds = divmod(max(0, seconds), length)
        if count:
            parts.append(f"{count}{unit}")
    return " ".join(parts[:2]) or "0s"
