"""Goes on with the runs of an incident: one thing at a time, marked before it is done.

What is about to be done is stored first. Before every call the switch that stops everything is
looked at, and the locks on the targets are taken or renewed.
"""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from pydantic import BaseModel, ValidationError

from aiops.action_log import ActionLog, ActionRecord
from aiops.clock import Clock
from aiops.events import RunJudged, RunState
from aiops.ports import Counts
from aiops.rails import (
    Rails,
    Refusal,
    change_rails,
    claim_targets,
    settle,
)
from aiops.runs import Run, RunStep
from functions.act.operation import OPERATION_SECONDS, Operation, Outcome
from functions.act.performer import SENDING_SECONDS, Budget
from functions.act.runbooks import life
from functions.act.runbooks.claims import claim_of, ending_of, stopped_by
from functions.act.runbooks.guarding import hesitation, spared, untimely
from functions.act.runbooks.keeping import Keeper
from functions.act.runbooks.model import Runbook, milliseconds
from functions.act.runbooks.proposing import Shelf
from functions.act.runbooks.telling import Readers
from functions.act.steps import backoff_ms

LEASE_SECONDS = 14.0
"""Longer than a call can take, so that who holds a lease has the incident's runs alone."""

WAIT_SECONDS = 30.0
"""After which is asked again for a target that another run has, or whether all is still paused."""

STEPS = 40
"""What is done for an incident in one request at most."""

WHO = "runbooks"
"""Names the lease."""


def calm(_domain: str, _now: int) -> str:
    """Say that no storm goes on."""
    return ""


