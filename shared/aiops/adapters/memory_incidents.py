"""The twin in memory of what `correlate` keeps."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from aiops.events import ChangeObserved
from aiops.incident_store import (
    KEPT_CHANGES,
    KEPT_PAST,
    KEPT_TOPOLOGIES,
    LISTED,
    Commit,
    Committed,
    Held,
    Horizon,
    Past,
    Placed,
    Query,
    Record,
    Survey,
    View,
    next_revision,
)
from aiops.silences import Silence
from aiops.topology import EMPTY, Topology
from aiops.verdicts import MOST_CAUSES, CauseGiven, causes_in_order


@dataclass(slots=True)
class MemoryIncidents:
    """Keeps one domain's state in dictionaries, and sorted lists of what is asked for by time."""

    revision: int = 0
    watermark: int = 0
    processed_until: int = 0
    changed: int = 0
    seen: dict[str, str] = field(default_factory=dict)
    seen_at: list[tuple[int, str]] = field(default_factory=list)
    places: dict[int, dict[Placed, None]] = field(default_factory=dict)
    cell_times: list[int] = field(default_factory=list)
    records: dict[str, Record] = field(default_factory=dict)
    open: dict[str, Record] = field(default_factory=dict)
    closed: list[tuple[int, str]] = field(default_factory=list)
    redirect: dict[str, str] = field(default_factory=dict)
    redirect_at: list[tuple[int, str]] = field(default_factory=list)
    dirty: dict[str, tuple[int, int]] = field(default_factory=dict)
    told: dict[str, int] = field(default_factory=dict)
    topologies: dict[int, Topology] = field(default_factory=dict)
    surveys: dict[Survey, Topology] = field(default_factory=dict)
    observed: list[tuple[int, str, ChangeObserved]] = field(default_factory=list)
    judged: int = 0
    given: dict[str, CauseGiven] = field(default_factory=dict)
    quieted: dict[str, Silence] = field(default_factory=dict)
    silenced: int = 0
    bygone: dict[str, Past] = field(default_factory=dict)
    remembered: int = 0

    def look(self, query: Query) -> View:
        """Read the domain."""
        waiting = sorted(
            (record.notify_from, name)
            for name, record in self.open.items()
            if record.notify_from is not None and record.notify_from <= query.now
        )
        overdue = sorted((at, n) for n, (_, at) in self.dirty.items() if at <= query.dirty_before)
        return View(
            self.revision,
            self.watermark,
            self.processed_until,
            self.changed,
            {anomaly: self.seen[anomaly] for anomaly in query.anomalies if anomaly in self.seen},
            tuple(name for _, name in waiting[:LISTED]),
            tuple(name for _, name in overdue[:LISTED]),
            tuple((since, self.topologies[since].version) for since in sorted(self.topologies)),
            tuple(sorted(self.surveys)),
            self.judged,
            self.silenced,
            self.remembered,
        )

    def cells(self, spans: Sequence[tuple[int, int]]) -> tuple[Placed, ...]:
        """Return the cells whose time lies in one of these spans."""
        return tuple(
            placed
            for low, high in spans
            for time in self.cell_times[
                bisect_left(self.cell_times, low) : bisect_right(self.cell_times, high)
            ]
            for placed in self.places[time]
        )

    def moved(self, incidents: Collection[str]) -> Mapping[str, str]:
        """Return where merged ones of these went."""
        moves: dict[str, str] = {}
        for incident in incidents:
            here = incident
            while here in self.redirect and here not in moves:
                moves[here] = here = self.redirect[here]
        return moves

    def incidents(self, incidents: Collection[str]) -> Mapping[str, Held]:
        """Return those of these that are known."""
        return {
            name: Held(self.records[name], name in self.dirty, self.told.get(name, 0))
            for name in incidents
            if name in self.records
        }

    def quiet(self, before: int, limit: int) -> tuple[str, ...]:
        """Return open incidents active last before that time."""
        found = sorted(
            (record.active_until + record.patience, name) for name, record in self.open.items()
        )
        return tuple(name for active, name in found if active < before)[:limit]

    def ended(self, limit: int) -> tuple[str, ...]:
        """Return incidents that are over or merged."""
        over = sorted((r.last, name) for name, r in self.records.items() if not r.live)
        return tuple(name for _, name in reversed(over))[: max(0, limit)]

    def changes(self, since: int, until: int) -> tuple[ChangeObserved, ...]:
        """Return the changes observed in that time."""
        return tuple(change for at, _, change in self.observed if since <= at <= until)

    def causes(self) -> tuple[CauseGiven, ...]:
        """Return the verdicts on causes."""
        return causes_in_order(self.given.values())

    def silences(self) -> tuple[Silence, ...]:
        """Return what is known of silences."""
        return tuple(self.quieted[name] for name in sorted(self.quieted))

    def past(self) -> tuple[Past, ...]:
        """Return the incidents of the past."""
        return tuple(sorted(self.bygone.values(), key=_by_end))

    def topology(self, version: str) -> Topology:
        """Return a topology, an empty one where it is gone."""
        return next((t for t in self.topologies.values() if t.version == version), EMPTY)

    def surveyed(self, topology: Topology, survey: Survey) -> Topology:
        """Return a topology with what a survey saw of its calls."""
        found = self.surveys.get(survey)
        return topology if found is None or found != topology else topology.weighted(found.seen)

    def commit(self, commit: Commit) -> Committed | None:
        """Make the change, unless the revision has moved on."""
        if commit.revision != self.revision:
            return None
        self.revision = next_revision(commit.revision, commit.now)
        self.watermark = max(self.watermark, commit.watermark)
        self.processed_until = max(self.processed_until, commit.processed_until)
        for sighting in commit.sightings:
            if sighting.anomaly not in self.seen:
                self.seen[sighting.anomaly] = sighting.incident
                insort(self.seen_at, (sighting.time, sighting.anomaly))
        for placed in commit.cells:
            self._place(placed)
        for record in commit.records:
            self._keep(record, commit.now)
        self._chart(commit)
        self._note(commit)
        if commit.changes:
            self.changed = self.revision
        known = {text: (at, text, change) for at, text, change in self.observed}
        known |= {(text := c.model_dump_json()): (c.observed_at, text, c) for c in commit.changes}
        self.observed = sorted(known.values(), key=lambda row: row[:2])
        self._believe(commit)
        self._forget(commit.horizon)
        told = {record.id: self.told.get(record.id, 0) for record in commit.records}
        return Committed(self.revision, told)

    def published(self, records: Collection[Record]) -> None:
        """Note that these were published."""
        for record in records:
            self.told[record.id] = max(self.told.get(record.id, 0), record.generation)
            if self.dirty.get(record.id, (0, 0))[0] == record.version:
                del self.dirty[record.id]

    def _believe(self, commit: Commit) -> None:
        for one in commit.causes:
            known = self.given.get(one.incident)
            if known is None or known.given_at < one.given_at:
                self.given[one.incident] = one
                self.judged = self.revision
        for old in self.causes()[:-MOST_CAUSES]:
            del self.given[old.incident]

    def _place(self, placed: Placed) -> None:
        time = placed.cell.time
        if time not in self.places:
            self.places[time] = {}
            insort(self.cell_times, time)
        self.places[time][placed] = None

    def _chart(self, commit: Commit) -> None:
        if commit.topology is not None:
            since, topology = commit.topology
            self.topologies[since] = topology.weighted({})
        if commit.survey is not None:
            survey, topology = commit.survey
            self.surveys[survey] = topology
        for since in sorted(self.topologies)[:-KEPT_TOPOLOGIES]:
            del self.topologies[since]
        for survey in sorted(self.surveys)[:-KEPT_TOPOLOGIES]:
            del self.surveys[survey]

    def _note(self, commit: Commit) -> None:
        """Take over what is known of silences and of the past."""
        if commit.silences or commit.lapsed:
            self.silenced = self.revision
        self.quieted |= {one.id: one for one in commit.silences}
        for name in commit.lapsed:
            self.quieted.pop(name, None)
        gone = [name for name in commit.undone if self.bygone.pop(name, None) is not None]
        self.bygone |= {one.incident: one for one in commit.past}
        if commit.past or gone:
            self.remembered = self.revision
            latest = sorted(self.bygone.values(), key=_by_end)[-KEPT_PAST:]
            self.bygone = {p.incident: p for p in latest if p.resolved_at >= commit.horizon.past}

    def _keep(self, record: Record, now: int) -> None:
        self.records[record.id] = record
        self.dirty[record.id] = (record.version, now)
        self.open.pop(record.id, None)
        if record.live:
            self.open[record.id] = record
        else:
            insort(self.closed, (record.last, record.id))
        if record.merged_into is not None:
            self.redirect[record.id] = record.merged_into
            insort(self.redirect_at, (record.last, record.id))

    def _forget(self, before: Horizon) -> None:
        """Drop what lies below the horizons."""
        for _, anomaly in _below(self.seen_at, before.anomalies):
            del self.seen[anomaly]
        while self.cell_times and self.cell_times[0] < before.cells:
            del self.places[self.cell_times.pop(0)]
        for row in _below(self.closed, before.incidents):
            record = self.records.get(row[1])
            if record is None or record.live or record.last != row[0]:
                continue
            if record.id in self.dirty:
                insort(self.closed, row)
                continue
            del self.records[record.id]
            self.told.pop(record.id, None)
        for _, incident in _below(self.redirect_at, before.redirects):
            self.redirect.pop(incident, None)
        self.observed = [row for row in self.observed if row[0] >= before.anomalies][-KEPT_CHANGES:]


def _by_end(past: Past) -> tuple[int, str]:
    return past.resolved_at, past.incident


def _below(rows: list[tuple[int, str]], limit: int) -> list[tuple[int, str]]:
    """Take the rows before a time out of a sorted list."""
    end = bisect_left(rows, (limit, ""))
    gone = rows[:end]
    del rows[:end]
    return gone
