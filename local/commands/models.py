"""`aiops models`: which series have a fitted model, how old it is, and why others have none."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from aiops.adapters.cloudevent import iso
from aiops.adapters.keys import Keys
from aiops.adapters.redis_client import connect
from aiops.adapters.redis_models import RedisModels
from aiops.adapters.redis_training import RedisTrainingQueue
from aiops.clock import SystemClock
from aiops.errors import Misconfigured
from aiops.training import ModelStatus

STATES = ("active", "expired", "refused", "failed", "retired")
COLUMNS = ("series", "detector", "state", "made", "valid for", "figures", "reason")


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("models", help="fitted models: of which series, how good, why")
    parser.add_argument(
        "--redis-url", default=os.environ.get("REDIS_URL", ""), metavar="URL",
        help="default: REDIS_URL",
    )  # fmt: skip
    parser.add_argument("--generation", default=os.environ.get("AIOPS_GENERATION", ""))
    parser.add_argument("--state", action="append", choices=STATES, default=[])
    parser.add_argument("--metric", default="", metavar="TEXT", help="metrics that contain it")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: argparse.Namespace) -> int:
    """Print how the last fit of every series ended.

    Raises:
        Misconfigured: nobody said where Redis is.
        Unavailable: Redis does not answer.
    """
    if not options.redis_url:
        raise Misconfigured("--redis-url: not given, nor is REDIS_URL set")
    clock = SystemClock()
    keys = Keys(f"{options.generation}:" if options.generation else "")
    client = connect(options.redis_url)
    now = clock.now()
    rows = [
        row
        for row in (row_of(status, now) for status in RedisModels(client, keys, clock).statuses())
        if (not options.state or row["state"] in options.state) and options.metric in row["metric"]
    ]
    waiting = RedisTrainingQueue(client, keys).due(now)
    if options.json:
        print(json.dumps({"models": rows, "due": waiting}))
        return 0
    Console(width=None if sys.stdout.isatty() else 200).print(table(rows))
    print(f"{len(rows)} series, {waiting} requests due")
    return 0


def row_of(status: ModelStatus, now: int) -> dict[str, Any]:
    """Return what is shown of a series; an active model whose time is over is `expired`."""
    over = status.state == "active" and now >= status.until and status.detector != "baseline"
    return {
        "series": status.series,
        "metric": status.metric,
        "labels": status.labels,
        "detector": status.detector,
        "state": "expired" if over else status.state,
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