@dataclass(slots=True)
class Runner:
    """Goes on with runs.

    Attributes:
        log: Where the records of incidents are.
        rails: What holds across incidents.
        shelf: The runbooks.
        readers: Who is told.
        clock: The pipeline's time.
        timer: Seconds of real time.
        new_token: Returns a text nobody else has.
        storm: Returns of a domain at a time why nothing runs without people, empty where it may.
    """

    log: ActionLog
    rails: Rails
    shelf: Shelf
    readers: Readers
    clock: Clock
    timer: Callable[[], float]
    new_token: Callable[[], str]
    storm: Callable[[str, int], str] = field(default=calm)

    @property
    def keeper(self) -> Keeper:
        """What changes runs where they are kept."""
        return Keeper(self.log, self.readers, self.clock)

    def judge(self, word: RunJudged) -> Counts:
        """Take somebody's word on a run; what it cannot change any more is passed over."""
        heard = self.keeper.judge(word, self._consent)
        return Counter(judged=1) if heard else Counter(not_awaited=1)

    def _consent(self, name: str) -> life.Consent | None:
        runbook = self.shelf.runbook(name)
        if runbook is None:
            return None
        guard = runbook.guard
        return life.Consent(guard.min_approvers, milliseconds(guard.approve_ttl))

    def work(self, incident: str, budget: Budget) -> Counts:
        """Go on with what is due about an incident's runs, as far as the request's time allows."""
        counts: Counts = Counter()
        for _ in range(STEPS):
            record = self.log.read(incident)
            run = _due(record, self.clock.now()) if record is not None else None
            if run is None or not budget.allows(WHO, OPERATION_SECONDS, SENDING_SECONDS):
                break
            token = self.new_token()
            if not self.log.acquire(incident, WHO, token, int(LEASE_SECONDS * 1000)):
                counts["runs_busy"] += 1
                break
            held_since = self.timer()
            try:
                counts[f"run_{self._go_on(run, held_since)}"] += 1
            finally:
                self.log.release(incident, WHO, token)
        return counts

    def _go_on(self, seen: Run, held_since: float) -> str:
        """Do the next thing about a run; return what was done, in a word."""
        now = self.clock.now()
        run = self.keeper.alter(seen, lambda run: life.expired(run, now))
        runbook = self.shelf.runbook(run.runbook)
        if run.ended:
            return self._settle(run, runbook)
        if runbook is None or runbook.guard.mode == "off" or not self._known(run):
            return self._abandon(run, now)
        steps = {
            "proposed": self._check,
            "approved": self._begin,
            "running": self._perform,
            "verifying": self._verify,
        }
        if run.state == "awaiting":
            self.keeper.alter(run, lambda run: life.postponed(run, run.expires_at))
            return "awaited"
        return steps[run.state](run, runbook, held_since)

    def _check(self, run: Run, runbook: Runbook, held_since: float) -> str:
        """Have the server say whether the next step would work; then ask people, or go ahead."""
        now = self.clock.now()
        place = next((i for i, step in enumerate(run.steps) if not step.checked), None)
        if place is None:
            self.keeper.alter(run, lambda run: self._decided(run, runbook, now))
            return "checked"
        if self._paused(run) or self._late(held_since):
            return "waits"
        operation = self.shelf.operations[run.steps[place].operation]
        arguments = _arguments(operation, run.steps[place])
        outcome = operation.dry_run(arguments, life.order_of(run, place))
        again = self._again_at(run, outcome)

        def note(run: Run) -> Run:
            if run.state != "proposed":
                return run
            if outcome.verdict == "retry":
                return life.postponed(run, again, attempt=True)
            against = spared(runbook.guard, outcome.labels)
            if outcome.verdict != "done":
                against = f"dry run: {run.steps[place].summary}: {outcome.reason}"
            if against:
                return life.into(run, "skipped", now, against)
            return life.checked(run, place, outcome.reason)

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

    def _begin(self, run: Run, runbook: Runbook, held_since: float) -> str:
        """Take the targets, and begin."""
        now = self.clock.now()
        if self._paused(run) or self._late(held_since):
            return "waits"
        against = run.doubt or untimely(runbook.guard, now)
        if not against and not run.approvals:
            against = self.storm(run.domain, now)
        if run.over_at is not None:
            against = "the incident is over"
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
            self.keeper.alter(run, lambda run: life.postponed(run, until))
            return "waits"
        self.keeper.alter(run, _ended("approved", "skipped", now, refusal.reason))
        return "skipped"

    def _perform(self, run: Run, runbook: Runbook, held_since: float) -> str:
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
        return self._attempt(run, place, held_since)

    def _attempt(self, run: Run, place: int, held_since: float) -> str:
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
        if self.rails.paused() is not None or self._late(held_since):
            self.keeper.alter(run, lambda run: life.unmarked(run, place, now))
            return "waits"
        arguments = _arguments(operation, run.steps[place])
        outcome = operation.perform(arguments, life.order_of(run, place))
        then, again = self.clock.now(), self._again_at(run, outcome)
        self.keeper.alter(run, lambda run: life.noted(run, place, outcome, then, again))
        return f"step_{outcome.verdict}"

    def _verify(self, run: Run, runbook: Runbook, held_since: float) -> str:  # noqa: ARG002 - as the others
        now = self.clock.now()
        self.keeper.alter(run, lambda run: life.verified(run, now))
        return "verified"

    def _settle(self, run: Run, runbook: Runbook | None) -> str:
        """Tell who keeps locks and budgets that a run has ended."""
        if run.settled or not run.admitted:
            return "ended"
        now, ending = self.clock.now(), ending_of(run, runbook)
        after = change_rails(self.rails, lambda state: settle(state, ending, now))
        opened = stopped_by(run, runbook, after, now) if ending.failed else ""

        self.keeper.settled(run, opened)
        return "settled"

    def _abandon(self, run: Run, now: int) -> str:
        """End a run whose runbook is gone, changed or off; what was marked may have been done."""

        def end(run: Run) -> Run:
            if run.ended:
                return run
            sending = any(step.state == "sending" for step in run.steps)
            begun = any(step.attempts for step in run.steps)
            state: RunState = "unknown" if sending or begun else "skipped"
            return life.into(run, state, now, "its runbook is gone, changed or off")

        self.keeper.alter(run, end)
        return "abandoned"

    def _known(self, run: Run) -> bool:
        """Return whether what a run does can still be done: code and settings may have changed."""
        try:
            for step in run.steps:
                _arguments(self.shelf.operations[step.operation], step)
        except (KeyError, ValidationError):
            return False
        return True

    def _paused(self, run: Run) -> bool:
        """Put a run off while everything is stopped."""
        if self.rails.paused() is None:
            return False
        until = self.clock.now() + self._real(WAIT_SECONDS)
        self.keeper.alter(run, lambda found: life.postponed(found, until))
        return True

    def _late(self, held_since: float) -> bool:
        """Return whether a call begun now might outlast the lease."""
        return self.timer() - held_since > LEASE_SECONDS - OPERATION_SECONDS

    def _again_at(self, run: Run, outcome: Outcome) -> int:
        delay = max(outcome.retry_after_ms, backoff_ms(run.id, run.attempts + 1))
        return self.clock.now() + self._real(delay / 1000)

    def _real(self, seconds: float) -> int:
        """Return real seconds in the pipeline's milliseconds."""
        return int(seconds * 1000 * self.clock.rate)


def _arguments(operation: Operation, step: RunStep) -> BaseModel:
    return operation.arguments.model_validate_json(json.dumps(step.arguments))


def _due(record: ActionRecord, now: int) -> Run | None:
    """Return the first run that is to be gone on with."""
    waiting = (
        run
        for run in record.runs
        if run.next_at <= now and (not run.ended or (run.admitted and not run.settled))
    )
    return next(waiting, None)


def _admitted(run: Run) -> Run:
    return run.model_copy(update={"admitted": True}) if run.state == "approved" else run


def _ended(state: RunState, end: RunState, now: int, reason: str) -> Callable[[Run], Run]:
    def alter(run: Run) -> Run:
        return life.into(run, end, now, reason) if run.state == state else run

    return alter
