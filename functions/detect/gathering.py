"""What a decoder finds in a record: series, their samples in columns, what was dropped and why."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from aiops.ports import Counts
from functions.detect.malformed import Malformed

Kind = Literal["gauge", "counter"]
Pairs = tuple[tuple[str, str], ...]
"""Labels in the order they were sent; the same series is written the same way each time."""

Named = tuple[str, Pairs, Kind | None]
"""Metric, labels and kind; None where the format does not say it."""

MOST_SAMPLES = 50_000
"""Samples of one record; what it holds beyond is dropped and counted."""

WRONG = (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError)
"""Raised by reading what is not as its format says."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class Gathered:
    """The samples of a record, as they are found.

    Args:
        time: Of the record, unix milliseconds: that of samples which state none.

    Attributes:
        series: The distinct series, in the order they are first named.
        dropped: How many samples were left out, by reason.
    """

    __slots__ = ("_places", "dropped", "head", "series", "time", "times", "values")

    def __init__(self, time: int = 0) -> None:
        self.time = time
        self.series: list[Named] = []
        self.head: list[int] = []
        self.times: list[int] = []
        self.values: list[float] = []
        self.dropped: Counts = Counter()
        self._places: dict[Named, int] = {}

    def place(self, metric: str, labels: Pairs, kind: Kind | None = None) -> int:
        """Return the place of a series, a new one where it was not named before."""
        named = (metric, labels, kind)
        place = self._places.get(named)
        if place is None:
            if not metric:
                raise Malformed("a series without a name")
            place = self._places[named] = len(self.series)
            self.series.append(named)
        return place

    def add(self, metric: str, labels: Pairs, kind: Kind | None, time: int, value: float) -> None:
        """Take a sample: unix milliseconds, and a value that need not be finite."""
        place = self.place(metric, labels, kind)
        if len(self.times) < MOST_SAMPLES:
            self.head.append(place)
            self.times.append(time)
            self.values.append(value)
        else:
            self.dropped["too_many_samples"] += 1

    def extend(self, place: int, times: Sequence[int], values: Sequence[float]) -> None:
        """Take samples of one series, as many of them as there is room for."""
        room = MOST_SAMPLES - len(self.times)
        if room < len(times):
            self.dropped["too_many_samples"] += len(times) - max(room, 0)
            times, values = times[: max(room, 0)], values[: max(room, 0)]
        self.head += [place] * len(times)
        self.times += times
        self.values += values

    def columns(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
        """Return place, unix milliseconds and value of every sample, shape (n,) each."""
        try:
            times = np.array(self.times, dtype=np.int64)
        except OverflowError:
            times = np.array([min(max(at, -1), 1 << 62) for at in self.times], dtype=np.int64)
        return np.array(self.head, np.int64), times, np.array(self.values, np.float64)


def pairs(labels: Mapping[str, str]) -> Pairs:
    """Return labels as pairs."""
    return tuple(labels.items())


def unix_ms(stated: Any) -> int:
    """Return a time as unix milliseconds.

    Args:
        stated: RFC 3339, where a zone is lacking in UTC; or a number since 1970, of seconds,
            milliseconds, microseconds or nanoseconds: which, is told by its size.

    Raises:
        Malformed: it is neither.
    """
    if isinstance(stated, str):
        return _of_text(stated)
    if isinstance(stated, bool) or not isinstance(stated, int | float):
        raise Malformed("no time")
    size = abs(stated)
    if size < 1e11:
        return round(stated * 1_000)
    if size < 1e14:
        return int(stated)
    return int(stated // 1_000) if size < 1e17 else int(stated // 1_000_000)


@lru_cache(maxsize=1 << 10)
def _of_text(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Malformed("no time") from None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (aware - _EPOCH) // _MILLISECOND
