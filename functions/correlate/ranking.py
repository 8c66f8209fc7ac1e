"""What a ranker is given and what it promises."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from aiops.events import ChangeObserved, Evidence, Suspect
from aiops.topology import Topology
from functions.correlate.incident import strength

SUSPECTS = 3
"""How many are named at most."""


BUDGET = 100_000
"""Calls of services with evidence that a ranker is given at most.

It may look at each of them a few times. With the series an incident keeps unless told otherwise
that is never reached below 500 neighbours of each.
"""


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


def affordable(case: Case, budget: int = BUDGET) -> Case:
    """Return the case with as much of its evidence as can be ranked within a budget.

    What counts is work, not time, so the answer is the same on every machine: the neighbours of
    the services that the evidence speaks of. The strongest pieces are taken first, one at least.
    """
    services = {name for p in case.evidence for name in (p.peak.service, *(p.peak.edge or ()))}
    if len(case.evidence) + sum(map(case.topology.degree, services)) <= budget:
        return case
    left, known = budget, set[str]()
    taken: list[Evidence] = []
    for piece in sorted(case.evidence, key=strength, reverse=True):
        peak = piece.peak
        new = {peak.service, *(peak.edge or ())} - known
        left -= 1 + sum(case.topology.degree(service) for service in new)
        if left < 0 and taken:
            break
        known |= new
        taken.append(piece)
    return replace(case, evidence=tuple(sorted(taken, key=lambda one: one.peak.series)))


class Ranker(Protocol):
    """One way to tell the likely cause; a pure function of the case."""

    def rank(self, case: Case) -> tuple[Suspect, ...]:
        """Return at most three services, the likeliest first, scores falling."""
