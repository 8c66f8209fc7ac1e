"""What one record adds up to, by service, before it is added to what is kept. Pure."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from math import ceil, isfinite, log2

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
    """

    newest: int = 0
    counts: dict[Cell, int] = field(default_factory=lambda: defaultdict(int))
    durations: dict[Cell, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    exemplars: dict[Cell, list[str]] = field(default_factory=dict)
    sightings: dict[str, Sighting] = field(default_factory=dict)


@dataclass(slots=True)
class Tally:
    """What a record says of all services.

    Attributes:
        dropped: What of it was left out, by reason.
    """

    services: dict[str, ServiceTally] = field(default_factory=lambda: defaultdict(ServiceTally))
    dropped: Counter[str] = field(default_factory=Counter)

    def count(
        self, service: str, time: int, metric: str, labels: Labels, n: int = 1, exemplar: str = ""
    ) -> None:
        """Add to a count of the minute of a time, unix milliseconds."""
        mine, cell = self._cell(service, time, (metric, labels))
        mine.counts[cell] += n
        _keep(mine, cell, exemplar)

    def duration(
        self,
        service: str,
        time: int,
        metric: str,
        labels: Labels,
        seconds: float,
        exemplar: str = "",
    ) -> None:
        """Add a duration; those of a minute become its median and its 95th percentile."""
        if not isfinite(seconds) or seconds < 0:
            self.dropped["duration"] += 1
            return
        mine, cell = self._cell(service, time, (metric, labels))
        mine.durations[cell][bucket_of(seconds)] += 1
        _keep(mine, cell, exemplar)

    def sighting(
        self,
        service: str,
        time: int,
        template: str,
        metric: str,
        labels: Labels,
        text: str,
        exemplar: str = "",
    ) -> None:
        """Say that an error was seen; where its service never had it, people are told at once."""
        mine, _ = self._cell(service, time, (metric, labels))
        before = mine.sightings.get(template)
        if before is None or time < before.time:
            mine.sightings[template] = Sighting(time, (metric, labels), text, exemplar)

    def _cell(self, service: str, time: int, row: Row) -> tuple[ServiceTally, Cell]:
        mine = self.services[service]
        mine.newest = max(mine.newest, time)
        return mine, (time // MINUTE_MS, row)


def bucket_of(seconds: float) -> int:
    """Return the bucket of a duration: the least n with seconds <= 2 ** (n / STEPS)."""
    return ceil(log2(min(max(seconds, SHORTEST), LONGEST)) * STEPS)


def _keep(mine: ServiceTally, cell: Cell, exemplar: str) -> None:
    if exemplar:
        kept = mine.exemplars.setdefault(cell, [])
        if len(kept) < MOST_EXEMPLARS and exemplar not in kept:
            kept.append(exemplar)
