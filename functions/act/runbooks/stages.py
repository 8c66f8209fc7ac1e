"""What is done next about a run, by the state it is in: one thing at a time.

What is about to be done is stored first. Before every call the switch that stops everything is
looked at, and the locks on the targets are taken or renewed.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass

from pydantic import BaseModel

from aiops.clock import Clock
from aiops.events import RunState
from aiops.rails import Rails, Refusal, claim_targets
from aiops.runs import Run, RunStep
from functions.act.operation import OPERATION_SECONDS, Operation, Outcome
from functions.act.runbooks import life
from functions.act.runbooks.claims import claim_of
from functions.act.runbooks.guarding import (
    hesitation,
    spared,
    unapproved,
    untimely,
    wrong_namespace,
)
from functions.act.runbooks.keeping import Keeper
from functions.act.runbooks.model import Runbook, milliseconds
from functions.act.runbooks.proposing import Shelf
from functions.act.steps import backoff_ms

LEASE_SECONDS = 14.0
"""Longer than a call can take, so that who holds a lease has the incident's runs alone."""

CHECK_SECONDS = 30.0
"""For how long counts what the server said of a step; then it is asked once more before it is done,
as whoever approved may have taken long, and the target may be another by then."""

WAIT_SECONDS = 30.0
"""After which is asked again for a target that another run has, or whether all is still paused."""


