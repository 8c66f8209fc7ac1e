"""What leaves: incidents brought up to date, and their snapshots published."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from aiops.incident_store import Held
from aiops.ports import Publisher
from functions.correlate.domain import Change, Domain, until_committed
from functions.correlate.judging import Judge
from functions.correlate.snapshot import message_of


@dataclass(frozen=True, slots=True)
class Outbox:
    """Brings incidents up to date and their snapshots out."""

    domain: Domain
    publisher: Publisher
    judge: Judge

    def send(self, incidents: Collection[str], now: int, extensions: Mapping[str, str]) -> int:
        """Judge these incidents, publish those not yet published, and tell how many those were.

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
        return self.publish(until_committed(lambda: self._judged(names, now)), extensions)

    def publish(self, incidents: Collection[Held], extensions: Mapping[str, str]) -> int:
        """Publish those of these incidents not yet published, and tell how many those were.

        Raises:
            Unavailable: a dependency is away.
        """
        due = [one for one in incidents if one.dirty]
        if due:
            self.publisher.publish([message_of(one, extensions) for one in due])
            self.domain.store.published([one.record for one in due])
        return len(due)

    def _judged(self, names: Collection[str], now: int) -> tuple[Held, ...] | None:
        view = self.domain.look(now)
        held = self.domain.store.incidents(names)
        judgements = {n: self.judge.judge(one.record, view, now) for n, one in held.items()}
        changed = tuple(r for name, r in judgements.items() if r != held[name].record)
        if not changed:
            return tuple(held.values())
        applied = self.domain.commit(view, Change(records=changed))
        if applied is None:
            return None
        new = {one.record.id: one for one in applied.held}
        return tuple(new.get(name, one) for name, one in held.items())
