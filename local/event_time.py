"""The order in which recorded samples are believed: batches as scraped, wild stamps held back."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

HOUR = 3_600_000
_SCRAPE_GAP = 5_000
"""Stamps this close belong to one scrape."""

_SCRAPE_SPAN = 30_000


@dataclass(frozen=True, slots=True)
class Scrape:
    """Samples that came together.

    Attributes:
        rows: Their places in the recording.
        time: The event's time, unix milliseconds.
    """

    rows: NDArray[np.int64]
    time: int


@dataclass(slots=True)
class EventTime:
    """The time that recordings have come to.

    A stamp more than an hour ahead counts only once a quarter of all series known (and at least
    ten) have stamps within an hour of it; samples that never are confirmed come last, under the
    time reached without them, for `detect` to drop as `future`.
    """

    now: int = -1
    _known: set[int] = field(default_factory=set)
    _held: list[tuple[int, NDArray[np.int64]]] = field(default_factory=list)

    def scrapes(self, series: NDArray[np.int64], time: NDArray[np.int64]) -> Iterator[Scrape]:
        """Yield a recording's samples batch by batch.

        Args:
            series: Index of every sample's series, in the order recorded.
            time: Unix milliseconds of every sample; negative ones come with the first batch.
        """
        if self.now < 0:
            self.now = _start(time)
        for rows in _as_scraped(time):
            latest = int(time[rows].max())
            if latest <= self.now + HOUR:
                self._known.update(series[rows].tolist())
                self.now = max(self.now, latest)
                yield Scrape(rows, self.now)
            else:
                self._held.append((latest, rows))
                yield from self._confirmed(series, latest)
        for _, rows in self._held:
            yield Scrape(rows, self.now)
        self._held.clear()

    def _confirmed(self, series: NDArray[np.int64], latest: int) -> Iterator[Scrape]:
        near = [(at, rows) for at, rows in self._held if abs(at - latest) <= HOUR]
        voters = {one for _, rows in near for one in series[rows].tolist()}
        if len(voters) < max(10, len(self._known) // 4):
            return
        self._held = [(at, rows) for at, rows in self._held if abs(at - latest) > HOUR]
        self._known |= voters
        for at, rows in sorted(near, key=lambda held: held[0]):
            self.now = max(self.now, at)
            yield Scrape(rows, self.now)


def _start(time: NDArray[np.int64]) -> int:
    """Return the earliest believable stamp: one near the median of the first thousand."""
    first = time[:1000]
    middle = int(np.median(first)) if len(first) else 0
    near = first[np.abs(first - middle) <= HOUR]
    return int(near.min(initial=middle))


def _as_scraped(time: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Yield runs of neighbouring rows whose stamps lie close together."""
    if len(time) == 0:
        return
    cuts = np.flatnonzero(np.abs(np.diff(time)) > _SCRAPE_GAP) + 1
    for rows in np.split(np.arange(len(time)), cuts):
        span = (time[rows] - time[rows[0]]) // _SCRAPE_SPAN
        inner = np.flatnonzero(np.diff(span) != 0) + 1
        yield from np.split(rows, inner)
