"""Both ends of calls, brought together although they come at different times to different places.

Whoever calls and whoever is called each tell of their own end of a call. The record with which the
second end comes owns the call; it is the only one that is ever told of both.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol


class Half(NamedTuple):
    """One end of a call.

    Attributes:
        trace: Id of the trace.
        call: Id of the client's span, which is the parent of the server's.
        asked: Whether it is the server's end.
        told: What its service tells of it.
    """

    trace: str
    call: str
    asked: bool
    told: bytes


class Whole(NamedTuple):
    """Both ends of a call, as they were told first."""

    client: bytes
    server: bytes


class SpanPairs(Protocol):
    """Ends of calls that wait for the other one, for a while; one round trip."""

    def join(self, record: str, halves: Sequence[Half]) -> list[Whole]:
        """Keep some ends; return the calls of which both are known now and that are the record's.

        The same record gets the same calls again, and no other one does.

        Args:
            record: Names the record the ends come with, among all records.
            halves: Of the same end of a call what was told first counts.
        """
