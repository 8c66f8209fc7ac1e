"""What was planned and sent about an incident, and the store that keeps it.

A record changes only as a whole, and only if nobody changed it since it was read.
"""

from binascii import crc_hqx
from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict

from aiops.digest import Desk
from aiops.events import Incident, Milliseconds, Severity
from aiops.ids import derive
from aiops.runs import Considered, Run

SLOTS = 16
"""Into how many slots incidents are spread; fixed when an installation is made."""

Kind = Literal[
    "opened", "reopened", "flapping", "severity_raised", "cause_changed", "repeated", "grown",
    "acknowledged", "resolved", "merged", "run_proposed", "run_finished", "run_failed",
]  # fmt: skip
State = Literal["planned", "sending", "done", "failed", "dropped"]
Meaning = Literal["open", "acknowledged", "ended"]

FINAL: frozenset[State] = frozenset(("done", "failed", "dropped"))
ENDINGS: frozenset[Kind] = frozenset(("resolved", "merged"))
RUN_NEWS: frozenset[Kind] = frozenset(("run_proposed", "run_finished"))
"""Told besides the incident's own story, which goes on as if they had not been."""


def slot_of(incident: str) -> int:
    """Return the slot of an incident id, 0 to SLOTS - 1."""
    return crc_hqx(incident.encode(), 0) % SLOTS


def step_id(incident: str, generation: int, channel: str, kind: Kind, level: int) -> str:
    """Return the id of a step: whoever plans the same step names it alike."""
    return derive("step", incident, generation, channel, kind, level)


def meaning_of(kind: Kind) -> Meaning:
    """Return what a receiver that keeps a state is left in by a step of this kind."""
    if kind in ENDINGS:
        return "ended"
    return "acknowledged" if kind == "acknowledged" else "open"


class Step(BaseModel):
    """One message about an incident to one channel.

    Attributes:
        level: Tells steps of one kind apart: the severity, or the number of the change.
        reason: Why it is sent, in words.
        version: The snapshot it speaks of.
        severity: The severity it tells.
        cause: The top suspect it tells, None where there was none.
        survivor: The incident that took this one over, where the kind is `merged`.
        run: The run of a runbook it tells of: `run_proposed` asks for approval, and buttons for it
            carry this id; `run_finished` and `run_failed` tell how it ended.
        next_at: When it may be tried (again), unix milliseconds.
        attempts: How often it was about to be sent.
        possible_repeat: Whether an earlier attempt may have arrived without our knowing.
        result: How it ended, or what the last attempt ran into.
        announced: Whether its end was published.
        digest: Whether it goes into the channel's digest instead of being a message of its own.
        route: The route that leads to the channel; empty where there are none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    id: str
    incident: str
    generation: int
    channel: str
    kind: Kind
    level: int
    reason: str
    version: int
    severity: Severity
    cause: str | None = None
    survivor: str | None = None
    run: str | None = None
    planned_at: Milliseconds
    state: State = "planned"
    next_at: Milliseconds
    attempts: int = 0
    possible_repeat: bool = False
    result: str = ""
    finished_at: Milliseconds | None = None
    announced: bool = False
    digest: bool = False
    route: str = ""

    @property
    def meaning(self) -> Meaning:
        """What a receiver that keeps a state is left in by this step."""
        return meaning_of(self.kind)


class Attempt(BaseModel):
    """A call that may still reach its receiver, as far as the record knows.

    Attributes:
        token: Names the attempt.
        step: The step it sends.
        check_at: When the receiver's state must be put right if another step came after this.
        covers: Attempts whose harm this one undoes once it has arrived.
        tries: How often putting right was tried without an answer.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    token: str
    step: str
    check_at: Milliseconds
    covers: tuple[str, ...] = ()
    tries: int = 0