@dataclass(slots=True)
class Stage:
    """Does the next thing about a run, under a lease; each returns what was done, in a word.

    Attributes:
        keeper: Changes runs where they are kept.
        rails: What holds across incidents.
        shelf: The runbooks.
        clock: The pipeline's time.
        timer: Seconds of real time.
        storm: Returns of a domain at a time why nothing runs without people, empty where it may.
        held_since: When the lease was taken, by the timer.
    """

    keeper: Keeper
    rails: Rails
    shelf: Shelf
    clock: Clock
    timer: Callable[[], float]
    storm: Callable[[str, int], str]
    held_since: float

    def check(self, run: Run, runbook: Runbook) -> str:
        """Have the server say whether the next step would work; then ask people, or go ahead."""
        now = self.clock.now()
        place = next((i for i, step in enumerate(run.steps) if not step.checked), None)
        if place is None:
            self.keeper.alter(run, lambda run: self._decided(run, runbook, now))
            return "checked"
        if self._paused(run) or self._late():
            return "waits"
        operation = self.shelf.operations[run.steps[place].operation]
        arguments = arguments_in(operation, run.steps[place])
        outcome = operation.dry_run(arguments, life.order_of(run, place))
        again = self._again_at(run, outcome)

        def note(run: Run) -> Run:
            if run.state != "proposed":
                return run
            if outcome.verdict == "retry":
                return life.postponed(run, again, attempt=True)
            against = _against(run.steps[place], outcome, runbook)
            if against:
                return life.into(run, "skipped", now, against)
            return life.checked(run, place, outcome.reason, now)

        self.keeper.alter(run, note)
        return "dry_run"

    def _decided(self, run: Run, runbook: Runbook, now: int) -> Run:
        """Return the run as its mode has it once all of it was checked."""
        if run.state != "proposed":
            return run
        if "dry-run" in {run.mode, runbook.guard.mode}:
            what = "; ".join(step.summary for step in run.steps)
            return life.into(run, "skipped", now, f"dry run only: it would {what}")
        ttl = milliseconds(runbook.guard.approve_ttl)
        operations = [self.shelf.operations[step.operation] for step in run.steps]
        against = "people decide" if run.mode != "auto" else ""
        against = against or hesitation(runbook.guard, operations, self.storm(run.domain, now))
        if against:
            return life.awaiting(run, now, against, ttl)
        approved = life.into(run, "approved", now, "its mode is auto")
        return approved.model_copy(update={"expires_at": now + ttl})

    def begin(self, run: Run, runbook: Runbook) -> str:
        """Take the targets, and begin."""
        now = self.clock.now()
        if self._paused(run) or self._late():
            return "waits"
        against = run.doubt or self._untimely(run, runbook, now)
        if against:
            self.keeper.alter(run, _ended("approved", "skipped", now, against))
            return "skipped"
        run = self.keeper.alter(run, _admitted)
        if run.state != "approved":
            return "lost"
        refusal = claim_targets(self.rails, claim_of(run, runbook), now)
        if refusal is None:
            self.keeper.alter(
                run, lambda run: life.begun(run, now) if run.state == "approved" else run
            )
            return "begun"
        return self._refused(run, refusal, now)

    def _refused(self, run: Run, refusal: Refusal, now: int) -> str:
        if refusal.wait:
            until = now + self._real(WAIT_SECONDS)
            self.keeper.alter(run, lambda run: life.postponed(_not_admitted(run), until))
            return "waits"
        self.keeper.alter(run, _ended("approved", "skipped", now, refusal.reason))
        return "skipped"

    def perform(self, run: Run, runbook: Runbook) -> str:
        """Do the next step, unless all are done."""
        now = self.clock.now()
        place = life.next_step(run)
        if place is None:
            within = milliseconds(runbook.verify.within)
            self.keeper.alter(run, lambda run: life.performed(run, now, within))
            return "performed"
        run = self.keeper.alter(run, lambda run: life.overdue(run, now))
        if run.ended or self._paused(run):
            return "waits"
        refusal = claim_targets(self.rails, claim_of(run, runbook), now)
        if refusal is not None:
            self.keeper.alter(run, _ended("running", "failed", now, f"no longer: {refusal.reason}"))
            return "refused"
        if not run.steps[place].attempts and self._outdated(run.steps[place], now):
            return self._check_again(run, place, runbook)
        return self._attempt(run, place)

    def _outdated(self, step: RunStep, now: int) -> bool:
        return now - step.checked_at > self._real(CHECK_SECONDS)

    def _check_again(self, run: Run, place: int, runbook: Runbook) -> str:
        """Have the server say once more whether a step that was never tried would work."""
        if self._paused(run) or self._late():
            return "waits"
        now, step = self.clock.now(), run.steps[place]
        operation = self.shelf.operations[step.operation]
        outcome = operation.dry_run(arguments_in(operation, step), life.order_of(run, place))
        again = self._again_at(run, outcome)

        def note(run: Run) -> Run:
            if run.state != "running" or run.steps[place].attempts:
                return run
            if outcome.verdict == "retry":
                return life.postponed(run, again, attempt=True)
            against = _against(step, outcome, runbook)
            if not against:
                return life.checked(run, place, outcome.reason, now)
            end: RunState = "failed" if any(one.attempts for one in run.steps) else "skipped"
            return life.into(run, end, now, against)

        self.keeper.alter(run, note)
        return "dry_run"

    def _attempt(self, run: Run, place: int) -> str:
        """Mark a step, do it, and note what became of it."""
        now = self.clock.now()
        operation = self.shelf.operations[run.steps[place].operation]
        lease = self._real(LEASE_SECONDS)
        marks = [False]

        def mark(run: Run) -> Run:
            marks[:] = [False]
            if run.state != "running" or life.next_step(run) != place:
                return run
            after = life.marked(run, place, operation.repeat, now, lease)
            marks[:] = [after.steps[place].state == "sending"]
            return after

        run = self.keeper.alter(run, mark)
        if not marks[0]:
            return "lost"
        if self.rails.paused() is not None or self._late():
            self.keeper.alter(run, lambda run: life.unmarked(run, place, now))
            return "waits"
        arguments = arguments_in(operation, run.steps[place])
        outcome = operation.perform(arguments, life.order_of(run, place))
        then, again = self.clock.now(), self._again_at(run, outcome)
        self.keeper.alter(run, lambda run: life.noted(run, place, outcome, then, again))
        return f"step_{outcome.verdict}"

    def verify(self, run: Run, runbook: Runbook) -> str:  # noqa: ARG002 - as the others
        """Find out whether it helped."""
        now = self.clock.now()
        self.keeper.alter(run, lambda run: life.verified(run, now))
        return "verified"

    def _untimely(self, run: Run, runbook: Runbook, now: int) -> str:
        """Return why a run may not begin now, though it was approved; empty where it may."""
        if run.over_at is not None:
            return "the incident is over"
        if runbook.guard.mode == "dry-run":
            return "its mode is dry-run by now"
        storm = "" if run.approvals else self.storm(run.domain, now)
        lacking = unapproved(runbook.guard, len(run.approvals))
        return lacking or storm or untimely(runbook.guard, now) or self._misplaced(run, runbook)

    def _misplaced(self, run: Run, runbook: Runbook) -> str:
        """Return which target lies where nothing may be changed by now; empty where none does."""
        known = [(self.shelf.operations[step.operation], step) for step in run.steps]
        targets = [operation.target(arguments_in(operation, step)) for operation, step in known]
        return wrong_namespace(runbook.guard, targets)

    def _paused(self, run: Run) -> bool:
        """Put a run off while everything is stopped."""
        if self.rails.paused() is None:
            return False
        until = self.clock.now() + self._real(WAIT_SECONDS)
        self.keeper.alter(run, lambda found: life.postponed(found, until))
        return True

    def _late(self) -> bool:
        """Return whether a call begun now might outlast the lease."""
        return self.timer() - self.held_since > LEASE_SECONDS - OPERATION_SECONDS

    def _again_at(self, run: Run, outcome: Outcome) -> int:
        delay = max(outcome.retry_after_ms, backoff_ms(run.id, run.attempts + 1))
        return self.clock.now() + self._real(delay / 1000)

    def _real(self, seconds: float) -> int:
        """Return real seconds in the pipeline's milliseconds."""
        return int(seconds * 1000 * self.clock.rate)


def arguments_in(operation: Operation, step: RunStep) -> BaseModel:
    """Return what a step gives its operation.

    Raises:
        ValidationError: the operation takes something else by now.
    """
    return operation.arguments.model_validate_json(json.dumps(step.arguments))


def _against(step: RunStep, outcome: Outcome, runbook: Runbook) -> str:
    """Return what a dry run says against a step; empty where it says nothing."""
    if outcome.verdict != "done":
        return f"dry run: {step.summary}: {outcome.reason}"
    return spared(runbook.guard, outcome.labels)


def _not_admitted(run: Run) -> Run:
    """Return a run that asked for its targets in vain: people may take their word back again."""
    return run.model_copy(update={"admitted": False}) if run.state == "approved" else run


def _admitted(run: Run) -> Run:
    return run.model_copy(update={"admitted": True}) if run.state == "approved" else run


def _ended(state: RunState, end: RunState, now: int, reason: str) -> Callable[[Run], Run]:
    def alter(run: Run) -> Run:
        return life.into(run, end, now, reason) if run.state == state else run

    return alter
