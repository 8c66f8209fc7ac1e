"""Which services the clock has to look at although they tell nothing more."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

SUBJECT = "windows"
"""Subject of the clock's event that has them looked at."""


class Due(NamedTuple):
    """A service, and since when it is to be looked at, in the pipeline's milliseconds."""

    service: str
    at: int


class OpenWindows(Protocol):
    """Services by the time they are to be looked at; every method is one round trip.

    A service is noted before its state says so, and forgotten only if it was not noted again: it
    may be looked at in vain, and is never overlooked.
    """

    def note(self, services: Sequence[str], at: int) -> None:
        """Have services looked at, from a time on; an earlier time is replaced."""

    def due(self, now: int, limit: int) -> list[Due]:
        """Return services whose time has come, the earliest first; those of one time by name."""

    def settle(self, done: Sequence[Due]) -> None:
        """Forget services, but not those that were noted for another time meanwhile."""
