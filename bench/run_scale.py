"""`make bench-scale`: up to a million series, several functions, and what one Redis carries.

Writes bench/results-scale.json and brings docs/performance.md up to date. `--only PART` measures
one part and prints it, writing nothing.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping

from bench import capacity, fleet, report, scale
from bench.machine import available_memory
from bench.run import about, now

SIZES = {"1k": 1_000, "10k": 10_000, "100k": 100_000, "1m": 1_000_000}
NEEDED_BYTES = 7_000
"""For each series: 2 kB in Redis, the rest in the function and in the load generator."""

LEAST_AVAILABLE = 4 << 30
"""No size is tried that would leave the machine less memory than this."""

ROUNDS = 3


def main() -> None:
    """Measure all parts, or one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=PARTS, help="measure one part and print it")
    only = parser.parse_args().only
    figures = {f"scale_{name}": figure for name, figure in about().items()}
    for name in [only] if only else PARTS:
        began = time.perf_counter()
        figures |= PARTS[name]()
        print(f"bench: {name}: {time.perf_counter() - began:.0f} s", file=sys.stderr)
    figures = report.rounded(figures)
    if not only:
        report.write(figures, report.SCALE_RESULTS)
    print(json.dumps(figures, indent=2))


def sizes() -> dict[str, float | int | str]:
    """Return what a sample costs and a series takes, for every size there is memory for."""
    fitting = _fitting()
    found: dict[str, float | int | str] = {"scale_largest_series": max(fitting.values())}
    scales = scale.compared(list(fitting.values()), now(), ROUNDS)
    for name, one in zip(fitting, scales, strict=True):
        found |= {f"long_{key}": figure for key, figure in one.figures(name).items()}
    return found


def _fitting() -> dict[str, int]:
    room = (available_memory() - LEAST_AVAILABLE) // NEEDED_BYTES
    found: dict[str, int] = {}
    for name, size in SIZES.items():
        if size > room - sum(found.values()):
            print(f"bench: no memory for {size} series", file=sys.stderr)
            break
        found[name] = size
    return found


PARTS: Mapping[str, Callable[[], Mapping[str, float | int | str]]] = {
    "sizes": sizes,
    "fleet": lambda: fleet.measure(now()),
    "capacity": lambda: capacity.measure(now()),
}


if __name__ == "__main__":
    main()
