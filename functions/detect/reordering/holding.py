"""Holds back samples of series whose rules say so, and passes them on in the order of time.

What is passed on goes through the topic `metrics` once more, as a batch of our own: it is scored
as if its source had sent it in order.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import orjson

from aiops import topics
from aiops.clock import Clock
from aiops.events import Samples, SeriesHead
from aiops.ids import derive
from aiops.open_windows import OpenWindows
from aiops.ports import Counts, Event, Message, Publisher
from aiops.series import shard_of
from aiops.series_store import SeriesStore
from functions.detect.batch import Batch
from functions.detect.config import DetectConfig
from functions.detect.reordering.held import (
    HeldState,
    Point,
    hold,
    packed,
    pass_by,
    release,
    unpacked,
    waits,
)
from functions.detect.settling import Changed, Form, Output, Settling

SOURCE = "/aiops/detect/reordering"
"""Of the events that carry what was put in order; they are not held again."""

BATCH = 500
"""Samples in one event."""

IDLE_SECONDS = 60.0
"""A series is quiet after this, and after its own window."""


@dataclass(frozen=True, slots=True)
class Holding:
    """Puts samples in order.

    Attributes:
        config: Knows the rules.
        store: What waits, and what is not published yet.
        index: Which series the clock has to look at.
    """

    config: DetectConfig
    store: SeriesStore
    index: OpenWindows
    publisher: Publisher
    clock: Clock
    settling: Settling[HeldState] = field(init=False)

    def __post_init__(self) -> None:
        """Settle series as they are kept."""
        form = Form(unpacked, packed, waits)
        longest = max((rule.reorder_window for rule in self.config.every), default=0.0)
        idle = int(max(longest, IDLE_SECONDS) * 1000)
        parts = (self.store, self.index, self.publisher, self.clock)
        object.__setattr__(self, "settling", Settling(*parts, form, _messages, idle))

    def take(self, event: Event, batch: Batch, counts: Counts) -> Batch:
        """Hold back what has to be, pass on what is in order by now; return the rest.

        Args:
            event: That brought the samples.
            batch: The samples.
            counts: Counts what was held, and what was dropped.

        Raises:
            Unavailable: something could not be stored or published.
        """
        special = {*batch.derived, *batch.rows}
        held = [
            place
            for place, rule in enumerate(batch.rule.tolist())
            if self.config.rule(rule).reorder_window and place not in special
        ]
        if event.source == SOURCE or not held:
            return batch
        points: dict[str, list[Point]] = defaultdict(list)
        places = {batch.keys[place][1]: place for place in held}
        for at in np.flatnonzero(np.isin(batch.row, held)).tolist():
            key = batch.keys[int(batch.row[at])][1]
            points[key].append((int(batch.time[at]), float(batch.value[at])))

        def change(key: str, state: HeldState) -> Changed:
            place = places[key]
            state.head = self._head(batch, place)
            dropped = hold(state, points[key])
            state.touched = max(state.touched, self.clock.now())
            window = self.config.rule(int(batch.rule[place])).reorder_window
            dropped["held"] += len(points[key]) - dropped.total()
            return Changed(_released(key, state, window), dropped)

        counts.update(self.settling.settle(event, [key for key in points if key], change))
        left = set(held)
        return batch.only([place for place in range(len(batch.keys)) if place not in left])

    def tick(self, event: Event, now: int) -> Counts:
        """Pass on what waits for a series that tells nothing more.

        Args:
            event: The reason.
            now: By the clock.
        """

        def change(key: str, state: HeldState) -> Changed:
            pass_by(state, now, self.settling.idle)
            return Changed(_released(key, state, self.settling.idle / 1000), Counter())

        return self.settling.tick(event, now, change)

    @staticmethod
    def _head(batch: Batch, place: int) -> SeriesHead:
        series = batch.named(place)
        return SeriesHead(
            metric=series.metric,
            labels=dict(series.labels),
            kind="counter" if batch.counter[place] else "gauge",
        )


def _released(key: str, state: HeldState, window: float) -> list[Output]:
    """Return what a series gives out, named by the series and the last time of it."""
    points = release(state, int(window * 1000))
    if not points or state.head is None:
        return []
    data = orjson.dumps((state.head.model_dump(), points))
    return [(f"{key}:{points[-1][0]}", data)]


def _messages(
    outputs: Sequence[Output], cause: Event, extensions: Mapping[str, str]
) -> list[Message]:
    """Return the samples of outputs as batches of one shard each; a series stays in order."""
    shards: dict[int, list[Output]] = defaultdict(list)
    for name, data in outputs:
        shards[shard_of(name.partition(":")[0])].append((name, data))
    return [
        _message(shard, part, cause, extensions)
        for shard, mine in shards.items()
        for part in _parts(mine)
    ]


def _parts(outputs: Sequence[Output]) -> Iterator[list[Output]]:
    part: list[Output] = []
    size = 0
    for one in outputs:
        points = one[1].count(b"[")
        if part and size + points > BATCH:
            yield part
            part, size = [], 0
        part.append(one)
        size += points
    if part:
        yield part


def _message(
    shard: int, outputs: Sequence[Output], cause: Event, extensions: Mapping[str, str]
) -> Message:
    told = [orjson.loads(data) for _, data in outputs]
    samples = [
        (place, time, value) for place, (_, points) in enumerate(told) for time, value in points
    ]
    key = str(shard)
    event = Event(
        id=derive("reordered", *(name for name, _ in outputs)),
        source=SOURCE,
        type=Samples.type,
        time=max(cause.time, *(time for _, time, _ in samples)),
        data=orjson.dumps({"series": [head for head, _ in told], "samples": samples}),
        subject=key,
        extensions=extensions,
    )
    return Message(topics.METRICS, key, event)
