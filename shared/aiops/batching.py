"""Samples into events of one shard each, none too large for a broker."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from aiops import topics
from aiops.events import Samples, SeriesHead
from aiops.ids import derive
from aiops.ports import Event, Message
from aiops.series import SeriesMap

MAX_SAMPLES = 500
MAX_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Reading:
    """A sample on its way out, with the series it belongs to."""

    head: SeriesHead
    time: int
    value: float


def batches(
    readings: Iterable[Reading], names: SeriesMap, source: str, event_time: int
) -> Iterator[Message]:
    """Yield messages for the topic `metrics`, at most 500 samples and 256 KiB of data each.

    A series that cannot be taken goes along, so that the refusal is counted where all are.
    """
    by_shard: defaultdict[int, list[Reading]] = defaultdict(list)
    for reading in readings:
        series = names.read(reading.head)
        by_shard[0 if isinstance(series, str) else series.shard].append(reading)
    for shard, mine in sorted(by_shard.items()):
        for start in range(0, len(mine), MAX_SAMPLES):
            yield from _fitting(mine[start : start + MAX_SAMPLES], shard, source, event_time)


def _fitting(
    readings: Sequence[Reading], shard: int, source: str, event_time: int
) -> Iterator[Message]:
    data = _columns(readings).model_dump_json().encode()
    if len(data) > MAX_BYTES and len(readings) > 1:
        half = len(readings) // 2
        yield from _fitting(readings[:half], shard, source, event_time)
        yield from _fitting(readings[half:], shard, source, event_time)
        return
    first, last = readings[0], readings[-1]
    identity = (shard, event_time, len(readings), first.head.model_dump_json(), first.time)
    yield Message(
        topics.METRICS,
        str(shard),
        Event(
            id=derive("samples", source, *identity, last.head.model_dump_json(), last.time),
            source=source,
            type=Samples.type,
            time=event_time,
            data=data,
        ),
    )


def _columns(readings: Sequence[Reading]) -> Samples:
    places: dict[tuple[str, tuple[tuple[str, str], ...]], int] = {}
    heads: list[SeriesHead] = []
    rows: list[tuple[int, int, float]] = []
    for reading in readings:
        key = (reading.head.metric, tuple(sorted(reading.head.labels.items())))
        place = places.setdefault(key, len(heads))
        if place == len(heads):
            heads.append(reading.head)
        rows.append((place, reading.time, reading.value))
    return Samples(series=tuple(heads), samples=tuple(rows))
