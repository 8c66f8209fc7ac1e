"""Detectors as they are often written first: history in, a model fitted anew, one answer.

Each says how far the row after its history lies from what it knows, 1 at its usual line. To judge
many rows in bearable time one fit may serve the rows up to the next one; a row is then judged by a
model that is up to so many rows old, which is to its advantage in a fault that lasts.
"""

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Times = NDArray[np.int64]

LEAST_HISTORY = 20
HISTORY_MS = 24 * 3_600_000
Z_WINDOW, Z_LINE = 100, 3.0
CONTAMINATION = 0.01
INTERVAL = 0.95

Judge = Callable[[Times, Floats, Times, Floats], Floats]
"""Takes times and values of history and of the rows to be judged, returns their evidence."""


def z_score(_: Times, history: Floats, __: Times, value: Floats) -> Floats:
    """Return the distance from the mean of the last 100 values, the judged one included."""
    every = np.concatenate([history[-Z_WINDOW:], value])
    evidence = np.zeros(len(value))
    for place in range(len(value)):
        end = len(every) - len(value) + place + 1
        last = every[max(0, end - Z_WINDOW) : end]
        spread = float(np.std(last))
        evidence[place] = abs(last[-1] - np.mean(last)) / spread / Z_LINE if spread > 0 else 0.0
    return evidence


def isolation_forest(_: Times, history: Floats, __: Times, value: Floats) -> Floats:
    """Return how much shorter than usual the paths of a forest of 100 trees are."""
    from sklearn.ensemble import IsolationForest

    model = IsolationForest(n_estimators=100, contamination=CONTAMINATION, random_state=42)
    model.fit(np.append(history, value[:1]).reshape(-1, 1))
    paths = -model.score_samples(value.reshape(-1, 1))
    return np.asarray(paths / -model.offset_, dtype=np.float64)


def prophet(time: Times, history: Floats, moment: Times, value: Floats) -> Floats:
    """Return the distance from a forecast in half widths of its band of 95 %."""
    from prophet import Prophet

    model = Prophet(daily_seasonality=True, weekly_seasonality=True, interval_width=INTERVAL)
    model.fit(pd.DataFrame({"ds": _stamps(time), "y": history}))
    said = model.predict(pd.DataFrame({"ds": _stamps(moment)}))
    expected = said["yhat"].to_numpy()
    half = (said["yhat_upper"].to_numpy() - said["yhat_lower"].to_numpy()) / 2.0
    return np.asarray(np.abs(value - expected) / np.maximum(half, 1e-12), dtype=np.float64)


DETECTORS: Mapping[str, Judge] = {
    "z_score": z_score,
    "isolation_forest": isolation_forest,
    "prophet": prophet,
}


def evidence(
    judge: Judge,
    time: Times,
    value: Floats,
    rows_per_fit: int,
    progress: Callable[[int], None] = lambda _: None,
) -> Floats:
    """Judge a series from its beginning, each row by what came before its fit.

    Args:
        judge: One of `DETECTORS`.
        time: Unix milliseconds, shape (n,).
        value: NaN for gaps, shape (n,).
        rows_per_fit: 1 is what such detectors do.
        progress: Told how many more rows are done.

    Returns:
        Shape (n,); 0 for gaps, for stamps that do not rise, and without enough history.
    """
    found = np.zeros(len(value))
    latest = np.maximum.accumulate(np.append(np.iinfo(np.int64).min, time[:-1]))
    rows = np.flatnonzero(np.isfinite(value) & (time > latest))
    for start in range(0, len(rows), rows_per_fit):
        block = rows[start : start + rows_per_fit]
        past = rows[:start]
        past = past[time[past] > time[block[0]] - HISTORY_MS]
        if len(past) >= LEAST_HISTORY:
            found[block] = judge(time[past], value[past], time[block], value[block])
        progress(len(block))
    return found


def _stamps(time: Times) -> pd.DatetimeIndex:
    return pd.to_datetime(time, unit="ms")
