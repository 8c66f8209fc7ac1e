"""What one record adds up to, by service, before it is added to what is kept. Pure."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from math import ceil, log2

MINUTE_MS = 60_000

Labels = tuple[tuple[str, str], ...]
"""Sorted, without the service."""

Row = tuple[str, Labels]
"""A metric and labels: what is counted of a service."""

Cell = tuple[int, Row]
"""A row in a minute, the number of minutes since 1970."""

STEPS = 8
"""Buckets of durations per doubling: a quantile is off by 2 ** (1 / 16) - 1 = 4.4 % at most."""

SHORTEST, LONGEST = 1e-7, 1e6
"""Seconds; shorter and longer durations count as these."""

MOST_EXEMPLARS = 3
"""Of a row in a minute."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """An error that was seen, of which its service may never have told before.

    Attributes:
        time: When it was first seen in the record, unix milliseconds.
        row: The count it belongs to.
        text: What it says, without secrets.
        exemplar: Id of a trace it was seen in, empty where none is known.
    """

    time: int
    row: Row
    text: str
    exemplar: str = ""


@dataclass(slots=True)
class ServiceTally:
    """What a record says of one service.

    Attributes:
        newest: The latest time it tells of, unix milliseconds.
        counts: How often, by cell.
        durations: By cell, how often each bucket.
        exemplars: Ids of traces, by cell.
        sightings: By id of the template.
        totals: Counts that somebody else keeps, by what they are called there: when it was last
            added to, the row it belongs to, and how much it is by then.
    """

    newest: int = 0
    counts: dict[Cell, int] = field(default_factory=lambda: defaultdict(int))
    durations: dict[Cell, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    exemplars: dict[Cell, list[str]] = field(default_factory=dict)
    sightings: dict[str, Sighting] = field(default_factory=dict)
    totals: dict[str, tuple[int, Row, int]] = field(default_factory=dict)

    def count(self, time: int, row: Row, n: int = 1, exemplar: str = "") -> None:
        """Add to a count of the minute of a time, unix milliseconds."""
        self.counts[self._cell(time, row, exemplar)] += n

    def duration(self, time: int, row: Row, seconds: float, exemplar: str = "") -> None:
        """Add a finite duration; those of a minute become its median and 95th percentile."""
        self.durations[self._cell(time, row, exemplar)][bucket_of(seconds)] += 1

    def sighting(self, template: str, seen: Sighting) -> None:
        """Say that an error was seen; where its service never had it, people are told at once."""
        self.newest = max(self.newest, seen.time)
        before = self.sightings.get(template)
        if before is None or seen.time < before.time:
            self.sightings[template] = seen

    def total(self, name: str, time: int, row: Row, total: int) -> None:
        """Say how much a count is that somebody else keeps; what was added to it is counted."""
        self.newest = max(self.newest, time)
        before = self.totals.get(name)
        if before is None or total > before[2]:
            self.totals[name] = time, row, total

    def _cell(self, time: int, row: Row, exemplar: str) -> Cell:
        self.newest = max(self.newest, time)
        cell = time // MINUTE_MS, row
        if exemplar:
            kept = self.exemplars.setdefault(cell, [])
            if len(kept) < MOST_EXEMPLARS and exemplar not in kept:
                kept.append(exemplar)
        return cell


@dataclass(slots=True)
class Tally:
    """What a record says of all services.

    Attributes:
        services: By name.
        dropped: What of the record was left out, by reason.
    """

    services: dict[str, ServiceTally] = field(default_factory=lambda: defaultdict(ServiceTally))
    dropped: Counter[str] = field(default_factory=Counter)


def bucket_of(seconds: float) -> int:
    """Return the bucket of a duration, 0 or more: the least n with seconds <= 2 ** (n / STEPS)."""
    return ceil(log2(min(max(seconds, SHORTEST), LONGEST)) * STEPS)
