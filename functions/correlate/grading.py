"""What a severity policy is given and what it promises."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from functions.correlate.ranking import Case

WORST = 5


@dataclass(frozen=True, slots=True)
class Grade:
    """How bad an incident is.

    Attributes:
        severity: 1 (least) to 5.
        reasons: Why, in words, the weightiest first; at least one.
    """

    severity: int
    reasons: tuple[str, ...]


class Severity(Protocol):
    """One way to tell how bad an incident is; a pure function of what it is given."""

    def grade(self, case: Case, affected: Sequence[str]) -> Grade:
        """Return the severity of a case.

        Args:
            case: All that is known of it.
            affected: The first suspect, where there is one, and the services that may be affected
                by it.
        """
