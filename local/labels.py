"""What people said of recorded series: which rows are anomalous, and what of it was found."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aiops.errors import Misconfigured
from local.recording import unix_ms

APART = 3
"""Labelled rows at most this far apart are one event, and alarms one alarm."""

Spans = Mapping[str, Sequence[tuple[int, int]]]
"""First and last unix milliseconds of what is labelled, by file."""


@dataclass(frozen=True, slots=True)
class Judged:
    """How alarms compare with labels.

    Attributes:
        events: Labelled stretches.
        found: Those with an alarm in them.
        alarms: Alarms, those in a row counted once.
        false_alarms: Those outside of every event.
    """

    events: int
    found: int
    alarms: int
    false_alarms: int


def read_spans(file: Path) -> Spans:
    """Read a JSON object of `{file: [[first, last], ...]}`, stamps as in the files.

    Raises:
        Misconfigured: it cannot be read, or holds something else.
    """
    try:
        written = json.loads(file.read_text(encoding="utf-8"))
        return {
            str(name): [
                (int(first), int(last))
                for first, last in unix_ms(pd.Series(np.ravel(spans).astype(str))).reshape(-1, 2)
            ]
            for name, spans in written.items()
        }
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise Misconfigured(f"{file}: {error}; expected {{file: [[first, last], ...]}}") from None


def within(spans: Spans, below: Path, time: NDArray[np.int64]) -> NDArray[np.bool_] | None:
    """Return which rows of a file are labelled, shape (n,); None where nothing is said of it.

    A file is meant by a name that ends like its place, or the other way round.
    """
    parts = below.parts
    for name, some in spans.items():
        theirs = Path(name).parts
        shared = min(len(parts), len(theirs))
        if parts[-shared:] == theirs[-shared:]:
            labelled = np.zeros(len(time), dtype=bool)
            for first, last in some:
                labelled |= (time >= first) & (time <= last)
            return labelled
    return None


def judge(labelled: NDArray[np.bool_], alarm: NDArray[np.bool_]) -> Judged:
    """Compare the alarms of one series with its labels, both of shape (n,)."""
    events, alarms = runs(labelled), runs(alarm)
    return Judged(
        events=len(events),
        found=sum(bool(alarm[first : last + 1].any()) for first, last in events),
        alarms=len(alarms),
        false_alarms=sum(not labelled[first : last + 1].any() for first, last in alarms),
    )


def runs(marked: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return the first and last row of every stretch of marked rows."""
    rows = np.flatnonzero(marked)
    if not len(rows):
        return []
    breaks = np.flatnonzero(np.diff(rows) > APART)
    firsts = rows[np.concatenate([[0], breaks + 1])]
    lasts = rows[np.concatenate([breaks, [len(rows) - 1]])]
    return list(zip(firsts.tolist(), lasts.tolist(), strict=True))
