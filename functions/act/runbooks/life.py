"""The life of a run as pure changes of it.

proposed → awaiting → approved → running → verifying → succeeded or failed; on the way it may
expire, be rejected or skipped, or end as unknown, when nobody can say whether something was done.
"""

from dataclasses import dataclass

from aiops.events import Incident, RunJudged, RunState
from aiops.ids import derive
from aiops.runs import Approval, Change, Run, RunStep
from functions.act.operation import Order, Outcome, Repeat
from functions.act.runbooks.matching import evidence_of

HOLD_MS = 3_600_000
"""How long what a run does may take in all, from when it begins."""

MAX_ATTEMPTS = 8
"""How often something in its way may give no answer, one time after the other."""


@dataclass(frozen=True, slots=True)
class Consent:
    """How people's word counts: how many must agree, and for how long it holds, milliseconds."""

    needed: int
    holds_ms: int


def into(run: Run, state: RunState, now: int, reason: str, by: str = "") -> Run:
    """Return the run in a state, due at once."""
    change = Change(state=state, at=now, reason=reason, by=by)
    return run.model_copy(update={"changes": (*run.changes, change), "next_at": now, "attempts": 0})


def postponed(run: Run, until: int, *, attempt: bool = False) -> Run:
    """Return the run due later; `attempt` where something in its way gave no answer."""
    return run.model_copy(update={"next_at": until, "attempts": run.attempts + attempt})


def observed(run: Run, incident: Incident, receivers: tuple[str, ...] | None, now: int) -> Run:
    """Return the run as a new snapshot makes it, and whom the incident is for."""
    if run.ended:
        return run
    over = incident.status in {"resolved", "merged"} or incident.generation != run.generation
    top = incident.root_cause[0].service if incident.root_cause else None
    seen = evidence_of(incident, run.service, run.metric)
    after = run.model_copy(
        update={
            "severity": incident.severity,
            "cause": top,
            "last_anomaly": max([run.last_anomaly, *(one.last for one in seen)]),
            "receivers": receivers,
            "over_at": (run.over_at or now) if over else None,
            "taken_over": incident.status == "merged",
            "doubt": "" if top == run.service else f"the likeliest cause is now {top or 'unknown'}",
        }
    )
    if over and run.state in {"proposed", "awaiting", "approved"} and not run.admitted:
        return into(after, "skipped", now, "the incident is over")
    return after if run.state != "verifying" else after.model_copy(update={"next_at": now})


def judged(run: Run, word: RunJudged, consent: Consent, now: int) -> Run:
    """Return the run after somebody's word; only a run that waits for people listens."""
    if run.state not in {"awaiting", "approved"} or run.admitted or now >= run.expires_at:
        return run
    if word.decision == "reject":
        return into(run, "rejected", now, f"rejected by {word.given_by}", word.given_by)
    known = {approval.by for approval in run.approvals}
    if run.state != "awaiting" or word.given_by in known:
        return run
    approval = Approval(by=word.given_by, at=word.given_at)
    approvals = (*run.approvals, approval)
    agreed = run.model_copy(update={"approvals": approvals})
    count = f"approved by {word.given_by}, {len(approvals)} of {consent.needed}"
    if len(approvals) < consent.needed:
        noted = into(agreed, "awaiting", now, count, word.given_by)
        return noted.model_copy(update={"next_at": run.expires_at})
    approved = into(agreed, "approved", now, count, word.given_by)
    return approved.model_copy(update={"expires_at": now + consent.holds_ms})


def expired(run: Run, now: int) -> Run:
    """Return the run ended if it was not begun, or not done, in time."""
    if now < run.expires_at or run.state not in {"proposed", "awaiting", "approved"}:
        return run
    waited = {"proposed": "it could not be checked", "awaiting": "nobody decided"}
    reason = waited.get(run.state, "it could not begin")
    return into(run, "expired", now, f"{reason} in time")


def checked(run: Run, place: int, reason: str, now: int) -> Run:
    """Return the run with a step of which the server said that it would work."""
    update = {"checked": True, "checked_at": now, "result": reason}
    step = run.steps[place].model_copy(update=update)
    return _with(run, place, step).model_copy(update={"attempts": 0})


def overdue(run: Run, now: int) -> Run:
    """Return the run ended if what it does took too long, for being paused or without answers."""
    if run.state != "running" or now < run.expires_at:
        return run
    left = [step for step in run.steps if step.state != "done"]
    if any(step.state == "sending" or step.doubtful for step in left):
        return into(run, "unknown", now, "nobody knows whether all was done in time")
    return into(run, "failed", now, "not all could be done in time")


