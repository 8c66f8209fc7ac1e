"""What is made of an incident before it is told: suspects ranked, people's time noted."""

from collections.abc import Collection
from dataclasses import dataclass, field

from aiops.events import ChangeObserved
from aiops.incident_store import IncidentStore, Record, View
from aiops.topology import Topology
from functions.correlate.atlas import Atlas
from functions.correlate.domain import MEMORY
from functions.correlate.ranking import Case, Ranker

ALL_TIME = 1 << 62


def judged(
    record: Record,
    ranker: Ranker,
    topology: Topology,
    changes: Collection[ChangeObserved],
    now: int,
) -> Record:
    """Return the record with its suspects ranked; frozen for people when their time has come."""
    if record.status == "merged":
        return record
    suspects = ranker.rank(Case(record.evidence, topology, tuple(changes)))
    update: dict[str, object] = {
        "root_cause": suspects,
        "blast_radius": topology.blast_radius(suspects[0].service) if suspects else (),
    }
    if record.notify_from is not None and record.notify_from <= now:
        update |= {
            "notify_from": None,
            "notified_at": now,
            "root_cause_at_notification": suspects,
        }
    return record.model_copy(update=update)


@dataclass(slots=True)
class Judge:
    """Judges incidents by what the domain knows at a time.

    The changes are read again only where some were added. Threads share a judge, so what it
    remembers is replaced as a whole.
    """

    store: IncidentStore
    ranker: Ranker
    atlas: Atlas
    change_window: int
    _changes: tuple[int, tuple[ChangeObserved, ...]] = field(default=(0, ()))

    def judge(self, record: Record, view: View, now: int) -> Record:
        """Return the record as it is to be told.

        Args:
            record: With the status that follows from what is known of it.
            view: The domain it was decided on.
            now: The time by which people are to be told.
        """
        if record.status == "merged":
            return record
        topology = self.atlas.at(view.topologies, record.last)
        # Older ones may be forgotten any time.
        since = max(record.opened_at - self.change_window * 1000, view.watermark - MEMORY)
        changes = [c for c in self._known(view) if since <= c.observed_at <= record.last]
        return judged(record, self.ranker, topology, changes, now)

    def _known(self, view: View) -> tuple[ChangeObserved, ...]:
        """Return all changes as of a view, oldest first."""
        changed, known = self._changes
        if changed != view.changed:
            known = self.store.changes(0, ALL_TIME)
            self._changes = (view.changed, known)
        return known
