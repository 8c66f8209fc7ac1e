"""The life of a step as pure changes of the record: planned, sending, then done or failed.

A step is marked as sending before the call and as ended after it. A call whose end nobody recorded
may still reach its receiver: for a receiver that keeps a state such an attempt stays in the record,
and once it is due the last thing said there is said again, unless both mean the same.
"""

from binascii import crc32
from collections.abc import Mapping
from dataclasses import dataclass

from aiops.action_log import ActionRecord, Attempt, State, Step
from functions.act.answer import Answer

BACKOFF_MS = 5_000
BACKOFF_LIMIT_MS = 300_000
RECEIPT_NOTES = 16
RECEIPT_NAME = 64
RECEIPT_TEXT = 512
"""How much a channel may note of an incident: how many notes, and the characters of each."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Real durations in the pipeline's milliseconds.

    Attributes:
        lease: How long one who marked a step as sending is left alone.
        settle: How long a call that nobody recorded the end of may still arrive.
    """

    lease: int
    settle: int


@dataclass(frozen=True, slots=True)
class Call:
    """One call: its token, and the time at which something is noted about it."""

    token: str
    now: int


@dataclass(frozen=True, slots=True)
class Task:
    """What to send next to a channel.

    Attributes:
        again: Whether it was sent before and only puts the receiver's state right.
    """

    step: Step
    again: bool


def next_task(record: ActionRecord, channel: str, now: int) -> Task | None:
    """Return what is due on a channel; putting its state right goes before anything new."""
    last = record.last_sent(channel)
    if last is not None and _harmful(record, channel, now):
        return Task(last, again=True)
    head = record.head(channel)
    if head is None or head.next_at > now or record.silent_until > now:
        return None
    return Task(head, again=False) if record.silence_end(now) == now else None


def is_due(record: ActionRecord, channel: str, now: int) -> bool:
    """Return whether there is something to send to a channel, or an attempt to look at."""
    return next_task(record, channel, now) is not None or any(
        attempt.check_at <= now and _channel_of(record, attempt) == channel
        for attempt in record.attempts
    )


def settle(record: ActionRecord, channel: str, now: int) -> ActionRecord:
    """Forget due attempts that cannot have changed what the receiver was left in."""
    if not record.attempts:
        return record
    harmful = {attempt.token for attempt in _harmful(record, channel, now)}
    kept = tuple(
        attempt
        for attempt in record.attempts
        if attempt.token in harmful
        or attempt.check_at > now
        or _channel_of(record, attempt) != channel
    )
    return record.model_copy(update={"attempts": kept})


def start(
    record: ActionRecord, task: Task, call: Call, timing: Timing, *, keeps_state: bool
) -> ActionRecord:
    """Mark a step as about to be sent, or sent again."""
    step = task.step
    if not task.again:
        step = step.model_copy(
            update={
                "state": "sending",
                "attempts": step.attempts + 1,
                "possible_repeat": step.possible_repeat or step.state == "sending",
                "next_at": call.now + timing.lease,
            }
        )
    attempts = record.attempts
    if keeps_state:
        harmful = _harmful(record, step.channel, call.now) if task.again else ()
        attempts += (
            Attempt(
                token=call.token,
                step=step.id,
                check_at=call.now + timing.settle,
                covers=tuple(attempt.token for attempt in harmful),
                tries=max((attempt.tries for attempt in harmful), default=0),
            ),
        )
    return _with(record, step).model_copy(update={"attempts": attempts})


def finish(
    record: ActionRecord, identifier: str, call: Call, state: State, result: str
) -> ActionRecord:
    """Note that a call has ended for good; whoever notes it first decides how the step ended."""
    step = record.step(identifier)
    if step is None:
        return record
    ended = step
    if step.state in {"planned", "sending"}:
        ended = step.model_copy(update={"state": state, "result": result, "finished_at": call.now})
    return _close(_with(record, ended), ended, call, arrived=state == "done")


