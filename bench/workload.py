"""Samples as requests, encoded before anything is measured.

A group is what our own batches hold: 500 distinct series of one shard. A sweep is one sample of
every series, all at one time; sweeps come a minute apart, where nothing else is said, and never
go back.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import numpy as np

from aiops.adapters.cloudevent import encode
from aiops.adapters.keys import Keys
from aiops.batching import MAX_SAMPLES, Reading, batches
from aiops.events import SeriesHead
from aiops.ports import Message
from aiops.series import SHARDS, Series, SeriesMap
from local.delivery.cloudevent import Record, carried, numbered, to_http

STEP_MS = 60_000
METRICS = ("requests_per_second", "latency_milliseconds", "cpu_usage_ratio", "errors_per_second")
LEVEL, DEVIATION = 100.0, 5.0
"""Of the values, which are normally distributed."""

OUTLIER = 1_000_000.0
"""A value that alarms in any series."""

_NAMES = SeriesMap()


def groups(count: int, size: int = MAX_SAMPLES) -> list[list[SeriesHead]]:
    """Return `count` groups of `size` distinct series each, the shards taking turns."""
    waiting: list[list[SeriesHead]] = [[] for _ in range(SHARDS)]
    full: list[list[SeriesHead]] = []
    number = 0
    while len(full) < count:
        head = _head(number)
        number += 1
        place = _series(head).shard
        mine = waiting[place]
        mine.append(head)
        if len(mine) == size:
            full.append(mine)
            waiting[place] = []
    return full


@dataclass(slots=True)
class Sweeps:
    """Yields one sweep after the other, with values around a level of each series' own.

    Attributes:
        groups: Series, by batch.
        now: Time of the next sweep, unix milliseconds.
        seed: Of the values.
        step_ms: From one sweep to the next.
    """

    groups: Sequence[Sequence[SeriesHead]]
    now: int
    seed: int = 1
    step_ms: int = STEP_MS
    _random: np.random.Generator = field(init=False)

    def __post_init__(self) -> None:
        """Seed the values."""
        self._random = np.random.default_rng(self.seed)

    @property
    def size(self) -> int:
        """Samples in one sweep."""
        return sum(map(len, self.groups))

    def messages(self, *, mixed: bool = False, outliers: int = 0) -> list[Message]:
        """Return the next sweep, a message for every group.

        Args:
            mixed: Whether the series are grouped anew.
            outliers: In each group the first so many series are far from where they usually are.
        """
        found: list[Message] = []
        for heads in self._mixed() if mixed else self.groups:
            values = self._random.normal(LEVEL, DEVIATION, len(heads)).tolist()
            values[:outliers] = [OUTLIER] * outliers
            readings = [
                Reading(head, self.now, value) for head, value in zip(heads, values, strict=True)
            ]
            found += batches(readings, _NAMES, "/bench", self.now)
        self.now += self.step_ms
        return found

    def requests(self, url: str, sweeps: int, *, mixed: bool = False) -> list[bytes]:
        """Return the next sweeps as HTTP requests, in order of time."""
        return [request(url, one) for _ in range(sweeps) for one in self.messages(mixed=mixed)]

    def _mixed(self) -> list[list[SeriesHead]]:
        """Return the series of each shard in groups of another composition and order."""
        by_shard: defaultdict[int, list[SeriesHead]] = defaultdict(list)
        for heads in self.groups:
            by_shard[_series(heads[0]).shard] += heads
        size = len(self.groups[0])
        return [
            [mine[place] for place in order[start : start + size]]
            for mine in by_shard.values()
            for order in [self._random.permutation(len(mine))]
            for start in range(0, len(mine), size)
        ]


def record_key(head: SeriesHead) -> str:
    """Return the key in Redis of a series' record."""
    series = _series(head)
    return Keys().series(series.shard, series.key)


def request(url: str, message: Message) -> bytes:
    """Return an event as delivery posts it, head and body in one piece."""
    key, value, headers = encode(message)
    record = Record(message.topic, 0, 0, message.event.time, key, value, headers)
    event = carried(record)
    if event is None:
        raise ValueError("no CloudEvent")
    fields = {
        "Host": urlsplit(url).netloc,
        "Content-Length": str(len(value)),
        "Prefer": "reply",
        "Kn-Namespace": "aiops",
        **to_http(numbered(event, record)),
    }
    lines = "".join(f"{name}: {text}\r\n" for name, text in fields.items())
    return f"POST / HTTP/1.1\r\n{lines}\r\n".encode() + value


def _series(head: SeriesHead) -> Series:
    found = _NAMES.read(head)
    if isinstance(found, str):
        raise TypeError(found)
    return found


def _head(number: int) -> SeriesHead:
    pod, metric = divmod(number, len(METRICS))
    service = f"service-{pod % 97}"
    labels = {"namespace": "shop", "service": service, "pod": f"{service}-{pod:07x}"}
    return SeriesHead(metric=METRICS[metric], labels=labels)
