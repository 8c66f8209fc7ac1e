"""Work that is done once for an object that never changes."""

from collections.abc import Callable
from typing import Generic, TypeVar

Subject = TypeVar("Subject")
Result = TypeVar("Result")

MOST = 1 << 13
"""Objects remembered at most; then all are forgotten."""


class Once(Generic[Subject, Result]):
    """Remembers what a pure function returned for an object, by the object itself, not its value.

    Records share their evidence with the versions before them, so what is derived from one piece
    need not be derived again for each version. Comparing or hashing a piece would cost as much.

    Args:
        function: Pure; its subjects never change.
    """

    def __init__(self, function: Callable[[Subject], Result]) -> None:
        self._function = function
        self._known: dict[int, tuple[Subject, Result]] = {}

    def __call__(self, subject: Subject) -> Result:
        """Return what the function returns."""
        known = self._known.get(id(subject))
        if known is not None and known[0] is subject:
            return known[1]
        result = self._function(subject)
        if len(self._known) >= MOST:
            self._known.clear()
        # The subject is kept, so that no other one gets its id.
        self._known[id(subject)] = subject, result
        return result
