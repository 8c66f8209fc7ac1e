"""Deliveries from outside that were seen before, so that one taken down is of no use to anybody."""

from typing import Literal, Protocol

Standing = Literal["new", "in_progress", "done"]


class Deliveries(Protocol):
    """Remembers deliveries by sender and name; times are of the world outside, not the pipeline."""

    def claim(self, sender: str, name: str, lease_ms: int) -> Standing:
        """Take a delivery up, for so long at most, unless another did.

        Returns:
            `new` where it is ours now; `in_progress` while another is at it; `done` where it was
            settled.
        """

    def settle(self, sender: str, name: str, lifetime_ms: int) -> None:
        """Remember that a delivery was passed on."""

    def release(self, sender: str, name: str) -> None:
        """Give up a delivery that could not be passed on, so that it may come again."""
