"""The band a detector had all along, found by letting it learn again from samples kept. Pure."""

import numpy as np

from aiops.baseline.detector import LARGEST, Detector
from aiops.detection import FloatArray
from aiops.events import Evidence
from aiops.history import History

DETECTOR = "baseline"
"""Others' bands are not found again: they rest on models, or on settings not known here."""

MOST_SAMPLES = 720
"""The last so many are learned from; each takes about a millisecond."""

TOLERANCE = 0.3
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

    What little it has to learn from makes the band somewhat narrower or wider than it was. It is
    believed if it comes near what the anomaly says of its own time, and stretched to come to that.
    Where samples are too old to be learned from it is what it was at the first that is.

    Args:
        piece: The series, with its strongest anomaly.
        history: Its samples, the strongest anomaly among them, shape (n,).

    Returns:
        Expected, lower and upper edge, shape (n,) each.
    """
    peak = piece.peak
    if peak.detector != DETECTOR or max(abs(peak.lower), abs(peak.upper)) > LARGEST:
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
    (expected, lower, upper), width = edges, peak.upper - peak.lower
    apart = max(abs(lower[at] - peak.lower), abs(upper[at] - peak.upper))
    if not np.all(np.isfinite(edges)) or not apart <= TOLERANCE * width:
        return None
    below = (expected - lower) * _ratio(peak.expected - peak.lower, expected[at] - lower[at])
    above = (upper - expected) * _ratio(peak.upper - peak.expected, upper[at] - expected[at])
    middle = expected + (peak.expected - expected[at])
    return middle, middle - below, middle + above


def _ratio(told: float, found: float) -> float:
    return told / found if found > 0 else 1.0
