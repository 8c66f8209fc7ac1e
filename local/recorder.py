"""Makes a recording of what comes in time by time: samples, calls and changes."""

from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from aiops.batching import Reading
from aiops.events import Call, ChangeObserved, SeriesHead
from local.recording import Recording
from local.scenario.recording import write_recording

TAKEN = frozenset({"timestamp", "metric", "value"})
"""Columns of a recording that are no labels; a label of such a name gets `exported_` before it.

Source: Prometheus, scrape_config, honor_labels.
"""


@dataclass(slots=True)
class Recorder:
    """Holds samples, 24 bytes each, until all are there.

    Attributes:
        changes: As they were told, each once.
    """

    calls: tuple[Call, ...] = ()
    changes: dict[str, ChangeObserved] = field(default_factory=dict)
    _heads: dict[tuple[str, tuple[tuple[str, str], ...]], int] = field(default_factory=dict)
    _series: "array[int]" = field(default_factory=lambda: array("q"))
    _time: "array[int]" = field(default_factory=lambda: array("q"))
    _value: "array[float]" = field(default_factory=lambda: array("d"))

    def take(self, readings: Iterable[Reading]) -> None:
        """Take samples, in any order."""
        for one in readings:
            self._series.append(self._place(one.head))
            self._time.append(one.time)
            self._value.append(one.value)

    def write(self, folder: Path) -> Recording:
        """Write and return what was taken, in the order of time; of repeats the first counts."""
        times = np.array(self._time, dtype=np.int64)
        series = np.array(self._series, dtype=np.int64)
        order = np.lexsort((np.arange(len(times)), series, times))
        first = np.ones(len(order), dtype=bool)
        first[1:] = (np.diff(times[order]) != 0) | (np.diff(series[order]) != 0)
        kept = order[first]
        recording = Recording(
            folder=folder,
            heads=tuple(SeriesHead(metric=m, labels=dict(labels)) for m, labels in self._heads),
            series=series[kept],
            time=times[kept],
            value=np.array(self._value, dtype=np.float64)[kept],
            calls=self.calls,
            changes=tuple(sorted(self.changes.values(), key=lambda one: one.observed_at)),
            faults=(),
        )
        write_recording(recording, folder, digits=None)
        return recording

    def _place(self, head: SeriesHead) -> int:
        labels = sorted(
            (f"exported_{name}" if name in TAKEN else name, text)
            for name, text in head.labels.items()
            if text
        )
        return self._heads.setdefault((head.metric, tuple(labels)), len(self._heads))
