"""What can be lost, measured: crashes of Redis, failovers, and an outage longer than the retries.

Each trial has servers of its own on this machine, and `detect` writing to them as fast as it can.
A kill takes no more than the process: what Redis has handed to the kernel survives it. A power cut
would take that, too, so for those trials the append-only file is shortened to what the kernel had
put on the disk when Redis died, which it tells by page (Linux 6.5 or later).
"""

import argparse
import json
import logging
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.commits import Loss
from bench.crash import killed, power_cut, version
from bench.failover import cluster_failed_over, cost_of_wait, failed_over
from bench.outage import outlasted
from bench.power import can_tell

TRIALS = 5
Trial = Callable[[int], Loss]

LOSSES: dict[str, Trial] = {
    "kill -9, appendfsync always": lambda _: killed("always"),
    "kill -9, appendfsync everysec": lambda _: killed("everysec"),
    "kill -9, no AOF, a snapshot half-way": lambda _: killed(None),
    "failover": lambda _: failed_over(0),
    "failover, REDIS_WAIT=1": lambda _: failed_over(1),
    "failover, replica 0.3 s behind": lambda _: failed_over(0, lagging=True),
    "failover, replica 0.3 s behind, REDIS_WAIT=1": lambda _: failed_over(1, lagging=True),
    "Redis Cluster, a master killed": lambda _: cluster_failed_over(0),
    "the same, REDIS_WAIT=1": lambda _: cluster_failed_over(1),
    "the same, its replica 0.3 s behind": lambda _: cluster_failed_over(0, lagging=True),
    "the same, 0.3 s behind, REDIS_WAIT=1": lambda _: cluster_failed_over(1, lagging=True),
}

CUTS: dict[str, Trial] = {
    "power cut, appendfsync always": lambda trial: power_cut("always", _seconds(trial)),
    "power cut, appendfsync everysec": lambda trial: power_cut("everysec", _seconds(trial)),
}


def main() -> None:
    """Measure, and print tables or one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--trials", type=int, default=TRIALS, metavar="N", help="of each loss")
    options = parser.parse_args()
    logging.getLogger("local").setLevel(logging.CRITICAL)
    began = time.monotonic()
    trials = LOSSES | CUTS if can_tell() else LOSSES
    losses = {name: [trial(n) for n in range(options.trials)] for name, trial in trials.items()}
    found: dict[str, Any] = {
        "losses": {name: _summary(some) for name, some in losses.items()},
        "wait_ms": dict(zip(("none", "one_replica"), cost_of_wait(), strict=True)),
        "outage": asdict(outlasted()),
        "seconds": round(time.monotonic() - began, 1),
        "trials": options.trials,
        "server": version(),
    }
    if options.json:
        print(json.dumps(found))
    else:
        _show(found)


def _seconds(trial: int) -> float:
    """Return how long is written before the power is cut, another part of a second each time."""
    return 1.1 + 0.23 * trial


def _summary(some: Sequence[Loss]) -> dict[str, Any]:
    return {
        "acknowledged": sum(one.acknowledged for one in some),
        "events_per_second": round(
            statistics.median(one.acknowledged / one.seconds for one in some)
        ),
        "lost": _spread([one.lost for one in some]),
        "lost_ms": _spread([one.milliseconds for one in some]),
    }


def _spread(some: Sequence[float]) -> dict[str, float]:
    return {"median": round(statistics.median(some), 1), "max": round(max(some), 1)}


def _show(found: dict[str, Any]) -> None:
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)
    losses = Table(
        "crash", "answered", "events/s", "lost", "at most", "last ms", "at most", box=None
    )
    for name, one in found["losses"].items():
        losses.add_row(
            name,
            f"{one['acknowledged']}",
            f"{one['events_per_second']}",
            *(f"{one[what][which]:g}" for what in ("lost", "lost_ms") for which in one[what]),
        )
    console.print(losses)
    print("lost: events answered for and gone, and how long before the crash the first of them was")
    print("answered for; medians, and the worst trial")
    if not can_tell():
        print("power cuts: not measured, this kernel does not tell what is on disk")
    wait = found["wait_ms"]
    print(
        f"REDIS_WAIT=1: {wait['one_replica']:.2f} ms an event instead of {wait['none']:.2f}, "
        f"{wait['one_replica'] / wait['none']:.2f} times"
    )
    out = found["outage"]
    print(
        f"outage longer than the retries: {out['sent']} events, {out['dead_lettered']} dead "
        f"letters, {out['found_without']} anomalies without a redrive; {out['redriven']} "
        f"redriven, {out['found_with']} distinct anomalies of {out['published']} published"
    )
    print(f"{found['trials']} trials of each, {found['seconds']:g} s in all; {found['server']}")


if __name__ == "__main__":
    main()
