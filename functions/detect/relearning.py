"""Records made anew are told what was said of them; records forget when a service changed. Pure."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from aiops.detection import StateArray, TimeArray
from aiops.verdicts import Given
from functions.detect.lines import begin_with, lines_of
from functions.detect.outcome import Step


def recall(
    header: StateArray,
    anew: NDArray[np.int64],
    keys: Sequence[tuple[int, str]],
    verdicts: Mapping[tuple[int, str], Sequence[Given]],
) -> None:
    """Give records made anew the lines that the verdicts on their series come to.

    Args:
        header: Of all records, updated in place.
        anew: Which were made anew, shape (n,).
        keys: Shard and key of each of these.
        verdicts: By shard and key.
    """
    for at, key in zip(anew.tolist(), keys, strict=True) if verdicts else ():
        given = verdicts.get(key)
        if given:
            begin_with(header, at, lines_of(given))


def relearn(records: StateArray, changed: TimeArray, step: Step) -> None:
    """Forget what was learned before a change, with the first sample after it, once.

    Args:
        records: Updated in place.
        changed: When the service of each was last changed, 0 for never, of the shape of `records`.
        step: Samples that were accepted.
    """
    header, at = records["header"], changed[step.at]
    due = (at > np.abs(header["since"][step.at])) & (at <= step.time)
    rows = step.at[due]
    for name in records.dtype.names or ():
        if name != "header":
            records[name][rows] = np.zeros((), records.dtype[name])
    header["since"][rows] = -at[due]
    for name in ("count", "over_since", "asked"):
        header[name][rows] = 0
    model = header["model"][rows]
    header["model"][rows] = np.where(at[due] > np.abs(model), -at[due], model)
