"""Learns series in memory from what they were, as `detect` would have, and tells nobody."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from aiops.adapters.memory_broker import MemoryPublisher
from aiops.adapters.memory_series import MemorySeriesStore
from aiops.batching import MAX_SAMPLES, Reading
from aiops.clock import ManualClock
from aiops.events import Samples, SeriesHead
from aiops.ids import derive
from aiops.ports import Event
from aiops.series import Series
from aiops.verdicts import VerdictStore
from functions.detect.handler import DetectHandler
from local.in_process import detecting

SOURCE = "/aiops/backfill"


@dataclass(slots=True)
class Learning:
    """Series of one query, from nothing to what is known of them at the end.

    Attributes:
        known: The series, by shard and key.
    """

    detect: DetectHandler
    publisher: MemoryPublisher
    store: MemorySeriesStore
    clock: ManualClock
    known: dict[tuple[int, str], Series] = field(default_factory=dict)

    @classmethod
    def of(cls, config: Mapping[str, Any], verdicts: VerdictStore) -> "Learning":
        """Begin.

        Args:
            config: Sections of the configuration.
            verdicts: What people said of the series; only read.

        Raises:
            Misconfigured: a section is wrong.
        """
        clock, publisher, store = ManualClock(), MemoryPublisher(), MemorySeriesStore()
        detect = detecting(config, clock, publisher)
        detect.store, detect.verdicts = store, verdicts
        return cls(detect, publisher, store, clock)

    def take(self, times: Iterable[tuple[int, Sequence[Reading]]]) -> None:
        """Learn readings, given in the order of their times.

        What `detect` would publish of them is long past, and dropped.
        """
        for readings in _packed(times):
            heads: dict[int, int] = {}
            for one in readings:
                self._note(one.head)
                heads.setdefault(id(one.head), len(heads))
            self.clock.ms = readings[-1].time
            self.detect(_event(readings, heads))
            self.store.waiting.clear()
            self.publisher.topics.clear()

    def _note(self, head: SeriesHead) -> None:
        series = self.detect.reader.names.read(head)
        if isinstance(series, Series):
            self.known[series.shard, series.key] = series


def _packed(times: Iterable[tuple[int, Sequence[Reading]]]) -> Iterator[list[Reading]]:
    """Yield readings in events of as many as fit, several times in one where few series are."""
    waiting: list[Reading] = []
    for _, readings in times:
        for one in readings:
            waiting.append(one)
            if len(waiting) == MAX_SAMPLES:
                yield waiting
                waiting = []
    if waiting:
        yield waiting


def _event(readings: Sequence[Reading], heads: Mapping[int, int]) -> Event:
    named = {heads[id(one.head)]: one.head.model_dump() for one in readings}
    rows = [(heads[id(one.head)], one.time, one.value) for one in readings]
    # A value that is none is a gap: NaN, which orjson has no word for.
    data = orjson.dumps({"series": list(named.values()), "samples": rows})
    return Event(
        id=derive("backfilled", readings[0].time, readings[-1].time, len(readings)),
        source=SOURCE,
        type=Samples.type,
        time=readings[-1].time,
        data=data.replace(b",null]", b",NaN]"),
    )
