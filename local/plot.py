"""A series with what was expected of it and where it alarmed, as a picture; many of them as one."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from local.labels import runs

mpl.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes

INK, BAND, ALARM, LABEL = "#1f3b57", "#9ecae1", "#d62728", "#f2c14e"
MOST_FILES = 200
"""Files in one overview; it says how many more there are."""

Labelled = NDArray[np.bool_] | None


def draw(frame: pd.DataFrame, title: str, file: Path, labelled: Labelled = None) -> None:
    """Draw a backtest's outcome as PNG: value, band, labels, alarms, and the score below."""
    file.parent.mkdir(parents=True, exist_ok=True)
    stamps = pd.to_datetime(frame["timestamp"], errors="coerce", utc=True)
    alarms = frame["is_anomaly"] == 1
    figure, (values, scores) = plt.subplots(
        2, 1, figsize=(12, 5), sharex=True, height_ratios=(3, 1), layout="constrained"
    )
    for number, (first, last) in enumerate([] if labelled is None else runs(labelled)):
        name = "" if number else "labelled"
        begin, end = stamps[max(0, first - 1)], stamps[min(len(stamps) - 1, last + 1)]
        values.axvspan(begin, end, color=LABEL, alpha=0.35, lw=0, label=name)
    values.fill_between(
        stamps, frame["lower"], frame["upper"], color=BAND, alpha=0.5, lw=0, label="usual"
    )
    values.plot(stamps, frame["value"], color=INK, lw=0.8, label="value")
    values.plot(stamps[alarms], frame["value"][alarms], "o", color=ALARM, ms=4, label="anomaly")
    values.set_title(title, loc="left", fontsize=10)
    values.legend(loc="upper left", frameon=False, fontsize=8, ncols=4)
    values.set_ylim(*_limits(frame))
    scores.plot(stamps, frame["score"], color=ALARM, lw=0.8)
    scores.set_ylim(0, 1)
    scores.set_ylabel("score", fontsize=8)
    for axis in (values, scores):
        _plain(axis)
    figure.savefig(file, dpi=110)
    plt.close(figure)


def overview(files: Sequence[tuple[str, pd.DataFrame, Labelled]], folder: Path) -> None:
    """Draw `summary.png`: a line for each file from its first row to its last."""
    folder.mkdir(parents=True, exist_ok=True)
    shown = files[:MOST_FILES]
    figure, axis = plt.subplots(figsize=(12, 0.8 + 0.24 * len(shown)), layout="constrained")
    for place, (_, frame, labelled) in enumerate(shown):
        rows = max(1, len(frame) - 1)
        axis.hlines(place, 0, 1, color=BAND, lw=1)
        for first, last in [] if labelled is None else runs(labelled):
            width = max(0.002, (last - first) / rows)
            axis.broken_barh([(first / rows, width)], (place - 0.35, 0.7), color=LABEL)
        at = np.flatnonzero(frame["is_anomaly"] == 1) / rows
        axis.plot(at, np.full(len(at), place), "|", color=ALARM, ms=8, mew=1.5)
    axis.set_yticks(range(len(shown)), [name for name, _, _ in shown])
    axis.set_ylim(len(shown) - 0.4, -0.6)
    axis.set_xlim(-0.005, 1.005)
    axis.set_xticks([0, 1], ["first row", "last row"])
    more = f", and {len(files) - len(shown)} more" if len(files) > len(shown) else ""
    axis.set_title(
        f"anomalies (red) and labels (yellow) in {len(shown)} files{more}", loc="left", fontsize=10
    )
    _plain(axis)
    figure.savefig(folder / "summary.png", dpi=110)
    plt.close(figure)


def _limits(frame: pd.DataFrame) -> tuple[float, float]:
    """Return what of the value axis to show: every value, and of the band what is near them."""
    middle = frame["value"].quantile((0.001, 0.999))
    margin = 0.3 * (middle.iloc[1] - middle.iloc[0]) or 1.0
    low = min(frame["value"].min(), middle.iloc[0] - margin)
    return float(low), float(max(frame["value"].max(), middle.iloc[1] + margin))


def _plain(axis: Axes) -> None:
    axis.spines[["top", "right"]].set_visible(False)
    axis.tick_params(labelsize=8)
