"""The twin in memory of what remembers up to when queries were published."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(slots=True)
class MemoryPublished:
    """Holds times in a dictionary."""

    times: dict[str, int] = field(default_factory=dict)

    def until(self, queries: Sequence[str]) -> dict[str, int]:
        """Return the times of those queries that have one."""
        return {query: self.times[query] for query in queries if query in self.times}

    def advance(self, until: Mapping[str, int], oldest: int) -> None:
        """Move times forward."""
        moved = {query: max(at, self.times.get(query, at)) for query, at in until.items()}
        known = self.times | moved
        self.times = {query: at for query, at in known.items() if at >= oldest}
