"""Counters as what they grew by. Pure."""

import numpy as np

from aiops.detection import FloatArray

RESET_SHARE = 1.0 / 8.0
"""A counter that has lost more than this share of what it was began anew; less is a scrape of
another copy that lags behind, or a correction, and it has not grown.

Source: VictoriaMetrics, `removeCounterResets`, where a small decrease is no reset either.
"""


def increase(old: FloatArray, new: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return what counters grew by between two readings each, and what they stand at, shape (n,).

    One that began anew grew by nobody knows how much, NaN: what it counted before it ended is
    lost. A copy that lags behind leaves a counter where it was, so that nothing is counted twice.
    """
    lags = (new < old) & (old - new <= RESET_SHARE * np.abs(old))
    grown = np.where(new >= old, new - old, np.where(lags, 0.0, np.nan))
    return grown, np.where(lags, old, new)