def awaiting(run: Run, now: int, reason: str, ttl_ms: int) -> Run:
    """Return the run waiting for people."""
    until = now + ttl_ms
    asked = into(run, "awaiting", now, reason)
    return asked.model_copy(update={"expires_at": until, "next_at": until})


def begun(run: Run, now: int) -> Run:
    """Return the run at work, unless it is or was already."""
    if run.state != "approved":
        return run
    started = into(run, "running", now, "begun")
    return started.model_copy(update={"expires_at": now + HOLD_MS})


def next_step(run: Run) -> int | None:
    """Return the place of the step that is not done yet; None where all are."""
    return next((i for i, step in enumerate(run.steps) if step.state != "done"), None)


def order_of(run: Run, place: int) -> Order:
    """Return what every attempt at a step carries."""
    key = derive("run.step", run.id, place).replace("-", "")
    return Order(key, run.incident, run.runbook, run.proposed_at)


def marked(run: Run, place: int, repeat: Repeat, now: int, lease_ms: int) -> Run:
    """Return the run with a step about to be done, or ended where that may not be tried again."""
    step = run.steps[place]
    if step.state == "sending" and repeat == "at_most_once":
        lost = _with(run, place, step.model_copy(update={"state": "unknown"}))
        return into(lost, "unknown", now, f"nobody knows whether this was done: {step.summary}")
    if step.state not in {"planned", "sending"}:
        return run
    doubtful = step.doubtful or step.state == "sending"
    update = {"state": "sending", "attempts": step.attempts + 1, "doubtful": doubtful}
    changed = _with(run, place, step.model_copy(update=update))
    return changed.model_copy(update={"next_at": now + lease_ms})


def unmarked(run: Run, place: int, now: int) -> Run:
    """Return the run with a step that was marked, and certainly not begun, planned again."""
    step = run.steps[place]
    if step.state != "sending":
        return run
    changed = _with(run, place, step.model_copy(update={"state": "planned"}))
    return changed.model_copy(update={"next_at": now})


def noted(run: Run, place: int, outcome: Outcome, now: int, again_at: int) -> Run:
    """Return the run after an attempt at a step; whoever notes its end first decides.

    A step that is given up is `unknown` where any attempt at it may have had its effect.
    """
    step = run.steps[place]
    if step.state in {"done", "failed", "unknown"}:
        return run
    doubtful = step.doubtful or outcome.may_have_happened
    if outcome.verdict == "retry" and run.attempts + 1 < MAX_ATTEMPTS:
        update = {"state": "planned", "result": outcome.reason, "doubtful": doubtful}
        again = step.model_copy(update=update)
        return postponed(_with(run, place, again), again_at, attempt=True)
    ends = {"done": "done", "unknown": "unknown"}
    state = ends.get(outcome.verdict, "unknown" if doubtful else "failed")
    update = {"state": state, "result": outcome.reason, "doubtful": doubtful}
    changed = _with(run, place, step.model_copy(update=update))
    if run.ended:
        return changed
    if state == "done":
        return changed.model_copy(update={"next_at": now, "attempts": 0})
    words = f"{step.summary}: {outcome.reason}"
    if state == "unknown":
        return into(changed, "unknown", now, f"nobody knows whether this was done: {words}")
    return into(changed, "failed", now, words)


def performed(run: Run, now: int, within_ms: int) -> Run:
    """Return the run with all done, waiting for what it answers to recover."""
    if run.state != "running" or next_step(run) is not None:
        return run
    done = into(run, "verifying", now, "done: " + "; ".join(step.summary for step in run.steps))
    until = now + within_ms
    update = {"performed_at": now, "verify_until": until, "next_at": until}
    if run.over_at is not None:
        update["next_at"] = now
    return done.model_copy(update=update)


def verified(run: Run, now: int) -> Run:
    """Return the run succeeded or failed once that is known, else due when it will be."""
    done, until = run.performed_at or 0, run.verify_until or 0
    if run.state != "verifying":
        return run
    if run.taken_over:
        return into(run, "unknown", now, "another incident took it over; see there")
    if run.over_at is not None:
        return into(run, "succeeded", now, "the incident ended")
    if now < until:
        return run.model_copy(update={"next_at": until})
    if run.last_anomaly and run.last_anomaly <= (done + until) // 2:
        return into(run, "succeeded", now, f"no more anomalies of {run.metric}")
    return into(run, "failed", now, f"{run.metric} of {run.service} did not recover in time")


def _with(run: Run, place: int, step: RunStep) -> Run:
    steps = (*run.steps[:place], step, *run.steps[place + 1 :])
    return run.model_copy(update={"steps": steps})
