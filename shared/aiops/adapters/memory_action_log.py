"""The action log's twin in memory."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from aiops.action_log import ActionRecord, slot_of
from aiops.events import Incident


@dataclass(slots=True)
class MemoryActionLog:
    """Keeps records as the JSON that the store would hold.

    Attributes:
        timer: Seconds of real time, for leases.
    """

    timer: Callable[[], float] = time.monotonic
    _records: dict[str, str] = field(default_factory=dict)
    _snapshots: dict[str, dict[int, str]] = field(default_factory=dict)
    _due: dict[str, int] = field(default_factory=dict)
    _leases: dict[tuple[str, str], tuple[str, float]] = field(default_factory=dict)

    def read(self, incident: str) -> ActionRecord | None:
        """Return the record of an incident."""
        text = self._records.get(incident)
        return None if text is None else ActionRecord.model_validate_json(text)

    def snapshot(self, incident: str, version: int) -> Incident | None:
        """Return a snapshot the record still needs."""
        text = self._snapshots.get(incident, {}).get(version)
        return None if text is None else Incident.model_validate_json(text)

    def commit(self, record: ActionRecord, snapshot: Incident | None = None) -> bool:
        """Store a record if its revision is still the stored one."""
        stored = self.read(record.incident)
        if record.revision != (0 if stored is None else stored.revision):
            return False
        after = record.model_copy(update={"revision": record.revision + 1})
        self._records[record.incident] = after.model_dump_json()
        kept = self._snapshots.setdefault(record.incident, {})
        if snapshot is not None:
            kept[snapshot.version] = snapshot.model_dump_json()
        for version in set(kept) - record.snapshots:
            del kept[version]
        if record.due_at is None:
            self._due.pop(record.incident, None)
        else:
            self._due[record.incident] = record.due_at
        return True

    def due(self, slot: int, until: int, limit: int) -> Sequence[str]:
        """Return incidents of a slot with something to do."""
        found = [(at, one) for one, at in self._due.items() if at <= until and slot_of(one) == slot]
        return [incident for _, incident in sorted(found)[:limit]]

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
