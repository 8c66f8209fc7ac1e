"""The twin in memory of the calls that spans tell of."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from aiops.call_sightings import SeenCall


@dataclass(slots=True)
class MemoryCallSightings:
    """Holds times in a dictionary."""

    seen: dict[SeenCall, int] = field(default_factory=dict)

    def note(self, seen: Mapping[SeenCall, int]) -> None:
        """Remember calls."""
        self.seen |= {call: max(at, self.seen.get(call, at)) for call, at in seen.items()}

    def since(self, time: int) -> Iterable[tuple[SeenCall, int]]:
        """Return the calls seen at a time or later."""
        self.seen = {call: at for call, at in self.seen.items() if at >= time}
        return sorted(self.seen.items())
