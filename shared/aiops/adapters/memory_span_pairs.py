"""The twin in memory of what brings both ends of calls together."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from aiops.span_pairs import Half, Whole


@dataclass(slots=True)
class MemorySpanPairs:
    """Holds ends and owners in dictionaries; lifetimes are not kept.

    Attributes:
        most: Ends kept of one trace.
    """

    most: int = 2_000
    ends: dict[tuple[str, str, bool], bytes] = field(default_factory=dict)
    owners: dict[tuple[str, str], str] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)

    def join(self, record: str, halves: Sequence[Half]) -> list[Whole]:
        """Keep some ends; return the calls that are the record's."""
        for one in halves:
            place, size = one[:3], self.sizes.get(one.trace, 0)
            if place not in self.ends and size < self.most:
                self.ends[place] = one.told
                self.sizes[one.trace] = size + 1
        found = []
        for trace, call in dict.fromkeys(one[:2] for one in halves):
            client = self.ends.get((trace, call, False))
            server = self.ends.get((trace, call, True))
            if client is None or server is None:
                continue
            if self.owners.setdefault((trace, call), record) == record:
                found.append(Whole(client, server))
        return found
