"""Samples of one series that wait for earlier ones. Pure."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import blake2b

import orjson

from aiops.events import SeriesHead
from aiops.ports import Counts
from aiops.series_store import NONCE_BYTES

MOST_HELD = 2_000
"""Samples of one series that wait; those beyond are dropped and counted."""

Point = tuple[int, float]
"""Unix milliseconds and value."""


@dataclass(slots=True)
class HeldState:
    """What is kept of one series that is put in order; times in unix milliseconds.

    Attributes:
        head: Names the series; None until it is told of.
        released: The last time that was passed on.
        newest: The latest time it told of, or that it was quiet until.
        touched: When it was last heard of, by the clock.
        wake: When the clock is to look at it; 0 where it need not.
        points: What waits, by time.
        pending: Outputs that may not be published yet, in their order.
    """

    head: SeriesHead | None = None
    released: int = 0
    newest: int = 0
    touched: int = 0
    wake: int = 0
    points: dict[int, float] = field(default_factory=dict)
    pending: list[str] = field(default_factory=list)


def hold(state: HeldState, points: Iterable[Point]) -> Counts:
    """Add samples; the first value of a time counts, and what is late is dropped.

    Args:
        state: Is changed.
        points: In any order.

    Returns:
        What was dropped, by reason.
    """
    dropped: Counts = Counter()
    for time, value in points:
        if time <= state.released:
            dropped["late"] += 1
        elif time in state.points:
            dropped["duplicate"] += 1
        elif len(state.points) >= MOST_HELD:
            dropped["too_many_held"] += 1
        else:
            state.points[time] = value
            state.newest = max(state.newest, time)
    return dropped


def release(state: HeldState, window: int) -> list[Point]:
    """Take what no earlier sample can come before any more, in the order of time.

    Args:
        state: Is changed.
        window: Milliseconds by which samples may be out of order.
    """
    ready = sorted(time for time in state.points if time < state.newest - window)
    if ready:
        state.released = ready[-1]
    return [(time, state.points.pop(time)) for time in ready]


def pass_by(state: HeldState, now: int, idle: int) -> None:
    """Let the time go on for a series that tells nothing.

    Args:
        state: Is changed.
        now: By the clock.
        idle: Milliseconds after which a series is quiet.
    """
    if now - state.touched >= idle:
        state.newest += now - state.touched
        state.touched = now


def waits(state: HeldState) -> bool:
    """Return whether something is left to be done for a series though it tells nothing more."""
    return bool(state.points or state.pending)


def packed(state: HeldState) -> bytes:
    """Return a state as it is stored: a hash of its content, then the content as JSON."""
    head = None if state.head is None else state.head.model_dump()
    marks = (state.released, state.newest, state.touched, state.wake)
    content = orjson.dumps((head, marks, list(state.points.items()), state.pending))
    return blake2b(content, digest_size=NONCE_BYTES).digest() + content


def unpacked(record: bytes | None) -> HeldState:
    """Return what was stored, an empty state where nothing was."""
    if not record:
        return HeldState()
    head, marks, points, pending = orjson.loads(record[NONCE_BYTES:])
    named = None if head is None else SeriesHead.model_validate(head)
    released, newest, touched, wake = marks
    return HeldState(named, released, newest, touched, wake, dict(points), pending)
