"""The action log's twin in memory."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from aiops.action_log import ActionRecord, slot_of
from aiops.events import Incident


@dataclass(slots=True)
class MemoryActionLog:
    """Keeps records and snapshots, which nobody can change.

    Attributes:
        timer: Seconds of real time, for leases.
    """

    timer: Callable[[], float] = time.monotonic
    _records: dict[str, ActionRecord] = field(default_factory=dict)
    _snapshots: dict[str, dict[int, Incident]] = field(default_factory=dict)
    _due: dict[str, int] = field(default_factory=dict)
    _leases: dict[tuple[str, str], tuple[str, float]] = field(default_factory=dict)

    def read(self, incident: str) -> ActionRecord | None:
        """Return the record of an incident."""
        return self._records.get(incident)

    def snapshot(self, incident: str, version: int) -> Incident | None:
        """Return a snapshot the record still needs."""
        return self._snapshots.get(incident, {}).get(version)

    def commit(self, record: ActionRecord, snapshot: Incident | None = None) -> bool:
        """Store a record if its revision is still the stored one."""
        stored = self.read(record.incident)
        if record.revision != (0 if stored is None else stored.revision):
            return False
        after = record.model_copy(update={"revision": record.revision + 1})
        self._records[record.incident] = after
        kept = self._snapshots.setdefault(record.incident, {})
        if snapshot is not None:
            kept[snapshot.version] = snapshot
        for version in set(kept) - record.snapshots:
            del kept[version]
        if record.due_at is None:
            self._due.pop(record.incident, None)
        else:
            self._due[record.incident] = record.due_at
        return True

    def due(self, slots: Sequence[int], until: int, limit: int) -> Sequence[str]:
        """Return incidents with something to do."""
        found = sorted((at, incident) for incident, at in self._due.items() if at <= until)
        left = dict.fromkeys(slots, limit)
        chosen = []
        for _, incident in found:
            slot = slot_of(incident)
            if left.get(slot, 0) > 0:
                left[slot] -= 1
                chosen.append(incident)
        return chosen

    def discard(self, incident: str) -> None:
        """Forget that an incident is due."""
        self._due.pop(incident, None)

    def acquire(self, incident: str, channel: str, token: str, lifetime_ms: int) -> bool:
        """Take a lease."""
        _, until = self._leases.get((incident, channel), ("", 0.0))
        if until > self.timer():
            return False
        self._leases[incident, channel] = (token, self.timer() + lifetime_ms / 1000)
        return True

    def release(self, incident: str, channel: str, token: str) -> None:
        """Give a lease back."""
        if self._leases.get((incident, channel), ("", 0.0))[0] == token:
            del self._leases[incident, channel]