class Withheld(BaseModel):
    """A message that was not planned, and why.

    Attributes:
        until: When it is thought of again by itself; None where only news can change it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    channel: str
    kind: Kind
    reason: str
    until: Milliseconds | None = None


class ActionRecord(BaseModel):
    """All there is to know about the response to one incident.

    Attributes:
        revision: Counts the changes of this record.
        version: The highest snapshot version taken into account, -1 for none.
        steps: In the order they were planned; within a channel they are sent in this order.
        attempts: Calls that may still be on their way to channels that keep a state.
        withheld: What the last snapshot did not lead to, and why.
        silences: From when until before when nobody is to be told, as the last snapshot says.
        silent_until: Until then nothing is sent.
        receipts: What each channel noted of its deliveries, such as the receiver's name of the
            message; no secrets.
        reconsidered: Whether the last snapshot is to be looked at again then, because there is
            something that was withheld until then.
        considered_at: When the policy was last applied; 0 for never.
        again_at: When it is to be applied again though nothing new came; None where it is not.
        desk: What a receiver's desk knows; None in the record of an incident.
        runs: Runs of runbooks, in the order they were proposed.
        considered: What the last snapshot did to each runbook.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    incident: str
    revision: int = 0
    version: int = -1
    steps: tuple[Step, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    withheld: tuple[Withheld, ...] = ()
    receipts: Mapping[str, Mapping[str, str]] = {}
    silences: tuple[tuple[Milliseconds, Milliseconds], ...] = ()
    silent_until: Milliseconds = 0
    reconsidered: bool = False
    considered_at: Milliseconds = 0
    again_at: Milliseconds | None = None
    desk: Desk | None = None
    runs: tuple[Run, ...] = ()
    considered: tuple[Considered, ...] = ()

    def silence_end(self, now: int) -> int:
        """Return until when nobody is to be told; `now` where somebody may be.

        Silences that follow each other without a gap are one.
        """
        until = now
        for starts, ends in sorted(self.silences):
            if starts <= until < ends:
                until = ends
        return until

    def step(self, identifier: str) -> Step | None:
        """Return a step by its id."""
        return next((step for step in self.steps if step.id == identifier), None)

    def run(self, identifier: str) -> Run | None:
        """Return a run by its id."""
        return next((run for run in self.runs if run.id == identifier), None)

    def on(self, channel: str) -> tuple[Step, ...]:
        """Return the steps of a channel that were not dropped, in their order."""
        return tuple(s for s in self.steps if s.channel == channel and s.state != "dropped")

    def head(self, channel: str) -> Step | None:
        """Return the step of a channel that has to end before the next may be sent."""
        return next((step for step in self.on(channel) if step.state not in FINAL), None)

    @property
    def channels(self) -> tuple[str, ...]:
        """The channels that have steps."""
        return tuple(dict.fromkeys(step.channel for step in self.steps))

    @property
    def due_at(self) -> int | None:
        """When the next thing is to be done about this incident; None if there is nothing."""
        heads = [head for channel in self.channels if (head := self.head(channel))]
        times = [max(head.next_at, self.silent_until) for head in heads]
        times += [self.silent_until] if self.reconsidered else []
        times += [max(self.again_at, self.silent_until)] if self.again_at is not None else []
        times += [attempt.check_at for attempt in self.attempts]
        times += [due for run in self.runs if (due := run.due_at) is not None]
        times += [s.finished_at or 0 for s in self.steps if s.state in FINAL and not s.announced]
        return min(times, default=None)

    @property
    def snapshots(self) -> frozenset[int]:
        """Versions of the snapshots that may still be needed to write a message."""
        pending = {step.version for step in self.steps if step.state not in FINAL}
        last = {sent.version for channel in self.channels if (sent := self.last_sent(channel))}
        live = any(run.due_at is not None for run in self.runs)
        again = {self.version} if self.reconsidered or self.again_at is not None or live else set()
        return frozenset(pending | last | again)

    def last_sent(self, channel: str) -> Step | None:
        """Return the latest step of a channel that was sent, or is just being sent.

        What went into its digest was not: a digest has a record and a key of its own.
        """
        sent = [s for s in self.on(channel) if s.state in {"sending", "done"} and not s.digest]
        return sent[-1] if sent else None


class ActionLog(Protocol):
    """Where records live. Every method may raise `Unavailable`."""

    def read(self, incident: str) -> ActionRecord | None:
        """Return the record of an incident, None if there is none."""

    def snapshot(self, incident: str, version: int) -> Incident | None:
        """Return a snapshot that the record of the incident still needs."""

    def commit(self, record: ActionRecord, snapshot: Incident | None = None) -> bool:
        """Store a changed record as revision + 1, with the snapshot its new steps speak of.

        Snapshots the record needs no longer are forgotten; the incident is found by `due` from
        `record.due_at` on.

        Returns:
            Whether it was stored; False if the stored revision is not `record.revision`.
        """

    def due(self, slots: Sequence[int], until: int, limit: int) -> Sequence[str]:
        """Return incidents with something to do, up to `limit` of each slot, the oldest first."""

    def discard(self, incident: str) -> None:
        """Take an incident that has no record any more out of what is due."""

    def acquire(self, incident: str, channel: str, token: str, lifetime_ms: int) -> bool:
        """Take the lease of a channel for so long in real time; False if another has it."""

    def release(self, incident: str, channel: str, token: str) -> None:
        """Give a lease back, unless it has run out and is someone else's now."""
