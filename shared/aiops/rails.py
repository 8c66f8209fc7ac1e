"""What keeps runs of runbooks apart: locks, rests, budgets, breakers and the switch that stops all.

They hold across incidents and instances. The decisions are pure; a state changes only as a whole,
and only if nobody changed it since it was read. Whatever is noted twice, or late, changes nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from pydantic import BaseModel, ConfigDict, Field

from aiops.errors import Unavailable
from aiops.events import Milliseconds

HOUR = 3_600_000
MEMORY = 24 * HOUR
"""For how long an ended run is known, so that one who comes late cannot begin it again."""

BREAKER_MEMORY = 30 * 24 * HOUR
ROUNDS = 50


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Lock(_Part):
    """Who has a target, and until when unless it is renewed."""

    run: str
    until: Milliseconds


class Breaker(_Part):
    """How a runbook did of late.

    Attributes:
        failures: Run → when it failed.
        calm_since: When it last succeeded, or somebody closed it; earlier failures do not count.
    """

    failures: dict[str, Milliseconds] = Field(default_factory=dict)
    calm_since: Milliseconds = 0

    def counted(self) -> dict[str, int]:
        """Return the failures that count."""
        return {run: at for run, at in self.failures.items() if at > self.calm_since}


class RailsState(_Part):
    """All of it.

    Attributes:
        revision: Counts the changes.
        locks: By target.
        rests: Target → until when it is left alone.
        begun: Runbook → run → when it began, of the last hour.
        ended: Run → when it ended, of the last day.
        breakers: By runbook.
    """

    revision: int = 0
    locks: dict[str, Lock] = Field(default_factory=dict)
    rests: dict[str, Milliseconds] = Field(default_factory=dict)
    begun: dict[str, dict[str, Milliseconds]] = Field(default_factory=dict)
    ended: dict[str, Milliseconds] = Field(default_factory=dict)
    breakers: dict[str, Breaker] = Field(default_factory=dict)


class Pause(_Part):
    """Nothing is done to anything until somebody resumes."""

    by: str = "unknown"
    at: Milliseconds = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Claim:
    """A run that wishes to begin, or to go on.

    Attributes:
        hold_ms: For how long its locks hold unless they are renewed.
        max_per_hour: Runs of its runbook that may begin in an hour.
        open_after: Failures in a row after which its runbook is stopped.
        open_for_ms: For how long, unless somebody closes it.
    """

    run: str
    runbook: str
    targets: tuple[str, ...]
    hold_ms: int
    max_per_hour: int
    open_after: int
    open_for_ms: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a run may not begin; `wait` where it may be asked for again soon."""

    reason: str
    wait: bool = False


@dataclass(frozen=True, slots=True)
class Ending:
    """A run that has ended.

    Attributes:
        failed: None where it says nothing about its runbook.
        rest_ms: For how long its targets are left alone then.
    """

    run: str
    runbook: str
    targets: tuple[str, ...]
    failed: bool | None
    at: int
    rest_ms: int


def admit(state: RailsState, claim: Claim, now: int) -> tuple[RailsState, Refusal | None]:
    """Return the state with a run's locks taken or renewed; or as it was, and why not.

    A run that has them already is not counted again.
    """
    if claim.run in state.ended:
        return state, Refusal("it has ended before")
    begun = state.begun.get(claim.runbook, {})
    refusal = _taken(state, claim, now)
    if claim.run not in begun:
        refusal = _stopped(state, claim, now) or refusal or _spent(begun, claim, now)
    if refusal is not None:
        return state, refusal
    lock = Lock(run=claim.run, until=now + claim.hold_ms)
    started = begun if claim.run in begun else {**begun, claim.run: now}
    changed = {
        "locks": {**state.locks, **dict.fromkeys(claim.targets, lock)},
        "begun": {**state.begun, claim.runbook: started},
    }
    return _pruned(state.model_copy(update=changed), now), None


def settle(state: RailsState, ending: Ending, now: int) -> RailsState:
    """Return the state after a run's end."""
    locks = {name: lock for name, lock in state.locks.items() if lock.run != ending.run}
    until = ending.at + ending.rest_ms
    rests = {name: max(until, state.rests.get(name, 0)) for name in ending.targets}
    breaker = state.breakers.get(ending.runbook, Breaker())
    if ending.failed:
        failures = {**breaker.failures, ending.run: ending.at}
        breaker = breaker.model_copy(update={"failures": failures})
    elif ending.failed is False:
        breaker = breaker.model_copy(update={"calm_since": max(breaker.calm_since, ending.at)})
    changed = {
        "locks": locks,
        "rests": {**state.rests, **rests},
        "ended": {**state.ended, ending.run: ending.at},
        "breakers": {**state.breakers, ending.runbook: breaker},
    }
    return _pruned(state.model_copy(update=changed), now)


