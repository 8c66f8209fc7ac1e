"""`aiops backtest`: series files through a detector, scored row by row."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console
from rich.table import Table

from local.backtest import SeriesFile, backtest, find, read_series
from local.progress import progress


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("backtest", help="run series files through a detector")
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="CSV files or folders")
    parser.add_argument("--timestamp-column", default="timestamp", metavar="C")
    parser.add_argument("--value-column", default="value", metavar="C")
    parser.add_argument("--detector", default="baseline", metavar="NAME")
    parser.add_argument("--scores", type=Path, metavar="DIR", help="write a CSV for each file")
    parser.add_argument("--plot", type=Path, metavar="DIR", help="draw a PNG for each file")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: argparse.Namespace) -> int:
    """Score, write, draw, and say what was found.

    Raises:
        Misconfigured: a file, a column or the detector is not there.
    """
    series = [
        read_series(file, below, options.timestamp_column, options.value_column)
        for file, below in find(options.paths)
    ]
    total = sum(len(one.time) for one in series)
    with progress("rows", total, quiet=options.json) as advance:
        frames = backtest(series, options.detector, advance)
    for one, frame in zip(series, frames, strict=True):
        if options.scores is not None:
            _write(frame, options.scores / one.below)
        if options.plot is not None:
            from local.plot import draw

            draw(frame, str(one.below), _named(options.plot / one.below, ".png"))
    summary = [_summary(one, frame) for one, frame in zip(series, frames, strict=True)]
    if options.json:
        print(json.dumps({"detector": options.detector, "files": summary}))
    else:
        _show(summary)
    return 0


def _write(frame: pd.DataFrame, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    frame.to_csv(file, index=False, float_format="%.10g")


def _named(file: Path, suffix: str) -> Path:
    return file.with_name(file.name.split(".csv")[0] + suffix)


def _summary(one: SeriesFile, frame: pd.DataFrame) -> dict[str, Any]:
    return {
        "file": str(one.below),
        "rows": len(frame),
        "anomalies": int(frame["is_anomaly"].sum()),
        "gaps": int(frame["value"].isna().sum()),
        "highest_score": round(float(frame["score"].max()), 4) if len(frame) else 0.0,
    }


def _show(summary: Sequence[dict[str, Any]]) -> None:
    table = Table("file", "rows", "gaps", "anomalies", "highest score", box=None)
    for one in summary:
        counts = (one["rows"], one["gaps"], one["anomalies"], one["highest_score"])
        table.add_row(one["file"], *map(str, counts))
    Console(highlight=False).print(table)
