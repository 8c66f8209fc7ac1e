"""A series with what was expected of it and where it alarmed, as a picture."""

from pathlib import Path

import matplotlib as mpl
import pandas as pd

mpl.use("Agg")
import matplotlib.pyplot as plt


def draw(frame: pd.DataFrame, title: str, file: Path) -> None:
    """Draw a backtest's outcome as PNG: value, band, alarms, and the score below."""
    file.parent.mkdir(parents=True, exist_ok=True)
    stamps = pd.to_datetime(frame["timestamp"], errors="coerce", utc=True)
    alarms = frame["is_anomaly"] == 1
    figure, (values, scores) = plt.subplots(
        2, 1, figsize=(12, 5), sharex=True, height_ratios=(3, 1), layout="constrained"
    )
    values.fill_between(
        stamps, frame["lower"], frame["upper"], color="#9ecae1", alpha=0.5, lw=0, label="usual"
    )
    values.plot(stamps, frame["value"], color="#1f3b57", lw=0.8, label="value")
    values.plot(stamps[alarms], frame["value"][alarms], "o", color="#d62728", ms=4, label="anomaly")
    values.set_title(title, loc="left", fontsize=10)
    values.legend(loc="upper left", frameon=False, fontsize=8, ncols=3)
    middle = frame["value"].quantile((0.001, 0.999))
    margin = 0.3 * (middle.iloc[1] - middle.iloc[0]) or 1.0
    low = min(frame["value"].min(), middle.iloc[0] - margin)
    high = max(frame["value"].max(), middle.iloc[1] + margin)
    values.set_ylim(low, high)
    scores.plot(stamps, frame["score"], color="#d62728", lw=0.8)
    scores.set_ylim(0, 1)
    scores.set_ylabel("score", fontsize=8)
    for axis in (values, scores):
        axis.spines[["top", "right"]].set_visible(False)
        axis.tick_params(labelsize=8)
    figure.savefig(file, dpi=110)
    plt.close(figure)
