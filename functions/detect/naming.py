"""Series that foreign formats name, as heads: each is made once, then known by a number. Pure."""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from aiops.events import SeriesHead
from functions.detect.gathering import Named

MOST_NAMED = 1 << 18
"""Series remembered, about 1 kB each; beyond that all are made anew."""

METADATA = ("_info", "_created")
"""Ends of the names of series that describe others. Source: OpenMetrics, "Suffixes"."""

_NOBODY = SeriesHead(metric="malformed")


class Naming:
    """Turns names into heads.

    Args:
        kind_of: Returns the kind of a series whose format does not say it, by metric and labels.
    """

    def __init__(
        self, kind_of: Callable[[str, Mapping[str, str]], Literal["gauge", "counter"]]
    ) -> None:
        self._kind_of = kind_of
        self._numbers: dict[Named, int] = {}
        self._heads: dict[int, SeriesHead] = {}
        self._refused: dict[int, str] = {}
        self._next = 0

    def numbers(self, series: Sequence[Named]) -> NDArray[np.int64]:
        """Return the number of each series, shape (n,); no number is given twice.

        Numbers are good until the next call.
        """
        if len(self._numbers) + len(series) > MOST_NAMED:
            self._numbers.clear()
            self._heads.clear()
            self._refused.clear()
        known = self._numbers
        found = [known.get(named, -1) for named in series]
        if -1 in found:
            found = [
                self._made(named) if at < 0 else at for named, at in zip(series, found, strict=True)
            ]
        return np.array(found, dtype=np.int64)

    def heads(self, numbers: Sequence[int]) -> tuple[list[SeriesHead], dict[int, str]]:
        """Return heads by their numbers, and by their place why some cannot be taken."""
        refused = {
            place: self._refused[number]
            for place, number in enumerate(numbers)
            if number in self._refused
        }
        return [self._heads[number] for number in numbers], refused

    def _made(self, named: Named) -> int:
        number = self._next
        self._next += 1
        metric, pairs, kind = named
        try:
            labels = dict(pairs)
            head = SeriesHead(metric=metric, labels=labels, kind=kind or "gauge")
        except (ValidationError, TypeError, ValueError):
            head, self._refused[number] = _NOBODY, "malformed"
        else:
            if kind is None and metric.endswith(METADATA):
                self._refused[number] = "metadata"
            elif kind is None and self._kind_of(metric, labels) == "counter":
                head = head.model_copy(update={"kind": "counter"})
        self._numbers[named] = number
        self._heads[number] = head
        return number
