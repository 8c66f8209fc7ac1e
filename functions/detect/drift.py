"""Whether a series has left the model it is scored with, for good."""

import numpy as np
from numpy.typing import NDArray

from aiops.detection import StateArray, TimeArray

TOLERATED = 0.2
"""Share of samples over the line, on one side, up to which a model is still believed."""

LINE = 8.0
"""Ten samples over the line in a row, or correspondingly more with others in between."""

MOST = 12.0


def drifted(
    track: StateArray,
    time: TimeArray,
    over: NDArray[np.bool_],
    above: NDArray[np.bool_],
    lasting_ms: float,
) -> NDArray[np.bool_]:
    """Return which series have drifted, and learn the sample.

    A cumulative sum for each side grows with samples over the line and shrinks with all others; a
    series has drifted when it stands over its own line with the newest sample still over, and
    has not been at 0 for the time given: an incident is no drift.
    Source: Page, "Continuous inspection schemes" (1954); Reynolds and Stoumbos, "A CUSUM chart
    for monitoring a proportion when inspecting continuously" (1999).

    Args:
        track: Its `drift` and `drifting` are updated in place, shape (n,).
        time: Unix milliseconds, shape (n,).
        over: Whether a sample lies over the line, shape (n,).
        above: Whether above what was expected, shape (n,).
        lasting_ms: Milliseconds it takes at least.

    Returns:
        Shape (n,).
    """
    sides = np.stack([over & above, over & ~above], axis=1)
    total = np.clip(track["drift"] + np.where(sides, 1.0 - TOLERATED, -TOLERATED), 0.0, MOST)
    since = np.where(track["drift"] > 0.0, track["drifting"], time[:, None])
    track["drift"], track["drifting"] = total, np.where(total > 0.0, since, 0)
    lasting = (total > LINE) & sides & (time[:, None] - since >= lasting_ms)
    return np.asarray(lasting.any(axis=1))
