"""Up to when the answer to each query was published, so that what was missed can be asked for."""

from collections.abc import Mapping, Sequence
from typing import Protocol


class Published(Protocol):
    """Remembers, by query, the time of the last answer that was published."""

    def until(self, queries: Sequence[str]) -> dict[str, int]:
        """Return the times in unix milliseconds of those queries that have one."""

    def advance(self, until: Mapping[str, int], oldest: int) -> None:
        """Move times forward; none ever goes back, whoever says so last.

        Args:
            until: By query.
            oldest: Queries whose time lies before it are forgotten: nobody asks them any more.
        """
