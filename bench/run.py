"""`make bench`: every figure in one run, written to bench/results.json and docs/performance.md.

`--only PART` measures one part and prints it; with `--write` its figures take the place of the
old ones, and `PART_commit`, `PART_measured_at` and `PART_load_average` say that they are of a run
of their own.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping

from aiops.clock import SystemClock
from bench import (
    cold_start,
    correlate,
    correlate_scale,
    end_to_end,
    formats,
    log_lines,
    report,
    scale,
    spans,
    stages,
    throughput,
    topology,
)
from bench.machine import IDLE_LOAD, facts, two_cores
from local.functions import ROOT

PARTS: Mapping[str, Callable[[], Mapping[str, str | int | float]]] = {
    "throughput": lambda: throughput.measure(now()),
    "formats": lambda: formats.measure(now()),
    "log_lines": lambda: log_lines.measure(now()),
    "spans": lambda: spans.measure(now()),
    "stages": lambda: stages.measure(now()),
    "scale": lambda: scale.measure(now()),
    "correlate": correlate.measure,
    "topology": topology.measure,
    "correlate_scale": correlate_scale.measure,
    "cold_start": lambda: cold_start.measure(two_cores()),
    "end_to_end": end_to_end.measure,
}


def main() -> None:
    """Measure all parts, or one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=PARTS, help="measure one part and print it")
    parser.add_argument("--write", action="store_true", help="keep what `--only` measured")
    options = parser.parse_args()
    only = options.only
    figures = about()
    for name in [only] if only else PARTS:
        began = time.perf_counter()
        figures |= PARTS[name]()
        print(f"bench: {name}: {time.perf_counter() - began:.0f} s", file=sys.stderr)
    figures = report.rounded(figures)
    if not only:
        report.write(figures)
    elif options.write:
        report.write(report.merged(figures, only))
    print(json.dumps(figures, indent=2))


def about() -> dict[str, str | int | float]:
    """Return what was measured, when and where; say so if others are at work there."""
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"],  # noqa: S607 - whichever git there is
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    machine = facts()
    load = float(machine["machine_load_average_at_start"])
    if load > IDLE_LOAD:
        print(f"bench: the machine is not idle (load {load}): figures will be low", file=sys.stderr)
    return {
        "commit": commit,
        "measured_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        **machine,
    }


def now() -> int:
    """Return the time in unix milliseconds."""
    return SystemClock().now()


if __name__ == "__main__":
    main()
