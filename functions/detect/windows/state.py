"""What is kept of one service, and how it is written. Pure."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import orjson

from aiops.series_store import NONCE_BYTES
from functions.detect.windows.tally import Row

MOST_IDS = 64
"""Events without an offset by whose ids a repeat of one of them is known."""

MOST_TOTALS = 500
"""Counts that others keep, of which is known how much they were; those longest unchanged go."""

MOST_LANES = 64
"""Partitions a service is told of in; of the others the longest unused is forgotten."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a record comes from, by which a repeat of it is known.

    Attributes:
        id: Of the event.
        time: Of the event, unix milliseconds.
        lane: Topic and partition, empty where the event does not say.
        offset: In the partition.
    """

    id: str
    time: int
    lane: str = ""
    offset: int = 0


@dataclass(slots=True)
class Window:
    """A minute that is not over.

    Attributes:
        counts: How often, by row.
        durations: By row, how often each bucket.
        exemplars: Ids of traces, by row.
    """

    counts: dict[Row, int] = field(default_factory=lambda: defaultdict(int))
    durations: dict[Row, dict[int, int]] = field(default_factory=dict)
    exemplars: dict[Row, list[str]] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """How many rows it has."""
        return len(self.counts) + len(self.durations)


@dataclass(slots=True)
class ServiceState:
    """What is kept of one service; times in unix milliseconds, minutes since 1970.

    Attributes:
        since: When it was first heard of, by what it told.
        newest: The latest time it told of, or that it was quiet until.
        closed: The last minute that is over.
        touched: When it was last heard of, by the clock.
        wake: When the clock is to look at it; 0 where it need not.
        lanes: Offset and time of the last record of each partition.
        ids: Of the last events without an offset.
        rows: The last minute each counted row was told of.
        windows: By minute.
        templates: The last minute each error was seen.
        told: A minute, and of how many new errors people were told in it.
        fresh: Of errors that are new, the minute they were first seen and how often they were told.
        totals: How much each count that somebody else keeps was last.
        pending: Outputs that may not be published yet, in their order.
    """

    since: int = 0
    newest: int = 0
    closed: int = 0
    touched: int = 0
    wake: int = 0
    lanes: dict[str, tuple[int, int]] = field(default_factory=dict)
    ids: list[str] = field(default_factory=list)
    rows: dict[Row, int] = field(default_factory=dict)
    windows: dict[int, Window] = field(default_factory=dict)
    templates: dict[str, int] = field(default_factory=dict)
    told: tuple[int, int] = (0, 0)
    fresh: dict[str, tuple[int, int]] = field(default_factory=dict)
    totals: dict[str, int] = field(default_factory=dict)
    pending: list[str] = field(default_factory=list)

    def repeats(self, origin: Origin) -> bool:
        """Return whether a record was taken before.

        A topic that was made anew begins at 0 again; its records are later than all before.
        """
        if not origin.lane:
            return origin.id in self.ids
        offset, time = self.lanes.get(origin.lane, (-1, 0))
        return origin.offset <= offset and origin.time <= time

    def added(self, name: str, total: int) -> int:
        """Return what was added to a count that somebody else keeps, 1 where it is a new one."""
        before = self.totals.pop(name, total - 1)
        self.totals[name] = max(before, total)
        while len(self.totals) > MOST_TOTALS:
            del self.totals[next(iter(self.totals))]
        return max(0, total - before)

    def note(self, origin: Origin) -> None:
        """Remember that a record is taken."""
        if not origin.lane:
            self.ids = [*self.ids, origin.id][-MOST_IDS:]
            return
        _, time = self.lanes.pop(origin.lane, (-1, 0))
        self.lanes[origin.lane] = (origin.offset, max(time, origin.time))
        while len(self.lanes) > MOST_LANES:
            del self.lanes[next(iter(self.lanes))]


def packed(state: ServiceState) -> bytes:
    """Return a state as it is stored: a hash of its content, then the content as JSON."""
    rows = list(
        dict.fromkeys([*state.rows, *(row for one in state.windows.values() for row in _all(one))])
    )
    place = {row: n for n, row in enumerate(rows)}
    content = orjson.dumps(
        {
            "marks": [state.since, state.newest, state.closed, state.touched, state.wake],
            "lanes": state.lanes,
            "ids": state.ids,
            "names": rows,
            "rows": [[place[row], minute] for row, minute in state.rows.items()],
            "windows": [
                [
                    minute,
                    *(_packed(part, place) for part in (one.counts, one.durations, one.exemplars)),
                ]
                for minute, one in state.windows.items()
            ],
            "templates": state.templates,
            "told": state.told,
            "fresh": state.fresh,
            "totals": state.totals,
            "pending": state.pending,
        },
        option=orjson.OPT_NON_STR_KEYS,
    )
    return blake2b(content, digest_size=NONCE_BYTES).digest() + content


def unpacked(record: bytes | None) -> ServiceState:
    """Return what was stored, an empty state where nothing was."""
    if not record:
        return ServiceState()
    content = orjson.loads(record[NONCE_BYTES:])
    names: list[Row] = [
        (metric, tuple((name, value) for name, value in labels))
        for metric, labels in content["names"]
    ]
    since, newest, closed, touched, wake = content["marks"]
    return ServiceState(
        since,
        newest,
        closed,
        touched,
        wake,
        {lane: (offset, time) for lane, (offset, time) in content["lanes"].items()},
        content["ids"],
        {names[place]: minute for place, minute in content["rows"]},
        {minute: _window(names, *parts) for minute, *parts in content["windows"]},
        content["templates"],
        tuple(content["told"]),
        {template: (first, times) for template, (first, times) in content["fresh"].items()},
        content["totals"],
        content["pending"],
    )


def _all(window: Window) -> list[Row]:
    return [*window.counts, *window.durations]


def _packed(part: Mapping[Row, Any], place: Mapping[Row, int]) -> list[tuple[int, Any]]:
    return [(place[row], what) for row, what in part.items()]


def _window(
    names: list[Row],
    counts: list[tuple[int, int]],
    durations: list[tuple[int, dict[str, int]]],
    exemplars: list[tuple[int, list[str]]],
) -> Window:
    return Window(
        defaultdict(int, {names[place]: n for place, n in counts}),
        {
            names[place]: {int(bucket): n for bucket, n in found.items()}
            for place, found in durations
        },
        {names[place]: ids for place, ids in exemplars},
    )
