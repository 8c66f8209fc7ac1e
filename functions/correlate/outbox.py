"""What leaves: suspects ranked, people's time to be told noted, snapshots published."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from aiops.events import ChangeObserved
from aiops.incident_store import Held, Record, View
from aiops.ports import Publisher
from aiops.topology import Topology
from functions.correlate.atlas import Atlas
from functions.correlate.domain import Change, Domain, until_committed
from functions.correlate.ranking import Case, Ranker
from functions.correlate.snapshot import message_of


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


@dataclass(frozen=True, slots=True)
class Outbox:
    """Brings incidents up to date and their snapshots out."""

    domain: Domain
    publisher: Publisher
    ranker: Ranker
    atlas: Atlas

    def send(self, incidents: Collection[str], now: int, extensions: Mapping[str, str]) -> int:
        """Rank these incidents, publish those not yet published, and tell how many those were.

        Args:
            incidents: Ids; one that was merged is published as such.
            now: The time by which people are to be told.
            extensions: What the events carry besides what is their own.

        Raises:
            Unavailable: others kept changing them, or a dependency is away.
        """
        names = sorted(set(incidents))
        if not names:
            return 0
        held = until_committed(lambda: self._ranked(names, now))
        due = [one for one in held if one.dirty]
        if due:
            self.publisher.publish([message_of(one, extensions) for one in due])
            self.domain.store.published([one.record for one in due])
        return len(due)

    def _ranked(self, names: Collection[str], now: int) -> tuple[Held, ...] | None:
        view = self.domain.look(now)
        held = self.domain.store.incidents(names)
        judgements = {name: self._judge(one.record, view, now) for name, one in held.items()}
        changed = tuple(r for name, r in judgements.items() if r != held[name].record)
        if not changed:
            return tuple(held.values())
        committed = self.domain.commit(view, Change(records=changed))
        if committed is None:
            return None
        new = {
            record.id: Held(record, dirty=True, told=held[record.id].told) for record in committed
        }
        return tuple(new.get(name, one) for name, one in held.items())

    def _judge(self, record: Record, view: View, now: int) -> Record:
        topology = self.atlas.at(view.topologies, record.last)
        since = record.opened_at - self.domain.config.change_window * 1000
        changes = self.domain.store.changes(since, record.last)
        return judged(record, self.ranker, topology, changes, now)
