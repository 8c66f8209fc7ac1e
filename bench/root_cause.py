"""Every ranker, and a correlator as it is often written first, on faults whose cause is known.

`python -m bench.root_cause [--data RECORDING]` writes the tables of docs/root-cause.md: on a
recorded day, where one is given, and on generated systems with other seeds. Detection runs once
for all, with the shipped configuration.
"""

import argparse
import json
import re
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from functools import partial
from itertools import pairwise
from pathlib import Path
from statistics import median

from aiops.events import Anomaly, Evidence, Incident, Role
from aiops.topology import Topology
from bench import plain_correlator
from bench.recall import Line, part, pooled, table
from bench.report import rounded
from bench.tape import Tape, play, taped
from functions.correlate.config import CorrelateConfig
from functions.correlate.rankers.evidence import Ranker
from functions.correlate.ranking import Case
from local.functions import ROOT
from local.recording import read_recording
from local.scenario.campaign import campaign

DOCUMENT = ROOT / "docs" / "root-cause.md"
RESULTS = ROOT / "bench" / "results-root-cause.json"

RANKERS = ("evidence", "robust", "traversal", "first_saturation")
PLAIN = "as often written first"

FAMILY = ((30, 15, 24), (100, 20, 20), (300, 30, 18))
"""Services, seconds from sample to sample, and faults of each generated system."""

SEEDS = (1, 101, 201)
"""The first seed of each family; each of its systems has the next. Of the first one only anything
was looked at while rankers were written."""

LARGE = 4_000
"""Services around a hub, for what ranking costs at worst."""


def main() -> None:
    """Measure, and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="a recorded day with faults")
    parser.add_argument("--seeds", type=int, nargs="*", default=SEEDS)
    options = parser.parse_args()
    tables: dict[str, list[Line]] = {}
    if options.data is not None:
        day = _taped("recorded day", lambda: taped(read_recording(options.data)))
        tables["recorded"] = _lines([day], settled=True)
    for name, seeds in (("generated", options.seeds[:1]), ("unseen", options.seeds[1:])):
        if seeds:
            tapes = [tape for seed in seeds for tape in _family(seed)]
            tables[name] = _lines(tapes, settled=False)
    known = json.loads(RESULTS.read_bytes()) if RESULTS.is_file() else {}
    known |= {name: [_figures(line) for line in lines] for name, lines in tables.items()}
    known["worst_ranking_milliseconds"] = float(f"{1000 * worst_ranking():.3g}")
    RESULTS.write_text(json.dumps(known, indent=2) + "\n", encoding="utf-8")
    text = DOCUMENT.read_text(encoding="utf-8")
    for name, lines in tables.items():
        text = _with_table(text, name, table(lines))
        print(name, table(lines), sep="\n")
    text = _with_table(text, "cost", f"{known['worst_ranking_milliseconds']} ms")
    DOCUMENT.write_text(text, encoding="utf-8")


def worst_ranking() -> float:
    """Return the seconds the default takes with all the evidence kept, everything calling a hub."""
    names = [f"s{number}" for number in range(LARGE)]
    around = [(name, "hub") for name in names] + [("hub", f"x{name}") for name in names]
    topology = Topology.of(around + list(pairwise(names)))
    roles: tuple[Role, ...] = ("errors", "traffic", "saturation", "edge_client")
    kept = CorrelateConfig().max_series
    evidence = [_evidence(number, roles[number % len(roles)]) for number in range(kept)]
    ranker = Ranker()
    took = []
    for _ in range(9):
        began = time.perf_counter()
        ranker.rank(Case(evidence, topology, ()))
        took.append(time.perf_counter() - began)
    return median(took)


def _evidence(number: int, role: Role) -> Evidence:
    service = "hub" if number % 5 == 0 else f"s{number}"
    edge = (f"s{number}", "hub") if role == "edge_client" else None
    peak = Anomaly(
        id=str(number), domain="d", series=f"{number:032x}", metric=role, labels={},
        service="hub" if edge else service, role=role, edge=edge, time=number,
        value=0.0 if role == "traffic" else 2.0, expected=1.0, lower=0.9, upper=1.1,
        detector="baseline", evidence=3.0, alarm_line=1.0, score=0.7, severity=3, reason="new",
    )  # fmt: skip
    return Evidence(first=number, last=number, count=1, peak=peak)


def _family(seed: int) -> Iterable[Tape]:
    for number, (services, step, faults) in enumerate(FAMILY):
        drawn = seed + number

        def made(drawn: int = drawn, services: int = services, step: int = step,
                 faults: int = faults) -> Tape:  # fmt: skip
            return taped(campaign(drawn, services=services, step=step, faults=faults))

        yield _taped(f"{services} services, seed {drawn}", made)


def _taped(name: str, make: Callable[[], Tape]) -> Tape:
    began = time.perf_counter()
    tape = make()
    print(f"bench: {name}: detection {time.perf_counter() - began:.0f} s", file=sys.stderr)
    return tape


def _lines(tapes: Sequence[Tape], *, settled: bool) -> list[Line]:
    ways: dict[str, Callable[[Tape], tuple[Incident, ...]]] = {
        ranker: partial(play, ranker=ranker) for ranker in RANKERS
    }
    ways[PLAIN] = lambda tape: plain_correlator.incidents(tape.arrivals(), tape.topology)
    return [
        pooled(name, [part(tape, tape.judged(way(tape)), settled=settled) for tape in tapes])
        for name, way in ways.items()
    ]


def _figures(line: Line) -> dict[str, str | int | float]:
    return rounded(asdict(line))


def _with_table(text: str, name: str, written: str) -> str:
    """Return a document with what stands between the marks of a table replaced."""
    marks = rf"(?s)(<!-- {name} -->\n).*?(\n<!-- -->)"
    return re.sub(marks, lambda match: match[1] + written + match[2], text)


if __name__ == "__main__":
    main()
