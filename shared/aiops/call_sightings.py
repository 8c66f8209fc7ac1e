"""Calls that spans tell of: who was seen calling whom, and when last."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple, Protocol

MOST_CALLS = 20_000
"""Calls that are remembered; those longest not seen are forgotten first."""


class SeenCall(NamedTuple):
    """Who calls whom.

    Attributes:
        connection: What lies between them or is called, such as `database`; empty for a plain one.
    """

    client: str
    server: str
    connection: str = ""


class CallSightings(Protocol):
    """Remembers calls by when they were last seen; every method is one round trip."""

    def note(self, seen: Mapping[SeenCall, int]) -> None:
        """Remember calls, with the unix milliseconds at which each was seen; never goes back."""

    def since(self, time: int) -> Iterable[tuple[SeenCall, int]]:
        """Return the calls seen at a time or later, with when last; forget the others."""
