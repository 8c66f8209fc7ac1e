"""The twin in memory of what `correlate` keeps."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from aiops.events import ChangeObserved
from aiops.incident_store import Commit, Held, Placed, Query, Record, View
from aiops.topology import EMPTY, Topology

LISTED = 64
"""Incidents a look lists at most, of each kind."""

KEPT_TOPOLOGIES = 8
KEPT_CHANGES = 1_000


@dataclass(slots=True)
class MemoryIncidents:
    """Keeps one domain's state in dictionaries."""

    revision: int = 0
    watermark: int = 0
    processed_until: int = 0
    seen: dict[str, tuple[int, str]] = field(default_factory=dict)
    cells: dict[tuple[str, int], Placed] = field(default_factory=dict)
    records: dict[str, Record] = field(default_factory=dict)
    redirect: dict[str, tuple[int, str]] = field(default_factory=dict)
    dirty: dict[str, tuple[int, int]] = field(default_factory=dict)
    told: dict[str, int] = field(default_factory=dict)
    topologies: dict[int, Topology] = field(default_factory=dict)
    observed: list[ChangeObserved] = field(default_factory=list)

    def look(self, query: Query) -> View:
        """Read the domain."""
        low, high = query.cells or (0, -1)
        found = (placed for placed in self.cells.values() if low <= placed.cell.time <= high)
        return View(
            self.revision,
            self.watermark,
            self.processed_until,
            {a: self.seen[a][1] for a in query.anomalies if a in self.seen},
            tuple(sorted(found, key=lambda placed: placed.cell.key)) if high >= low else (),
            self._waiting(query.now),
            self._overdue(query.dirty_before),
            tuple((since, self.topologies[since].version) for since in sorted(self.topologies)),
        )

    def moved(self, incidents: Collection[str]) -> Mapping[str, str]:
        """Return where merged ones of these went."""
        moves: dict[str, str] = {}
        for incident in incidents:
            here = incident
            while here in self.redirect and here not in moves:
                moves[here] = self.redirect[here][1]
                here = moves[here]
        return moves

    def incidents(self, incidents: Collection[str]) -> Mapping[str, Held]:
        """Return those of these that are known."""
        return {
            incident: Held(
                self.records[incident], incident in self.dirty, self.told.get(incident, 0)
            )
            for incident in incidents
            if incident in self.records
        }

    def quiet(self, before: int, limit: int) -> tuple[str, ...]:
        """Return open incidents active last before that time."""
        found = [(r.active_until, r.id) for r in self.records.values() if r.live]
        return tuple(name for active, name in sorted(found) if active < before)[:limit]

    def live(self, limit: int) -> tuple[str, ...]:
        """Return open incidents, the latest active first."""
        found = [(-r.active_until, r.id) for r in self.records.values() if r.live]
        return tuple(name for _, name in sorted(found)[:limit])

    def changes(self, since: int, until: int) -> tuple[ChangeObserved, ...]:
        """Return the changes observed in that time."""
        return tuple(change for change in self.observed if since <= change.observed_at <= until)

    def topology(self, version: str) -> Topology:
        """Return a topology, an empty one where it is gone."""
        return next((t for t in self.topologies.values() if t.version == version), EMPTY)

    def commit(self, commit: Commit) -> bool:
        """Make the change, unless the revision has moved on."""
        if commit.revision != self.revision:
            return False
        self.revision += 1
        self.watermark = max(self.watermark, commit.watermark)
        self.processed_until = max(self.processed_until, commit.processed_until)
        for sighting in commit.sightings:
            self.seen.setdefault(sighting.anomaly, (sighting.time, sighting.incident))
        for placed in commit.cells:
            self.cells.setdefault(placed.cell.key, placed)
        for record in commit.records:
            self._keep(record, commit.now)
        if commit.topology is not None:
            since, topology = commit.topology
            self.topologies[since] = topology
        self._remember(commit.changes)
        self._forget(commit)
        return True

    def published(self, records: Collection[Record]) -> None:
        """Note that these were published."""
        for record in records:
            self.told[record.id] = max(self.told.get(record.id, 0), record.generation)
            if self.dirty.get(record.id, (0, 0))[0] == record.version:
                del self.dirty[record.id]

    def _keep(self, record: Record, now: int) -> None:
        self.records[record.id] = record
        self.dirty[record.id] = (record.version, now)
        if record.merged_into is not None:
            self.redirect[record.id] = (record.last, record.merged_into)

    def _waiting(self, now: int) -> tuple[str, ...]:
        found = [
            (record.notify_from, record.id)
            for record in self.records.values()
            if record.live and record.notify_from is not None and record.notify_from <= now
        ]
        return tuple(name for _, name in sorted(found)[:LISTED])

    def _overdue(self, before: int) -> tuple[str, ...]:
        found = [(at, name) for name, (_, at) in self.dirty.items() if at <= before]
        return tuple(name for _, name in sorted(found)[:LISTED])

    def _remember(self, changes: Collection[ChangeObserved]) -> None:
        if changes:
            known = {change.model_dump_json(): change for change in (*self.observed, *changes)}
            ordered = sorted(known.items(), key=lambda item: (item[1].observed_at, item[0]))
            self.observed = [change for _, change in ordered][-KEPT_CHANGES:]

    def _forget(self, commit: Commit) -> None:
        before = commit.horizon
        self.seen = {a: seen for a, seen in self.seen.items() if seen[0] >= before.anomalies}
        self.cells = {k: p for k, p in self.cells.items() if p.cell.time >= before.cells}
        self.observed = [c for c in self.observed if c.observed_at >= before.anomalies]
        gone = [
            record.id
            for record in self.records.values()
            if record.last < before.incidents and not record.live and record.id not in self.dirty
        ]
        for name in gone:
            del self.records[name]
            self.told.pop(name, None)
        self.redirect = {k: v for k, v in self.redirect.items() if v[0] >= before.redirects}
        for since in sorted(self.topologies)[:-KEPT_TOPOLOGIES]:
            del self.topologies[since]
