"""`aiops backfill`: learns what Prometheus knows of the time before, so that alarms need no wait.

What is learned is what `detect` would have, of what `collect` would have asked; nobody is told of
anomalies that are long past.
"""

import argparse
import json

from rich.console import Console
from rich.table import Table

from aiops.adapters.redis_client import connect
from aiops.adapters.redis_history import RedisHistory
from aiops.adapters.redis_published import RedisPublished
from aiops.adapters.redis_series import RedisSeriesStore
from aiops.adapters.redis_verdicts import RedisVerdicts
from aiops.clock import SystemClock
from aiops.errors import Misconfigured
from aiops.series import SeriesMap
from aiops.settings import read_config, read_section
from functions.collect.config import CollectConfig
from functions.detect.config import DetectConfig
from functions.detect.scoring import Scorer
from local.backfill.backfilling import Backfilling, Filled
from local.backfill.taking_over import TakingOver
from local.past import Past, asked
from local.places import (
    add_config,
    add_json,
    add_prometheus,
    add_redis,
    keys_of,
    redis_of,
)
from local.progress import progress

PARTS = 1_000
"""Of a query, for the bar."""

COLUMNS = ("samples", "new", "continued", "known", "history")


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's arguments."""
    parser = commands.add_parser(
        "backfill", help="learn what Prometheus knows of the time before, and keep it as history"
    )
    add_prometheus(parser)
    add_redis(parser)
    add_config(parser)
    parser.add_argument(
        "--again", action="store_true", help="also the queries an earlier run has done"
    )
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Fill in every query and return the exit status: 1 where one failed.

    Raises:
        Misconfigured: nobody said where Prometheus or Redis is, or a section is wrong.
        Unavailable: Redis does not answer.
    """
    sections = read_config(options.config)
    collected = read_section(sections, "collect", CollectConfig)
    past = Past(collected, read_section(sections, "series", SeriesMap))
    questions = asked(collected, options.prometheus_url)
    backfilling = _backfilling(options, past)
    now = SystemClock().now()
    times = past.times(options.since, now - collected.delay * 1000)
    if not times:
        raise Misconfigured("--since: nothing lies between then and now")
    with progress("queries", PARTS * len(questions), quiet=options.json) as advance:
        rows = [
            backfilling.run(
                question,
                times,
                again=options.again,
                progress=lambda share: advance(round(share * PARTS)),
            )
            for question in questions
        ]
    _show(rows, as_json=options.json)
    return 1 if any(row.state == "failed" for row in rows) else 0


def _backfilling(options: argparse.Namespace, past: Past) -> Backfilling:
    sections = read_config(options.config)
    judged = read_section(sections, "detect", DetectConfig)
    client, keys = connect(redis_of(options)), keys_of(options)
    return Backfilling(
        past=past,
        config=sections,
        verdicts=RedisVerdicts(client, keys),
        taking_over=TakingOver(judged, RedisSeriesStore(client, keys), RedisHistory(client, keys)),
        kinds=Scorer(judged, "").kinds,
        done=RedisPublished(client, keys),
    )


def _show(rows: list[Filled], *, as_json: bool) -> None:
    if as_json:
        told = [
            {"metric": row.metric, "state": row.state, "reason": row.reason, **row.counts}
            for row in rows
        ]
        print(json.dumps({"queries": told}))
        return
    table = Table("metric", "state", *COLUMNS, "why", box=None)
    for row in rows:
        counts = [str(row.counts.get(word, 0)) for word in COLUMNS]
        table.add_row(row.metric, row.state, *counts, row.reason)
    Console().print(table)
