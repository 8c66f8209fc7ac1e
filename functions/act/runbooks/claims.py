"""What a run asks of those that keep runs apart, and what its end means to them. Pure."""

from aiops.rails import Claim, Ending, RailsState, open_until
from aiops.runs import Run
from functions.act.runbooks import life
from functions.act.runbooks.model import Runbook, milliseconds


def claim_of(run: Run, runbook: Runbook) -> Claim:
    """Return what a run asks for before it begins, or goes on."""
    guard = runbook.guard
    return Claim(
        run=run.id,
        runbook=run.runbook,
        targets=run.targets,
        hold_ms=life.HOLD_MS + milliseconds(runbook.verify.within),
        max_per_hour=guard.max_per_hour,
        open_after=guard.open_after,
        open_for_ms=milliseconds(guard.open_for),
    )


def ending_of(run: Run, runbook: Runbook | None) -> Ending:
    """Return what a run's end means to others."""
    attempted = any(step.attempts for step in run.steps)
    failed = {"failed": True, "unknown": True, "succeeded": False}.get(run.state)
    return Ending(
        run=run.id,
        runbook=run.runbook,
        targets=run.targets,
        failed=None if run.taken_over else failed,
        at=run.changes[-1].at,
        rest_ms=milliseconds(runbook.guard.cooldown) if attempted and runbook is not None else 0,
    )


def stopped_by(run: Run, runbook: Runbook | None, state: RailsState, now: int) -> str:
    """Return that a run's failure stopped its runbook, in words; empty where it did not."""
    breaker = state.breakers.get(run.runbook)
    if breaker is None or runbook is None or run.id not in breaker.counted():
        return ""
    guard = runbook.guard
    if open_until(breaker, guard.open_after, milliseconds(guard.open_for)) <= now:
        return ""
    return f"{run.runbook} is stopped: {len(breaker.counted())} failures in a row"
