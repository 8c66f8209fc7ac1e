"""Two public sets of labelled series, as they lie in a folder, and what a detector scores on them.

`DATA/nab` is the Numenta Anomaly Benchmark (`data/`, `labels/combined_windows.json`),
`DATA/cloud-monitoring` is Microsoft's cloud-monitoring-dataset; either may be a part of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aiops.errors import Misconfigured
from bench.event_f1 import event_f1
from bench.nab import PROFILES, File, nab_score, rows_of
from local.backtest import Columns, SeriesFile, find, read_series
from local.labels import read_spans, runs

DAY_MS = 24 * 3_600_000
Windows = Mapping[str, Sequence[tuple[int, int]]]


@dataclass(frozen=True, slots=True)
class Labelled:
    """Both sets.

    Attributes:
        nab: Series with the first and last row of each window.
        cloud: Series with their labels.
    """

    nab: Sequence[tuple[SeriesFile, Sequence[tuple[int, int]]]]
    cloud: Sequence[SeriesFile]

    @property
    def series(self) -> list[SeriesFile]:
        """Return all series, those of NAB first."""
        return [*(one for one, _ in self.nab), *self.cloud]

    @property
    def windows(self) -> int:
        """Return how many windows of NAB there are."""
        return sum(len(windows) for _, windows in self.nab)

    def every(self, nth: int) -> "Labelled":
        """Return every nth series of each set."""
        return Labelled(self.nab[::nth], self.cloud[::nth])


@dataclass(frozen=True, slots=True)
class Quality:
    """What a detector scores.

    Attributes:
        nab: Standard profile, 100 is perfect, by the best threshold.
        nab_at_line: The same at the alarm line.
        f1: Of cloud-monitoring's events, by the best threshold.
        f1_at_line: The same at the alarm line.
        alarms_per_day: Alarms a series and day over both sets, those in a row counted once.
    """

    nab: float
    nab_at_line: float
    f1: float
    f1_at_line: float
    alarms_per_day: float


def read(folder: Path) -> Labelled:
    """Read both sets.

    Raises:
        Misconfigured: one of them is not there, or holds something else.
    """
    root = folder / "nab"
    spans = read_spans(root / "labels" / "combined_windows.json")
    nab = []
    for name in sorted(spans):
        file = root / "data" / name
        if file.exists():
            one = read_series(file, Path("nab") / name, Columns())
            nab.append((one, rows_of(one.time, spans[name])))
    if not nab:
        raise Misconfigured(f"{root / 'data'}: none of the files that the labels name")
    columns = Columns(label="Label")
    found = find([folder / "cloud-monitoring"])
    cloud = [read_series(file, Path("cloud-monitoring") / below, columns) for file, below in found]
    return Labelled(nab, cloud)


def quality(
    labelled: Labelled,
    evidence: Sequence[NDArray[np.float64]],
    alarms: Sequence[NDArray[np.bool_]],
) -> Quality:
    """Return what a detector scores.

    Args:
        labelled: What it judged.
        evidence: Of each of `labelled.series`, shape (n,).
        alarms: Which rows alarmed, likewise.
    """
    count = len(labelled.nab)
    standard = PROFILES["standard"]
    nab = [File(e, w) for e, (_, w) in zip(evidence[:count], labelled.nab, strict=True)]
    fixed = [
        File(a.astype(float), w) for a, (_, w) in zip(alarms[:count], labelled.nab, strict=True)
    ]
    cloud = [
        rows_that_count(one, e) for one, e in zip(labelled.cloud, evidence[count:], strict=True)
    ]
    at_line = [
        rows_that_count(one, a.astype(float))
        for one, a in zip(labelled.cloud, alarms[count:], strict=True)
    ]
    days = sum(float(np.ptp(one.time)) / DAY_MS for one in labelled.series)
    return Quality(
        nab=nab_score(nab, standard).score,
        nab_at_line=nab_score(fixed, standard, threshold=0.5).score,
        f1=event_f1(cloud).f1,
        f1_at_line=event_f1(at_line, threshold=0.5).f1,
        alarms_per_day=sum(len(runs(one)) for one in alarms) / days,
    )


def rows_that_count(
    one: SeriesFile, evidence: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return evidence and labels of the rows that have a value."""
    there = np.isfinite(one.value)
    labels = np.zeros(len(there), dtype=bool) if one.labelled is None else one.labelled
    return evidence[there], labels[there]
