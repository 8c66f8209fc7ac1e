"""What a ranker is given and what it promises."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from aiops.events import ChangeObserved, Evidence, Suspect
from aiops.topology import Topology

SUSPECTS = 3
"""How many are named at most."""


@dataclass(frozen=True, slots=True)
class Case:
    """All that is known of an incident.

    Attributes:
        evidence: What each series says, sorted by series, at least one.
        topology: Who called whom at the time of its last anomaly.
        changes: What was changed shortly before or during it, oldest first.
    """

    evidence: Sequence[Evidence]
    topology: Topology
    changes: Sequence[ChangeObserved]


class Ranker(Protocol):
    """One way to tell the likely cause; a pure function of the case."""

    def rank(self, case: Case) -> tuple[Suspect, ...]:
        """Return at most three services, the likeliest first, scores falling."""
