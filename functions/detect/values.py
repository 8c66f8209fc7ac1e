"""From readings to what is judged: rates of counters, series made of others, rows. Pure."""

import numpy as np
from numpy.typing import NDArray

from aiops.combination import MOST_METRICS
from aiops.detection import FloatArray, StateArray
from functions.detect.batch import Batch
from functions.detect.outcome import Step
from functions.detect.rates import increase
from functions.detect.together import with_rates


class Values:
    """The values of a group of series, which depend on what their records say of readings before.

    Args:
        batch: The samples.
        members: Which series of the batch the group has, shape (n,).
        records: Theirs, shape (n,), updated in place.
        together: How many metrics make a row; 0 for series of single values.
    """

    def __init__(
        self, batch: Batch, members: NDArray[np.int64], records: StateArray, together: int
    ) -> None:
        self._batch, self._members, self._records = batch, members, records
        self._rows = np.zeros((len(members), MOST_METRICS)) if together else None
        self._together = together

    def of(self, step: Step) -> Step:
        """Return what there is to judge, of samples accepted but not yet noted in the records."""
        if self._rows is not None:
            return self._put_together(step, self._rows)
        if self._batch.derived and "buckets" in (self._records.dtype.names or ()):
            return self._derived(step)
        return self._rates(step)

    def scored(self, step: Step) -> FloatArray:
        """Return what a model scores: values, shape (n,), or rows, shape (n, 8)."""
        return step.value if self._rows is None else self._rows[step.at]

    def row(self, at: int) -> FloatArray | None:
        """Return the last row of a series, shape (metrics,), None where it has single values."""
        return None if self._rows is None else self._rows[at, : self._together]

    def _rates(self, step: Step) -> Step:
        """Turn counters into rates per second; a counter's first sample has none."""
        counter = self._batch.counter[self._members[step.at]]
        if not counter.any():
            return step
        header = self._records["header"]
        value = step.value.copy()
        mine = np.flatnonzero(counter)
        at = step.at[mine]
        first = header["last"][at] == 0
        old, new = header["raw"][at], step.value[mine]
        seconds = np.where(first, 1.0, (step.time[mine] - header["last"][at]) / 1000.0)
        with np.errstate(over="ignore"):  # a rate beyond all numbers is none
            growth, stands = increase(old, new)
            value[mine] = np.where(first, 0.0, growth) / seconds
        header["raw"][at] = np.where(first, new, stands)
        keep = np.isfinite(value)
        keep[mine] &= ~first
        return Step(step.at[keep], step.time[keep], value[keep])

    def _derived(self, step: Step) -> Step:
        """Turn readings into what is made of them, from what was read before."""
        header, kept = self._records["header"], self._records["buckets"]
        value = np.full(len(step.at), np.nan)
        for row, (at, time) in enumerate(zip(step.at.tolist(), step.time.tolist(), strict=True)):
            one = self._batch.derived[int(self._members[at])]
            new = one.counts[time]
            old = kept[at, : len(new)].copy() if header["raw"][at] == one.mark else None
            seconds = (time - int(header["last"][at])) / 1000.0
            with np.errstate(over="ignore", invalid="ignore"):  # beyond all numbers is none
                value[row], stands = one.value(old, new, seconds)
            kept[at] = 0.0
            kept[at, : len(new)] = stands
            header["raw"][at] = one.mark
        keep = np.isfinite(value)
        return Step(step.at[keep], step.time[keep], value[keep])

    def _put_together(self, step: Step, rows: FloatArray) -> Step:
        """Turn the counters of rows into rates; the first value stands for the row."""
        header, keep = self._records["header"], []
        value = np.zeros(len(step.at))
        for place, (at, time) in enumerate(zip(step.at.tolist(), step.time.tolist(), strict=True)):
            one = self._batch.rows[int(self._members[at])]
            seconds = (time - int(header["last"][at])) / 1000.0
            kept = self._records["row"][at : at + 1]
            row = with_rates(kept, one.values[time], one.counter, seconds)
            if np.isfinite(row).all():
                rows[at, : len(row)] = row
                value[place] = row[0]
                keep.append(place)
        return Step(step.at[keep], step.time[keep], value[keep])