def close_breaker(state: RailsState, runbook: str, now: int) -> RailsState:
    """Return the state with a runbook's failures up to now forgiven."""
    breaker = state.breakers.get(runbook, Breaker())
    calm = breaker.model_copy(update={"calm_since": max(breaker.calm_since, now)})
    return _pruned(state.model_copy(update={"breakers": {**state.breakers, runbook: calm}}), now)


def open_until(breaker: Breaker, open_after: int, open_for_ms: int) -> int:
    """Return until when a breaker is open, 0 where it is closed."""
    counted = breaker.counted()
    return max(counted.values()) + open_for_ms if len(counted) >= open_after else 0


def _stopped(state: RailsState, claim: Claim, now: int) -> Refusal | None:
    breaker = state.breakers.get(claim.runbook, Breaker())
    if open_until(breaker, claim.open_after, claim.open_for_ms) <= now:
        return None
    count = len(breaker.counted())
    return Refusal(f"its breaker is open: {count} of its runs failed one after the other")


def _taken(state: RailsState, claim: Claim, now: int) -> Refusal | None:
    for target in claim.targets:
        lock = state.locks.get(target)
        if lock is not None and lock.run != claim.run and lock.until > now:
            return Refusal(f"another run has {target}", wait=True)
        if (lock is None or lock.run != claim.run) and state.rests.get(target, 0) > now:
            return Refusal(f"{target} rests after another run")
    return None


def _spent(begun: dict[str, int], claim: Claim, now: int) -> Refusal | None:
    count = sum(at > now - HOUR for at in begun.values())
    if count < claim.max_per_hour:
        return None
    return Refusal(f"{count} of its runs began within an hour, and {claim.max_per_hour} may")


def _pruned(state: RailsState, now: int) -> RailsState:
    """Return the state without what has no effect any more."""
    held = {lock.run for lock in state.locks.values() if lock.until > now}
    begun = {
        runbook: kept
        for runbook, runs in state.begun.items()
        if (kept := {run: at for run, at in runs.items() if at > now - HOUR or run in held})
    }
    breakers = {
        runbook: memory
        for runbook, breaker in state.breakers.items()
        if (memory := _remembered(breaker, now)) != Breaker()
    }
    changed = {
        "locks": {name: lock for name, lock in state.locks.items() if lock.until > now},
        "rests": {name: until for name, until in state.rests.items() if until > now},
        "begun": begun,
        "ended": {run: at for run, at in state.ended.items() if at > now - MEMORY},
        "breakers": breakers,
    }
    return state.model_copy(update=changed)


def _remembered(breaker: Breaker, now: int) -> Breaker:
    """Return a breaker without what is long ago."""
    since = now - BREAKER_MEMORY
    failures = {run: at for run, at in breaker.counted().items() if at > since}
    calm = breaker.calm_since if breaker.calm_since > since else 0
    return Breaker(failures=failures, calm_since=calm)


class Rails(Protocol):
    """Where they are kept. Every method may raise `Unavailable`."""

    def read(self) -> RailsState:
        """Return the state."""

    def commit(self, state: RailsState) -> bool:
        """Store a state as revision + 1; False if the stored revision is not `state.revision`."""

    def paused(self) -> Pause | None:
        """Return who stopped everything, when and why; None where it goes on."""

    def pause(self, pause: Pause) -> None:
        """Stop everything; whoever asks from now on is told so."""

    def resume(self) -> None:
        """Let it go on."""


def change_rails(rails: Rails, alter: Callable[[RailsState], RailsState]) -> RailsState:
    """Return the state as it stands after a change; one that alters nothing is not stored.

    Raises:
        Unavailable: others were faster again and again.
    """
    for _ in range(ROUNDS):
        before = rails.read()
        after = alter(before)
        if after == before or rails.commit(after):
            return after
    raise Unavailable("rails: changed by others again and again")


def claim_targets(rails: Rails, claim: Claim, now: int) -> Refusal | None:
    """Take a run's locks, or renew them; return why not where it may not have them."""
    refusals: list[Refusal | None] = [None]

    def alter(state: RailsState) -> RailsState:
        after, refusals[0] = admit(state, claim, now)
        return after

    change_rails(rails, alter)
    return refusals[0]
