"""From incidents and faults to figures."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import mean, median
from typing import Any

from aiops.events import Incident
from local.evaluation.fault import Fault
from local.evaluation.notified import Notified, notified

ATTRIBUTED_MS = 8 * 60_000
SETTLED_MS = 3_600_000
"""The first hour of a recording, while its series are still being learned."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a fault.

    Attributes:
        fault: The fault.
        incident: The first of its incidents that people were told of; None if it was missed.
        incidents: How many they were told of.
    """

    fault: Fault
    incident: Notified | None
    incidents: int

    @property
    def delay_seconds(self) -> float | None:
        """From the fault's start to the telling; None if it was missed."""
        return (self.incident.notified_at - self.fault.start) / 1000 if self.incident else None

    @property
    def right(self) -> bool:
        """Whether the first suspect, as first told, was the service at fault."""
        return self.blames(1, final=False)

    def blames(self, first: int, *, final: bool) -> bool:
        """Return whether the service at fault is among the first suspects."""
        if self.incident is None:
            return False
        suspects = self.incident.final if final else self.incident.told
        return self.fault.service in suspects[:first]


@dataclass(frozen=True, slots=True)
class Figures:
    """The quality over a number of faults; None where there is nothing to divide by.

    Attributes:
        recall_at_1: Part of the faults whose service was the first suspect as first told.
        recall_at_3: Part of the faults whose service was among the first three.
        final_recall_at_1: The same by the suspects in the end.
        final_recall_at_3: The same by the suspects in the end.
        incidents_per_found_fault: 1 where no fault was told of twice.
        faults_per_incident: Faults that began before the last anomaly of an incident that belongs
            to a fault; 1 where none swallowed the next.
        false_incidents_per_hour: Incidents that belong to no fault.
    """

    faults: int
    found: int
    recall_at_1: float | None
    recall_at_3: float | None
    final_recall_at_1: float | None
    final_recall_at_3: float | None
    incidents_per_found_fault: float | None
    faults_per_incident: float | None
    false_incidents_per_hour: float | None
    median_delay_seconds: float | None
    p95_delay_seconds: float | None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Figures over all faults and over those after the first hour, and every fault's outcome."""

    all: Figures
    after_first_hour: Figures
    outcomes: tuple[Outcome, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the evaluation in JSON's own types."""
        return {
            "all": asdict(self.all),
            "after_first_hour": asdict(self.after_first_hour),
            "faults": [_outcome_json(outcome) for outcome in self.outcomes],
        }


def evaluate(
    incidents: Iterable[Incident], faults: Sequence[Fault], start: int, end: int
) -> Evaluation:
    """Compare incidents with faults.

    Args:
        incidents: The latest snapshot of each incident, merged ones too.
        faults: What is known to have happened.
        start: Where the recording with the faults begins, unix milliseconds.
        end: Where it ends, unix milliseconds; what was opened outside is not counted.
    """
    known = sorted(faults, key=lambda fault: fault.start)
    told = [one for one in notified(incidents) if start <= one.opened_at <= end]
    owners = {one.id: _owner(one, known) for one in told}
    outcomes = tuple(
        _outcome(fault, [one for one in told if owners[one.id] == place])
        for place, fault in enumerate(known)
    )
    settled = start + SETTLED_MS
    late = [outcome for outcome in outcomes if outcome.fault.start >= settled]
    late_told = [one for one in told if one.opened_at >= settled]
    return Evaluation(
        all=_figures(outcomes, told, owners, known, end - start),
        after_first_hour=_figures(late, late_told, owners, known, end - settled),
        outcomes=outcomes,
    )


def _owner(incident: Notified, faults: Sequence[Fault]) -> int | None:
    """Return the place of the fault an incident belongs to; faults are in order of start."""
    begun = [place for place, fault in enumerate(faults) if fault.start <= incident.opened_at]
    if not begun or incident.opened_at - faults[begun[-1]].start > ATTRIBUTED_MS:
        return None
    return begun[-1]


def _outcome(fault: Fault, told: Sequence[Notified]) -> Outcome:
    return Outcome(fault, told[0] if told else None, len(told))


def _figures(
    outcomes: Sequence[Outcome],
    told: Sequence[Notified],
    owners: Mapping[str, int | None],
    faults: Sequence[Fault],
    span_ms: int,
) -> Figures:
    def recall(first: int, *, final: bool) -> float | None:
        return _mean([outcome.blames(first, final=final) for outcome in outcomes])

    delays = sorted(d for outcome in outcomes if (d := outcome.delay_seconds) is not None)
    owned = [one for one in told if owners[one.id] is not None]
    hours = span_ms / 3_600_000
    return Figures(
        faults=len(outcomes),
        found=len(delays),
        recall_at_1=recall(1, final=False),
        recall_at_3=recall(3, final=False),
        final_recall_at_1=recall(1, final=True),
        final_recall_at_3=recall(3, final=True),
        incidents_per_found_fault=_mean([one.incidents for one in outcomes if one.incident]),
        faults_per_incident=_mean([_covered(one, owners[one.id], faults) for one in owned]),
        false_incidents_per_hour=(len(told) - len(owned)) / hours if hours > 0 else None,
        median_delay_seconds=median(delays) if delays else None,
        p95_delay_seconds=delays[math.ceil(0.95 * len(delays)) - 1] if delays else None,
    )


def _covered(incident: Notified, owner: int | None, faults: Sequence[Fault]) -> int:
    """Return how many faults lie in an incident: its own and those that began while it ran."""
    swallowed = sum(incident.opened_at < fault.start <= incident.last_at for fault in faults)
    return swallowed + (owner is not None)


def _mean(values: Sequence[float]) -> float | None:
    return mean(values) if values else None


def _outcome_json(outcome: Outcome) -> dict[str, Any]:
    incident = outcome.incident
    return {
        **asdict(outcome.fault),
        "incident": incident.id if incident else None,
        "incidents": outcome.incidents,
        "delay_seconds": outcome.delay_seconds,
        "suspects_at_notification": list(incident.told) if incident else [],
        "suspects": list(incident.final) if incident else [],
        "right": outcome.right,
    }