def postpone(
    record: ActionRecord, identifier: str, call: Call, answer: Answer, next_at: int
) -> ActionRecord:
    """Note that a call led to nothing and is to be made again later.

    A call that may have arrived all the same stays among the attempts.
    """
    step = record.step(identifier)
    if step is None:
        return record
    if step.state == "sending":
        update = {
            "state": "planned",
            "result": answer.reason,
            "next_at": next_at,
            "possible_repeat": step.possible_repeat or answer.may_have_arrived,
        }
        record = _with(record, step.model_copy(update=update))
    covered = next((a.covers for a in record.attempts if a.token == call.token), ())
    kept = tuple(
        a.model_copy(update={"check_at": next_at, "tries": a.tries + 1})
        if a.token in covered
        else a
        for a in record.attempts
        if a.token != call.token or answer.may_have_arrived
    )
    return record.model_copy(update={"attempts": kept})


def noted(record: ActionRecord, channel: str, receipt: Mapping[str, str]) -> ActionRecord:
    """Return the record with what a channel wants to know at its next delivery.

    Later notes replace earlier ones of the same name. What is too long is left out, as half a name
    is none, and of too many the oldest.
    """
    short = {
        name: text
        for name, text in receipt.items()
        if len(name) <= RECEIPT_NAME and len(text) <= RECEIPT_TEXT
    }
    if not short:
        return record
    before = {k: v for k, v in record.receipts.get(channel, {}).items() if k not in short}
    kept = dict([*before.items(), *short.items()][-RECEIPT_NOTES:])
    return record.model_copy(update={"receipts": {**record.receipts, channel: kept}})


def wait(record: ActionRecord, identifier: str, reason: str, next_at: int) -> ActionRecord:
    """Put off a step that has not been tried."""
    step = record.step(identifier)
    if step is None or step.state != "planned":
        return record
    return _with(record, step.model_copy(update={"result": reason, "next_at": next_at}))


def abandon(record: ActionRecord, channel: str, reason: str, now: int) -> ActionRecord:
    """Drop all that is planned for a channel that cannot be used any more."""
    gone = {"state": "dropped", "result": reason, "finished_at": now}
    steps = tuple(
        step.model_copy(update=gone)
        if step.channel == channel and step.state in {"planned", "sending"}
        else step
        for step in record.steps
    )
    kept = tuple(a for a in record.attempts if _channel_of(record, a) != channel)
    return record.model_copy(update={"steps": steps, "attempts": kept})


def announced(record: ActionRecord, identifiers: frozenset[str]) -> ActionRecord:
    """Note that the ends of steps were published."""
    steps = tuple(
        step.model_copy(update={"announced": True}) if step.id in identifiers else step
        for step in record.steps
    )
    return record.model_copy(update={"steps": steps})


def backoff_ms(step: str, attempt: int) -> int:
    """Return the real milliseconds to wait after the n-th failed attempt, n from 1.

    Doubles up to a limit; spread by a quarter either way, by the step's id, so that steps that
    failed together do not come back together.
    """
    delay = min(BACKOFF_LIMIT_MS, BACKOFF_MS << min(attempt - 1, 16))
    return int(delay * (0.75 + 0.5 * (crc32(step.encode()) % 1000) / 1000))


def _close(record: ActionRecord, step: Step, call: Call, *, arrived: bool) -> ActionRecord:
    """Remove an attempt and those it made good; if it undid a later step it is due instead."""
    mine = next((a for a in record.attempts if a.token == call.token), None)
    if mine is None:
        return record
    last = record.last_sent(step.channel)
    overtook = arrived and last is not None and last.meaning != step.meaning
    kept = tuple(a for a in record.attempts if a.token not in (call.token, *mine.covers))
    if overtook:
        kept += (mine.model_copy(update={"check_at": call.now, "covers": ()}),)
    return record.model_copy(update={"attempts": kept})


def _harmful(record: ActionRecord, channel: str, now: int) -> tuple[Attempt, ...]:
    """Return due attempts that may have left the receiver in another state than the last step."""
    last = record.last_sent(channel)
    return tuple(
        attempt
        for attempt in record.attempts
        if attempt.check_at <= now
        and last is not None
        and (step := record.step(attempt.step)) is not None
        and step.channel == channel
        and step.meaning != last.meaning
    )


def _channel_of(record: ActionRecord, attempt: Attempt) -> str | None:
    step = record.step(attempt.step)
    return None if step is None else step.channel


def _with(record: ActionRecord, step: Step) -> ActionRecord:
    steps = tuple(step if one.id == step.id else one for one in record.steps)
    return record.model_copy(update={"steps": steps})
