"""What one process knows of the domain as of a revision, so that it need not read it again."""

from collections import deque
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from aiops.incident_store import Held, IncidentStore, Record, View
from functions.correlate.atlas import Versions
from functions.correlate.domain import Applied, Change
from functions.correlate.intake import Spans, destination
from functions.correlate.neighbourhood import Keys, Neighbourhood

MAX_EVIDENCE = 5_000
"""Pieces of evidence of which records are kept in memory; about 4 kB each."""

KEPT_SPANS = 4
"""Spans of cells that are kept in memory before the older ones are dropped."""


@dataclass(slots=True)
class Known:
    """The domain as it was at a revision; whoever holds it has it alone.

    Attributes:
        revision: While it is the domain's, all of this still holds.
        topologies: By which the keys of sites were found.
        changed: The revision of the changes by which they were found as well.
        since: Every cell from this time on is here; None where only those that were asked for are.
        cells: Each in the incident it belongs to by now.
        records: Incidents that were read or written.
    """

    revision: int
    topologies: Versions
    changed: int
    since: int | None
    cells: Neighbourhood
    records: dict[str, Held] = field(default_factory=dict)
    _evidence: int = 0

    def holds(self, view: View, spans: Spans) -> bool:
        """Return whether the cells of these spans are known as of what was just read."""
        return (
            self.revision == view.revision and self.since is not None and self.since <= spans[0][0]
        )

    def incidents(self, names: Collection[str], store: IncidentStore) -> Mapping[str, Record]:
        """Return the records of incidents, those that are not known yet read."""
        missing = [name for name in names if name not in self.records]
        if missing:
            self._keep(store.incidents(missing).values())
        return {name: self.records[name].record for name in names if name in self.records}

    def learn(self, change: Change, applied: Applied) -> None:
        """Take over what was committed on what is known."""
        self.revision = applied.revision
        for placed in change.cells:
            self.cells.add(placed.cell, placed.incident)
        merged = {r.id: r.merged_into for r in change.records if r.merged_into is not None}
        if merged:
            self.cells.move(merged)
        self._keep(applied.held)

    def trim(self, spans: Spans) -> None:
        """Drop what grew old: cells long before those last asked for, records least used."""
        first, last = spans[0]
        if first - self.cells.oldest > KEPT_SPANS * (last - first):
            self.since = first
            self.cells = self.cells.since(first)
        while self._evidence > MAX_EVIDENCE:
            self._drop(next(iter(self.records)))

    def _keep(self, incidents: Iterable[Held]) -> None:
        for one in incidents:
            self._drop(one.record.id)
            self.records[one.record.id] = one
            self._evidence += len(one.record.evidence)

    def _drop(self, name: str) -> None:
        gone = self.records.pop(name, None)
        if gone is not None:
            self._evidence -= len(gone.record.evidence)


class Memory:
    """Where a process leaves what it knows between events.

    Whoever takes it has it alone; another thread meanwhile reads for itself.
    """

    def __init__(self) -> None:
        self._left: deque[Known] = deque(maxlen=1)

    def take(self) -> Known | None:
        """Return what was left, once."""
        try:
            return self._left.pop()
        except IndexError:
            return None

    def leave(self, known: Known) -> None:
        """Leave something for the next one."""
        self._left.append(known)


def read(store: IncidentStore, view: View, spans: Spans, keys: Keys, before: Known | None) -> Known:
    """Return what is known once the cells of some spans are read.

    Args:
        store: The domain.
        view: What was just read of it.
        spans: Times of cells, disjoint and sorted.
        keys: Of a site, under the topologies and the changes of the view.
        before: Known as of another revision, or of other times; taken over where it helps.
    """
    first, last = spans[0]
    all_since = len(spans) == 1 and last >= view.watermark
    found = store.cells(spans)
    cells = Neighbourhood(keys)
    same_keys = before is not None and (
        (before.topologies, before.changed) == (view.topologies, view.changed)
    )
    if before is not None and all_since and same_keys:
        cells = before.cells
    moved = store.moved({*cells.incidents, *(placed.incident for placed in found)})
    cells.move(moved)
    here = dict.fromkeys((placed.cell, destination(placed.incident, moved)) for placed in found)
    for cell, incident in here:
        cells.add(cell, incident)
    if cells.count(first, last) > len(here):  # a store that was restored has lost some
        cells = Neighbourhood(keys, here)
    since = first if all_since else None
    return Known(view.revision, view.topologies, view.changed, since, cells)
