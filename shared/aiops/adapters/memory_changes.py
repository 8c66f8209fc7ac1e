"""The change marks' twin in memory."""

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(slots=True)
class MemoryChanges:
    """Holds marks in a dictionary."""

    marks: dict[str, int] = field(default_factory=dict)

    def note(self, service: str, at: int) -> None:
        """Remember a change."""
        self.marks[service] = max(at, self.marks.get(service, 0))

    def latest(self, services: Iterable[str]) -> dict[str, int]:
        """Return when services were last changed."""
        return {name: self.marks[name] for name in services if name in self.marks}
