"""Every detector on labelled series, beside detectors that fit anew for every sample.

`python -m bench.detectors DATA` (see `bench.labelled`) writes the table of docs/detectors.md. The
default detector judges everything; what takes long to fit judges every nth series of each set, and
so does the default once more, to be compared.
"""

import argparse
import json
import re
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench import refit, scoring_cost
from bench.labelled import Labelled, Quality, quality, read
from bench.report import rounded
from local.backtest import SeriesFile, backtest
from local.functions import ROOT
from local.referee import FitNote

DOCUMENT = ROOT / "docs" / "detectors.md"
RESULTS = ROOT / "bench" / "results-detectors.json"

NTH = 6
"""Of what takes long, every so many series of each set are judged."""

FITTED = {"prophet": 1, "isolation_forest": 1, "luminaire": 3, "auto": 1}
"""Detectors with a model, and how many times fewer series they judge than others that take long."""

ROWS_PER_FIT = {"z_score": 1, "isolation_forest": 24, "prophet": 72}
"""How many rows one fit of a detector that fits anew serves, for its quality to be known today."""

TIMED = 20
"""Rows for which such a detector really fits anew, for what it costs."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the table.

    Attributes:
        series: How many it judged.
        rows: And how many rows.
        microseconds: A row, fits included.
        scoring_microseconds: A sample in a batch of 500, without fits; of a detector that fits anew
            for every row, the row.
        fits: How many models were fitted.
        active: How many of them were better than the baseline, and used.
        fit_seconds: Median of one.
    """

    detector: str
    series: int
    rows: int
    quality: Quality
    microseconds: float
    scoring_microseconds: float
    fits: int = 0
    active: int = 0
    fit_seconds: float = 0.0

    def figures(self) -> dict[str, str | int | float]:
        """Return its figures by name."""
        flat = {**asdict(self), **asdict(self.quality)}
        return {f"{self.detector}_{k}": v for k, v in flat.items() if k != "quality"}


def main() -> None:
    """Measure all, or some, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, metavar="DATA")
    parser.add_argument("--nth", type=int, default=NTH)
    parser.add_argument("--only", nargs="+", metavar="NAME", help="lines to measure and print")
    options = parser.parse_args()
    wanted = _wanted(read(options.data), options.nth)
    if not all(labelled.windows for _, labelled in wanted):
        parser.error("--nth: too large, no labelled window of NAB is left to some detector")
    lines: list[Line] = []
    for name, labelled in wanted:
        if options.only and name not in options.only:
            continue
        began = time.perf_counter()
        lines.append(_measured(name, labelled))
        print(f"bench: {name}: {time.perf_counter() - began:.0f} s", file=sys.stderr)
    figures = rounded({k: v for line in lines for k, v in line.figures().items()})
    if not options.only:
        RESULTS.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
        text = DOCUMENT.read_text(encoding="utf-8")
        DOCUMENT.write_text(_with_table(text, table(lines)), encoding="utf-8")
    print(table(lines))


def _wanted(every: Labelled, nth: int) -> list[tuple[str, Labelled]]:
    some = every.every(nth)
    fitted = [(name, every.every(nth * fewer)) for name, fewer in FITTED.items()]
    anew = [(f"{name}, anew for every row", some) for name in refit.DETECTORS]
    return [("baseline", every), ("baseline, the sample", some), *fitted, *anew]


def _measured(name: str, labelled: Labelled) -> Line:
    detector, _, way = name.partition(", ")
    if way == "anew for every row":
        return _anew(name, detector, labelled)
    began = time.process_time()
    tested = backtest(labelled.series, detector)
    took = time.process_time() - began
    evidence = [frame["raw"].to_numpy(np.float64) for frame in tested.frames]
    alarms = [frame["is_anomaly"].to_numpy() == 1 for frame in tested.frames]
    return _line(name, labelled, quality(labelled, evidence, alarms), took, tested.fits)


def _line(
    name: str, labelled: Labelled, found: Quality, took: float, fits: Sequence[FitNote]
) -> Line:
    rows = sum(len(one.time) for one in labelled.series)
    return Line(
        detector=name,
        series=len(labelled.series),
        rows=rows,
        quality=found,
        microseconds=1e6 * took / rows,
        scoring_microseconds=_scoring(name.partition(", ")[0]),
        fits=sum(fit.seconds > 0.05 for fit in fits),
        active=sum(fit.state == "active" and fit.detector != "baseline" for fit in fits),
        fit_seconds=statistics.median([f.seconds for f in fits if f.seconds > 0.05] or [0.0]),
    )


def _scoring(detector: str) -> float:
    """Return the cost of a sample; what is chosen for each series costs what it costs."""
    return 0.0 if detector == "auto" else scoring_cost.microseconds(detector)


def _anew(name: str, detector: str, labelled: Labelled) -> Line:
    judge, served = refit.DETECTORS[detector], ROWS_PER_FIT[detector]
    evidence = [refit.evidence(judge, one.time, one.value, served) for one in labelled.series]
    alarms: list[NDArray[np.bool_]] = [one > 1.0 for one in evidence]
    cost = _cost(judge, max(labelled.series, key=lambda one: len(one.time)))
    return Line(
        detector=name,
        series=len(labelled.series),
        rows=sum(len(one.time) for one in labelled.series),
        quality=quality(labelled, evidence, alarms),
        microseconds=1e6 * cost,
        scoring_microseconds=1e6 * cost,
    )


def _cost(judge: refit.Judge, one: SeriesFile) -> float:
    """Return the seconds of processor time of one row, the fit it takes included."""
    first = len(one.time) // 2
    rows = range(first, first + TIMED)
    began = time.process_time()
    for row in rows:
        past = np.flatnonzero(one.time[:row] > one.time[row] - refit.HISTORY_MS)
        now = slice(row, row + 1)
        judge(one.time[past], one.value[past], one.time[now], one.value[now])
    return (time.process_time() - began) / len(rows)


def table(lines: Sequence[Line]) -> str:
    """Return the lines as a table in Markdown."""
    heads = (
        "detector", "series", "NAB", "at its line", "event F1", "at its line",
        "alarms a series and day", "µs a sample", "fits (used)", "s each",
    )  # fmt: skip
    rows = [heads, ("---",) * len(heads), *map(_cells, lines)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _cells(line: Line) -> tuple[str, ...]:
    found = line.quality
    fits = f"{line.fits} ({line.active})" if line.fits else "-"
    return (
        line.detector,
        str(line.series),
        f"{found.nab:.1f}",
        f"{found.nab_at_line:.1f}",
        f"{found.f1:.2f}",
        f"{found.f1_at_line:.2f}",
        f"{found.alarms_per_day:.2f}",
        f"{line.scoring_microseconds:,.1f}" if line.scoring_microseconds else "as chosen",
        fits,
        f"{line.fit_seconds:.2f}" if line.fits else "-",
    )


def _with_table(text: str, written: str) -> str:
    """Return a document with what stands between its two marks replaced."""
    return re.sub(
        r"(?s)(<!-- table -->\n).*?(<!-- -->)", lambda m: f"{m[1]}{written}\n{m[2]}", text
    )


if __name__ == "__main__":
    main()
