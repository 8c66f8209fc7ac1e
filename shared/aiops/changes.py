"""When a service was last changed, for whoever has to learn anew then."""

from collections.abc import Iterable
from typing import Protocol


class ChangeMarks(Protocol):
    """Holds the time of each service's last change."""

    def note(self, service: str, at: int) -> None:
        """Remember a change; an earlier one than is known is none."""

    def latest(self, services: Iterable[str]) -> dict[str, int]:
        """Return when services were last changed, those never changed left out."""
