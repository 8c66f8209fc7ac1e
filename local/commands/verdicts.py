"""`aiops verdicts`: what people said of anomalies and of causes, as data."""

import argparse
import csv
import sys
from collections.abc import Iterable, Iterator, Sequence

from aiops.adapters.cloudevent import iso
from aiops.adapters.redis_client import connect
from aiops.adapters.redis_incidents import RedisIncidents
from aiops.adapters.redis_verdicts import RedisVerdicts
from aiops.verdicts import CauseGiven, Given
from local.places import add_domain, add_redis, keys_of, redis_of

COLUMNS = (
    "series", "timestamp", "label", "verdict", "detector", "evidence", "given_by", "given_at"
)  # fmt: skip


CAUSE_COLUMNS = (
    "incident", "cause", "suspects", "right", "score", "ranker", "given_by", "given_at"
)  # fmt: skip


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's arguments."""
    parser = commands.add_parser(
        "verdicts", help="what people said of anomalies and causes, as data"
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    exporting = actions.add_parser("export", help="print a CSV: series, timestamp, label 1 or 0")
    exporting.add_argument("--series", default="", metavar="KEY", help="of one series only")
    judging = actions.add_parser("causes", help="print a CSV: incident, cause, suspects")
    add_domain(judging)
    for each in (exporting, judging):
        add_redis(each)


def run(options: argparse.Namespace) -> int:
    """Print the verdicts in force, sorted by series and time; 1 where there are none.

    Raises:
        Misconfigured: nobody said where Redis is.
        Unavailable: Redis does not answer.
    """
    url, keys = redis_of(options), keys_of(options)
    client = connect(url)
    writer = csv.writer(sys.stdout, lineterminator="\n")
    rows: Sequence[tuple[str | int | float, ...]]
    if options.action == "causes":
        writer.writerow(CAUSE_COLUMNS)
        rows = [cause_row(one) for one in RedisIncidents(client, keys, options.domain).causes()]
    else:
        writer.writerow(COLUMNS)
        rows = sorted(rows_of(RedisVerdicts(client, keys).everything(), options.series))
    writer.writerows(rows)
    return 0 if rows else 1


def cause_row(given: CauseGiven) -> tuple[str | int | float, ...]:
    """Return a row of `CAUSE_COLUMNS`; right is 1 where the first suspect was the cause."""
    right = int(given.suspects[:1] == (given.cause,))
    named = " ".join(given.suspects)
    said = (given.ranker, given.given_by, iso(given.given_at))
    return given.incident, given.cause or "", named, right, given.score, *said


def rows_of(
    said: Iterable[tuple[str, tuple[Given, ...]]], series: str = ""
) -> Iterator[tuple[str | int | float, ...]]:
    """Yield a row of `COLUMNS` for every verdict in force; what was expected is no anomaly."""
    for key, verdicts in said:
        for one in verdicts:
            if one.verdict == "withdrawn" or (series and series != key):
                continue
            label = int(one.verdict == "anomaly")
            given = (one.verdict, one.detector, one.evidence, one.given_by, iso(one.given_at))
            yield key, iso(one.time), label, *given
