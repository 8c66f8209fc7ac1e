"""The series store's twin in memory."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from aiops.series_store import DRAIN_LIMIT, NONCE_BYTES, Field, Loaded, Mode, Write


@dataclass(slots=True)
class MemorySeriesStore:
    """Holds records and outputs in dictionaries; lifetimes are not kept."""

    records: dict[tuple[int, str], bytes] = field(default_factory=dict)
    waiting: dict[int, dict[str, tuple[int, bytes]]] = field(default_factory=dict)
    marks: dict[str, int] = field(default_factory=dict)
    history: dict[tuple[int, str, int], bytes] = field(default_factory=dict)

    def load(
        self, keys: Sequence[tuple[int, str]], shards: Iterable[int], overdue_before: int
    ) -> Loaded:
        """Return records, backlog and overdue outputs."""
        overdue: dict[Field, bytes] = {}
        backlog = 0
        for shard in shards:
            out = self.waiting.get(shard, {})
            backlog = max(backlog, len(out))
            due = sorted((at, name) for name, (at, _) in out.items() if at < overdue_before)
            overdue |= {(shard, name): out[name][1] for _, name in due[:DRAIN_LIMIT]}
        return Loaded([self.records.get(key) for key in keys], backlog, overdue)

    def commit(self, writes: Sequence[Write], now: int) -> list[int]:
        """Write what is still expected, return the places of the rest."""
        refused = []
        for place, write in enumerate(writes):
            key = (write.shard, write.key)
            stored = self.records.get(key, b"")
            if stored[:NONCE_BYTES] != write.expected:
                refused.append(place)
                continue
            self.records[key] = _patched(stored, write)
            out = self.waiting.setdefault(write.shard, {})
            out.update({name: (now, content) for name, content in write.outputs})
            for chunk, points in write.history:
                where = (write.shard, write.key, chunk)
                self.history[where] = self.history.get(where, b"") + points
        return refused

    def outputs(self, fields: Sequence[Field]) -> dict[Field, bytes]:
        """Return the outputs still waiting."""
        return {
            (shard, name): self.waiting[shard][name][1]
            for shard, name in fields
            if name in self.waiting.get(shard, {})
        }

    def remove(self, fields: Sequence[Field]) -> None:
        """Forget outputs."""
        for shard, name in fields:
            self.waiting.get(shard, {}).pop(name, None)

    def mark_processed(self, partition: str, until: int) -> None:
        """Remember the latest mark."""
        self.marks[partition] = max(until, self.marks.get(partition, 0))

    def processed(self) -> dict[str, int]:
        """Return the marks."""
        return dict(self.marks)


def _patched(stored: bytes, write: Write) -> bytes:
    """Return the record as Redis would hold it after writing only the span that changed."""
    return write.span if write.mode is Mode.WHOLE else write.span + stored[len(write.span) :]
