"""`aiops backtest`: series files through a detector, scored row by row."""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

from local.backtest import Columns, SeriesFile, backtest, find, read_series
from local.labels import judge, read_spans, within
from local.progress import progress
from local.referee import FitNote

DAY_MS = 24 * 3_600_000
WIDE = 160
"""Columns of a table that no terminal shows."""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("backtest", help="run series files through a detector")
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="CSV files or folders")
    parser.add_argument("--timestamp-column", default="timestamp", metavar="C")
    parser.add_argument("--value-column", default="value", metavar="C")
    parser.add_argument(
        "--label-column", default="", metavar="C", help="not 0 where a row is known to be anomalous"
    )
    parser.add_argument(
        "--labels", type=Path, metavar="FILE", help="JSON: {file: [[first stamp, last stamp], ...]}"
    )
    parser.add_argument("--detector", default="baseline", metavar="NAME")
    parser.add_argument("--scores", type=Path, metavar="DIR", help="write a CSV for each file")
    parser.add_argument(
        "--plot", type=Path, metavar="DIR", help="draw a PNG for each file, and summary.png of all"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: argparse.Namespace) -> int:
    """Score, write, draw, and say what was found.

    Raises:
        Misconfigured: a file, a column or the detector is not there.
    """
    series = _read(options)
    total = sum(len(one.time) for one in series)
    with progress("rows", total, quiet=options.json) as advance:
        tested = backtest(series, options.detector, advance)
    frames = tested.frames
    if options.scores is not None:
        for one, frame in zip(series, frames, strict=True):
            _write(frame, options.scores / one.below)
    if options.plot is not None:
        _draw(series, frames, options.plot, quiet=options.json)
    summary = [_summary(one, frame) for one, frame in zip(series, frames, strict=True)]
    if options.json:
        fits = [{**asdict(fit), "file": str(series[fit.file].below)} for fit in tested.fits]
        print(json.dumps({"detector": options.detector, "files": summary, "fits": fits}))
    else:
        _show(summary)
        _tell(tested.fits)
    return 0


def _read(options: argparse.Namespace) -> list[SeriesFile]:
    columns = Columns(options.timestamp_column, options.value_column, options.label_column)
    series = [read_series(file, below, columns) for file, below in find(options.paths)]
    if options.labels is None:
        return series
    spans = read_spans(options.labels)
    return [replace(one, labelled=within(spans, one.below, one.time)) for one in series]


def _write(frame: pd.DataFrame, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    frame.to_csv(file, index=False, float_format="%.10g")


def _draw(
    series: Sequence[SeriesFile], frames: Sequence[pd.DataFrame], folder: Path, *, quiet: bool
) -> None:
    from local.plot import draw, overview

    with progress("pictures", len(series), quiet=quiet) as advance:
        for one, frame in zip(series, frames, strict=True):
            file = folder / one.below
            picture = file.with_name(file.name.split(".csv")[0] + ".png")
            draw(frame, str(one.below), picture, one.labelled)
            advance(1)
    overview([(str(o.below), f, o.labelled) for o, f in zip(series, frames, strict=True)], folder)


def _summary(one: SeriesFile, frame: pd.DataFrame) -> dict[str, Any]:
    alarm = frame["is_anomaly"].to_numpy() == 1
    labelled = np.zeros(len(alarm), dtype=bool) if one.labelled is None else one.labelled
    judged = asdict(judge(labelled, alarm))
    days = float(one.time.max() - one.time.min()) / DAY_MS if len(one.time) else 0.0
    return {
        "file": str(one.below),
        "rows": len(frame),
        "anomalies": int(alarm.sum()),
        "gaps": int(frame["value"].isna().sum()),
        "highest_score": round(float(frame["score"].max()), 4) if len(frame) else 0.0,
        "days": round(days, 2),
        "alarms": judged["alarms"],
        **({} if one.labelled is None else judged),
    }


def _show(summary: Sequence[dict[str, Any]]) -> None:
    known = [one for one in summary if "events" in one]
    names = ["rows", "gaps", "anomalies", "alarms", "a day", "top score"]
    table = Table("file", *names, *(["found", "false"] if known else []), box=None)
    for place, column in enumerate(table.columns):
        column.no_wrap, column.justify = True, "right" if place else "left"
    for one in summary:
        table.add_row(*_cells(one), *_judged([one] if "events" in one else []))
    if len(summary) > 1:
        every = _sum(summary) | {"file": f"{len(summary)} files"}
        table.add_row(*_cells(every), *_judged(known), style="bold")
    Console(highlight=False, width=None if sys.stdout.isatty() else WIDE).print(table)


def _tell(fits: Sequence[FitNote]) -> None:
    """Say what was fitted along the way, and for each way it ended the reason given last."""
    for (detector, state), some in sorted(_by_end(fits).items()):
        seconds = median(fit.seconds for fit in some)
        print(f"{detector}: {len(some)} {state}, {seconds:.2f} s each; last: {some[-1].reason}")


def _by_end(fits: Sequence[FitNote]) -> dict[tuple[str, str], list[FitNote]]:
    found: dict[tuple[str, str], list[FitNote]] = {}
    for fit in fits:
        found.setdefault((fit.detector, fit.state), []).append(fit)
    return found


def _sum(summary: Sequence[dict[str, Any]]) -> dict[str, Any]:
    added = ("rows", "gaps", "anomalies", "alarms", "days")
    return {name: sum(one[name] for one in summary) for name in added} | {
        "highest_score": max(one["highest_score"] for one in summary)
    }


def _judged(some: Sequence[dict[str, Any]]) -> list[str]:
    if not some:
        return []
    events, found, wrong = (
        sum(one[name] for one in some) for name in ("events", "found", "false_alarms")
    )
    return [f"{found} of {events}", str(wrong)]


def _cells(one: dict[str, Any]) -> list[str]:
    rate = f"{one['alarms'] / one['days']:.2f}" if one["days"] > 0 else "-"
    counts = [str(one[name]) for name in ("rows", "gaps", "anomalies", "alarms")]
    return [one["file"], *counts, rate, str(one["highest_score"])]
