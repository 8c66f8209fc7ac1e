"""One domain's state as the decisions see it: read, decide, commit, or read again."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TypeVar

from aiops.clock import Clock
from aiops.errors import Unavailable
from aiops.events import ChangeObserved
from aiops.incident_store import (
    Commit,
    Held,
    Horizon,
    IncidentStore,
    Placed,
    Query,
    Record,
    Sighting,
    Survey,
    View,
)
from aiops.silences import Silence
from aiops.topology import Topology
from aiops.verdicts import CauseGiven
from functions.correlate.config import CorrelateConfig
from functions.correlate.fingerprint import REMEMBERED, past_of
from functions.correlate.intake import destination
from functions.correlate.snapshot import title

ROUNDS = 8
"""Attempts at a commit before the event is to be delivered again."""

HOUR = 3_600_000
MEMORY = 24 * HOUR
"""Anomalies this long before the latest one are too old to be taken in."""

OVERDUE_SECONDS = 5
"""What was not published for so long is published by whoever comes next."""

END_OF_TIME = 1 << 53
EVERY = 1 << 30

Outcome = TypeVar("Outcome")


@dataclass(frozen=True, slots=True)
class Change:
    """What is to become of the domain; versions are given to the records when it is committed."""

    records: tuple[Record, ...] = ()
    sightings: tuple[Sighting, ...] = ()
    cells: tuple[Placed, ...] = ()
    watermark: int = 0
    processed_until: int = 0
    topology: tuple[int, Topology] | None = None
    survey: tuple[Survey, Topology] | None = None
    changes: tuple[ChangeObserved, ...] = ()
    causes: tuple[CauseGiven, ...] = ()
    silences: tuple[Silence, ...] = ()
    lapsed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Applied:
    """What a change of the domain came to.

    Attributes:
        revision: The domain's new one.
        held: The incidents that changed, to be published.
    """

    revision: int
    held: tuple[Held, ...]


@dataclass(frozen=True, slots=True)
class Domain:
    """The state of one domain, and what it takes to change it."""

    name: str
    store: IncidentStore
    clock: Clock
    config: CorrelateConfig

    def look(self, now: int, anomalies: tuple[str, ...] = ()) -> View:
        """Read the domain; incidents people are to be told about by `now` are listed."""
        overdue = self.clock.now() - int(OVERDUE_SECONDS * 1000 * self.clock.rate)
        return self.store.look(Query(now, overdue, anomalies))

    def records(self, names: Collection[str]) -> Mapping[str, Record]:
        """Return the records of incidents that are known."""
        if not names:
            return {}
        return {name: held.record for name, held in self.store.incidents(names).items()}

    def living(self, since: int, until: int) -> frozenset[str]:
        """Return the incidents that live, and those that may have lived at any time in between."""
        config = self.config
        reach = (max(config.resolve_after, config.flap_calm) + config.bucket) * 1000
        near = self.store.cells(((since - reach, until),))
        names = {placed.incident for placed in near}
        names |= set(self.store.quiet(END_OF_TIME, EVERY))
        moved = self.store.moved(names)
        return frozenset(destination(name, moved) for name in names)

    def commit(self, view: View, change: Change) -> Applied | None:
        """Commit a change decided on what was read; None where that has changed meanwhile.

        The records get new versions: above the last, and not below the clock, so that a store that
        lost its latest writes does not give out a version twice.
        """
        now = self.clock.now()
        records = tuple(
            record.model_copy(update={"version": max(record.version + 1, now)})
            for record in change.records
        )
        watermark = max(view.watermark, change.watermark)
        done = self.store.commit(
            Commit(
                revision=view.revision,
                now=now,
                watermark=watermark,
                processed_until=max(view.processed_until, change.processed_until),
                horizon=self._horizon(watermark),
                sightings=change.sightings,
                cells=change.cells,
                records=records,
                topology=change.topology,
                survey=change.survey,
                changes=change.changes,
                causes=change.causes,
                silences=change.silences,
                lapsed=change.lapsed,
                past=tuple(filter(None, (past_of(r, title(r)) for r in records))),
                undone=tuple(r.id for r in records if _is_back(r)),
            )
        )
        if done is None:
            return None
        held = tuple(Held(record, dirty=True, told=done.told[record.id]) for record in records)
        return Applied(done.revision, held)

    def _horizon(self, watermark: int) -> Horizon:
        anomalies = watermark - MEMORY
        reach = (self.config.recurrence + self.config.bucket) * 1000
        return Horizon(
            anomalies,
            anomalies - reach,
            anomalies - MEMORY,
            anomalies - 2 * MEMORY,
            watermark - REMEMBERED,
        )


def _is_back(record: Record) -> bool:
    """Return whether an incident that was over may not be so any more."""
    return record.status == "merged" or (record.live and record.generation > 1)


def until_committed(attempt: Callable[[], Outcome | None]) -> Outcome:
    """Return what the first successful attempt returns.

    Raises:
        Unavailable: others kept changing the same domain.
    """
    for _ in range(ROUNDS):
        outcome = attempt()
        if outcome is not None:
            return outcome
    raise Unavailable("correlate: others keep changing the same domain")
