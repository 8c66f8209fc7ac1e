"""Runs of runbooks as the record of an incident keeps them."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, JsonValue

from aiops.events import Milliseconds, RunState, Severity
from aiops.ids import derive

Mode = Literal["dry-run", "approve", "auto"]

ENDED: frozenset[RunState] = frozenset(
    ("succeeded", "failed", "expired", "rejected", "skipped", "unknown")
)


def run_id(incident: str, generation: int, runbook: str, service: str) -> str:
    """Return the id of a run: whoever proposes the same names it alike."""
    return derive("run", incident, generation, runbook, service)


class Approval(BaseModel):
    """Who approved, and when."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    by: str
    at: Milliseconds


class Change(BaseModel):
    """A run came into a state, at a time, for a reason; `by` whom, where a person decided it."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    state: RunState
    at: Milliseconds
    reason: str
    by: str = ""


class RunStep(BaseModel):
    """One operation of a run, as it was proposed: what people approve is what is done.

    Attributes:
        operation: Its kind.
        arguments: With all names put in.
        target: What it changes, such as `Deployment payments/cart`.
        summary: What it does, in a line.
        checked: Whether the server said, in a dry run, that it would work.
        checked_at: When it last said so.
        state: `sending` from before its call until the end of the call is noted.
        attempts: How often it was about to be done.
        doubtful: Whether an attempt may have had its effect although nobody knows that it had.
        result: How it ended, or what the last attempt ran into.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    operation: str
    arguments: dict[str, JsonValue]
    target: str
    summary: str
    checked: bool = False
    checked_at: Milliseconds = 0
    state: Literal["planned", "sending", "done", "failed", "unknown"] = "planned"
    attempts: int = 0
    doubtful: bool = False
    result: str = ""


class Run(BaseModel):
    """A runbook that answers one incident.

    Attributes:
        number: From 1, among the runs of the incident.
        mode: As the runbook said when it was proposed.
        service: The suspected cause it answers.
        metric: The metric that speaks most against it.
        version: The snapshot it was proposed for.
        changes: All states it came into, the first `proposed`.
        announced: How many of them were published.
        next_at: When to go on with it, unix milliseconds.
        expires_at: When it is too late to begin it.
        severity: The incident's, as the latest snapshot says.
        cause: The top suspect, likewise.
        taken_over: Whether another incident took it over.
        receivers: Who is told of the incident; None for everybody.
        doubt: Why the latest snapshot speaks against beginning it; empty where it does not.
        last_anomaly: Time of the latest anomaly of what it answers, as the latest snapshot says.
        over_at: When the incident was over; None while it goes on.
        performed_at: When its last operation was done.
        verify_until: When it counts as failed unless what it answers recovered.
        admitted: Whether it may have a lock on its targets.
        settled: Whether its end was told to who keeps locks and budgets.
        attempts: How often in a row something in its way did not answer.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    id: str
    number: int
    incident: str
    generation: int
    runbook: str
    mode: Mode
    domain: str
    service: str
    metric: str
    version: int
    steps: tuple[RunStep, ...]
    changes: tuple[Change, ...]
    announced: int = 0
    next_at: Milliseconds
    expires_at: Milliseconds
    approvals: tuple[Approval, ...] = ()
    severity: Severity = 1
    cause: str | None = None
    taken_over: bool = False
    receivers: tuple[str, ...] | None = None
    doubt: str = ""
    last_anomaly: Milliseconds = 0
    over_at: Milliseconds | None = None
    performed_at: Milliseconds | None = None
    verify_until: Milliseconds | None = None
    admitted: bool = False
    settled: bool = False
    attempts: int = 0

    @property
    def state(self) -> RunState:
        """What it is in now."""
        return self.changes[-1].state

    @property
    def ended(self) -> bool:
        """Whether nothing more will be done."""
        return self.state in ENDED

    @property
    def proposed_at(self) -> int:
        """When it was proposed."""
        return self.changes[0].at

    @property
    def targets(self) -> tuple[str, ...]:
        """What it changes, each once."""
        return tuple(dict.fromkeys(step.target for step in self.steps))

    @property
    def due_at(self) -> int | None:
        """When there is something to do about it; None if there is nothing."""
        times = [] if self.ended and (self.settled or not self.admitted) else [self.next_at]
        times += [self.changes[self.announced].at] if self.announced < len(self.changes) else []
        return min(times, default=None)


class Considered(BaseModel):
    """Why a runbook was chosen for the latest snapshot, or why not."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    runbook: str
    chosen: bool
    reason: str
