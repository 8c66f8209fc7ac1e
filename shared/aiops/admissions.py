"""Which series a selector has taken in, where it takes no more than so many."""

from collections.abc import Sequence
from typing import Protocol


class Admissions(Protocol):
    """Holds the series each selector has taken in; one that is silent for long is forgotten."""

    def admit(self, selector: str, most: int, keys: Sequence[str], now: int) -> list[bool]:
        """Return which series are taken in, those that already were among them.

        First come, first served; whoever asks, the answer is the same for all.

        Args:
            selector: What they fall under.
            most: Series it takes.
            keys: Distinct ones.
            now: Unix milliseconds.

        Raises:
            Unavailable: it cannot be known.
        """
