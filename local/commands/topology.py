"""`aiops topology`: who calls whom, and whom a fault of a service affects."""

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from aiops.adapters.cloudevent import iso
from aiops.adapters.redis_client import connect
from aiops.adapters.redis_incidents import RedisIncidents
from aiops.call_table import listed
from aiops.clock import SystemClock
from aiops.errors import Misconfigured
from aiops.events import Call
from aiops.incident_store import Query
from aiops.topology import MAX_BLAST_HOPS, Topology
from functions.correlate.topology_file import read_topology
from local.places import add_domain, add_json, add_redis, keys_of, redis_of

ROWS = 50


@dataclass(frozen=True, slots=True)
class Known:
    """A topology and how old it is.

    Attributes:
        observed_at: When it was last observed, in unix milliseconds; None for that of a file.
        now: Unix milliseconds.
    """

    topology: Topology
    observed_at: int | None
    now: int

    @property
    def age(self) -> int | None:
        """Seconds since it was observed."""
        return None if self.observed_at is None else max(0, self.now - self.observed_at) // 1000


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("topology", help="who calls whom, and whom a fault affects")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="show|blast")
    show = verbs.add_parser("show", help="all calls, the busiest first")
    blast = verbs.add_parser("blast", help="who depends on a service, and how much")
    blast.add_argument("service")
    blast.add_argument("--hops", type=int, default=MAX_BLAST_HOPS, metavar="N")
    for verb in (show, blast):
        verb.add_argument("--file", type=Path, help="CSV: client, server and maybe traffic")
        add_redis(verb)
        add_domain(verb)
        verb.add_argument("--plot", type=Path, metavar="FILE", help="draw it, as .png or .svg")
        add_json(verb)


def run(options: argparse.Namespace) -> int:
    """Print the topology, or whom a fault affects; 1 where nothing is known of it.

    Raises:
        Misconfigured: nobody said where it is, or the file is wrong.
        Unavailable: Redis does not answer.
    """
    if options.plot is not None and options.plot.suffix not in {".png", ".svg"}:
        raise Misconfigured(f"--plot: neither .png nor .svg: {options.plot}")
    known = _known(options)
    if not known.topology.calls:
        sys.stderr.write("aiops topology: none is known\n")
        return 1
    if options.verb == "show":
        return _show(known, options)
    if options.service not in known.topology.services:
        sys.stderr.write(f"aiops topology: no call to or from {options.service} is known\n")
        return 1
    return _blast(known, options)


def _known(options: argparse.Namespace) -> Known:
    now = SystemClock().now()
    if options.file is not None:
        return Known(read_topology(options.file), None, now)
    url, keys = redis_of(options, "; nor is --file"), keys_of(options)
    store = RedisIncidents(connect(url), keys, options.domain)
    view = store.look(Query(now=0, dirty_before=0))
    if not view.topologies:
        return Known(Topology.of(()), None, now)
    topology = store.topology(view.topologies[-1][1])
    if not view.surveys:
        return Known(topology, None, now)
    last = view.surveys[-1]
    return Known(store.surveyed(topology, last), last.observed_at, now)


def _show(known: Known, options: argparse.Namespace) -> int:
    topology = known.topology
    calls = sorted(listed(topology), key=lambda one: (-(one.traffic or 0.0), one.client))
    if options.plot is not None:
        from local.topology_picture import draw_all

        draw_all(topology, options.plot)
    if options.json:
        about = {
            "services": len(topology.services),
            "uninstrumented": sorted(topology.uninstrumented),
            "calls": [_row(call, known) for call in calls],
        }
        print(json.dumps(_head(known) | about))
        return 0
    console = _console()
    console.print(_summary(known))
    console.print(_calls_table(calls[:ROWS], known))
    if len(calls) > ROWS:
        console.print(f"and {len(calls) - ROWS} more, in --json")
    return 0


def _blast(known: Known, options: argparse.Namespace) -> int:
    topology, service = known.topology, options.service
    affected = topology.affected(service, options.hops)
    if options.plot is not None:
        from local.topology_picture import draw_blast

        draw_blast(topology, service, affected, options.plot)
    rows = [{"service": one.service, "hops": one.hops, "share": one.share} for one in affected]
    reach = topology.dependents(service)
    if options.json:
        found = {"service": service, "affected": rows, "reached_by": reach}
        print(json.dumps(_head(known) | found))
        return 0
    table = Table("service", "calls away", "of its requests that depend on it")
    for one in affected[:ROWS]:
        share = "not known" if one.share is None else f"{one.share:.0%}"
        table.add_row(escape(one.service), str(one.hops), share)
    console = _console()
    console.print(_summary(known))
    console.print(table)
    if len(affected) > ROWS:
        console.print(f"and {len(affected) - ROWS} more, in --json")
    console.print(
        f"A fault of {escape(service)} affects {len(affected)} services within {options.hops} "
        f"calls; {reach} reach it over any number of calls."
    )
    return 0


def _head(known: Known) -> dict[str, Any]:
    observed = None if known.observed_at is None else iso(known.observed_at)
    return {
        "version": known.topology.version,
        "observed_at": observed,
        "age_seconds": known.age,
    }


def _row(call: Call, known: Known) -> dict[str, Any]:
    seen = None if call.last_seen is None else max(0, known.now - call.last_seen) // 1000
    return {
        "client": call.client,
        "server": call.server,
        "traffic": call.traffic,
        "seen_seconds_ago": seen,
        "connection": call.connection,
        "source": call.source,
    }


def _summary(known: Known) -> str:
    topology = known.topology
    age = "" if known.age is None else f", observed {_span(known.age)} ago"
    size = f"{len(topology.services)} services, {len(topology.calls)} calls"
    return f"{size}, version {topology.version}{age}"


def _calls_table(calls: list[Call], known: Known) -> Table:
    table = Table("client", "server", "requests/s", "seen", "connection", "source")
    for call in calls:
        ago = _row(call, known)["seen_seconds_ago"]
        table.add_row(
            escape(call.client),
            escape(call.server),
            "" if call.traffic is None else f"{call.traffic:.4g}",
            "" if ago is None else f"{_span(ago)} ago",
            escape(call.connection or ""),
            escape(call.source or ""),
        )
    return table


def _span(seconds: int) -> str:
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"


def _console() -> Console:
    return Console(width=None if sys.stdout.isatty() else 200, highlight=False)
