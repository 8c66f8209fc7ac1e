"""The band a detector had all along, found by letting it learn again from samples kept. Pure."""

import numpy as np

from aiops.baseline.detector import Detector
from aiops.detection import FloatArray
from aiops.events import Evidence
from aiops.training import History

DETECTOR = "baseline"
"""Others' bands are not found again: they rest on models, or on settings not known here."""

MOST_SAMPLES = 600
"""The last so many are learned from; each takes about a millisecond."""

TOLERANCE = 0.1
"""Of the band's width, by which its edges at the peak may differ from what the anomaly says."""


def with_peak(history: History, time: int, value: float) -> History:
    """Return samples with that of the peak among them, which may not have been kept."""
    other = history.time != time
    times = np.append(history.time[other], np.int64(time))
    values = np.append(history.value[other], value)
    order = np.argsort(times)
    return History(times[order], values[order])


def relived(piece: Evidence, history: History) -> tuple[FloatArray, FloatArray, FloatArray] | None:
    """Return what was expected and usual at every sample; None where that cannot be known.

    It is believed if it comes to what the anomaly says of its own time. Where samples are too old
    to be learned from it is what it was at the first that is.

    Args:
        piece: The series, with its strongest anomaly.
        history: Its samples, the strongest anomaly among them, shape (n,).

    Returns:
        Expected, lower and upper edge, shape (n,) each.
    """
    peak = piece.peak
    if peak.detector != DETECTOR:
        return None
    first = max(0, len(history.time) - MOST_SAMPLES)
    detector = Detector()
    state = np.zeros(1, dtype=detector.dtype)
    edges = np.empty((3, len(history.time)))
    for place in range(first, len(history.time)):
        now = slice(place, place + 1)
        scores = detector.score(state, history.time[now], history.value[now])
        edges[:, place] = scores.expected[0], scores.lower[0], scores.upper[0]
    edges[:, :first] = edges[:, first : first + 1]
    at = int(np.searchsorted(history.time, peak.time))
    told = np.array([peak.lower, peak.upper])
    apart = np.abs(edges[1:, at] - told)
    if not np.all(np.isfinite(edges)) or np.any(apart > TOLERANCE * (peak.upper - peak.lower)):
        return None
    return edges[0], edges[1], edges[2]
