"""Goes on with the runs of an incident, one at a time, and settles what they leave behind."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from pydantic import ValidationError

from aiops.action_log import ActionLog, ActionRecord
from aiops.clock import Clock
from aiops.events import RunJudged, RunState
from aiops.ports import Counts
from aiops.rails import (
    Rails,
    change_rails,
    settle,
)
from aiops.runs import Run
from functions.act.operation import OPERATION_SECONDS
from functions.act.performer import SENDING_SECONDS, Budget
from functions.act.runbooks import life
from functions.act.runbooks.claims import ending_of, stopped_by
from functions.act.runbooks.keeping import Keeper
from functions.act.runbooks.model import Runbook, milliseconds
from functions.act.runbooks.proposing import Shelf
from functions.act.runbooks.stages import LEASE_SECONDS, Stage, arguments_in
from functions.act.runbooks.telling import Readers

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
        if run.state == "awaiting":
            self.keeper.alter(run, lambda run: life.postponed(run, run.expires_at))
            return "awaited"
        stage = Stage(
            self.keeper, self.rails, self.shelf, self.clock, self.timer, self.storm, held_since
        )
        does = {
            "proposed": stage.check,
            "approved": stage.begin,
            "running": stage.perform,
            "verifying": stage.verify,
        }
        return does[run.state](run, runbook)

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
                arguments_in(self.shelf.operations[step.operation], step)
        except (KeyError, ValidationError):
            return False
        return True


def _due(record: ActionRecord, now: int) -> Run | None:
    """Return the first run that is to be gone on with."""
    waiting = (
        run
        for run in record.runs
        if run.next_at <= now and (not run.ended or (run.admitted and not run.settled))
    )
    return next(waiting, None)
