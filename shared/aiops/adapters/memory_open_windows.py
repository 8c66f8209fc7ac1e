"""The twin in memory of what the clock has to look at."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from aiops.open_windows import Due


@dataclass(slots=True)
class MemoryOpenWindows:
    """Holds times in a dictionary."""

    noted: dict[str, int] = field(default_factory=dict)

    def note(self, services: Sequence[str], at: int) -> None:
        """Have services looked at, from a time on."""
        self.noted |= dict.fromkeys(services, at)

    def due(self, now: int, limit: int) -> list[Due]:
        """Return services whose time has come, the earliest first."""
        found = sorted((at, name) for name, at in self.noted.items() if at <= now)
        return [Due(name, at) for at, name in found[:limit]]

    def settle(self, done: Sequence[Due]) -> None:
        """Forget services, unless they were noted again."""
        for one in done:
            if self.noted.get(one.service) == one.at:
                del self.noted[one.service]
