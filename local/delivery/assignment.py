"""The partitions a consumer has: a lane for what is in flight, a tracker for what is finished."""

import threading
from collections.abc import Callable, Iterable

from kafka import TopicPartition

from local.delivery.cloudevent import Record
from local.delivery.lane import Lane
from local.delivery.offsets import OffsetTracker

UNORDERED_IN_FLIGHT = 50
"""No more is polled while this many are in flight.

Source: eventing-kafka-broker, UnorderedConsumerVerticle with max.poll.records=50.
"""
_UNORDERED_WIDTH = 2 * UNORDERED_IN_FLIGHT - 1
_ORDERED_WAITING = 50

Handle = Callable[[Record], bool]
"""Delivers a record; True once its offset may be committed."""

_Item = tuple[Record, OffsetTracker]


class Assignment:
    """Records in flight and offsets finished, by partition; safe between threads.

    Args:
        name: Names the threads.
        ordered: One lane of width 1 per partition, or one wide lane for all.
        handle: Delivers a record.
    """

    def __init__(self, name: str, *, ordered: bool, handle: Handle) -> None:
        self._name = name
        self._ordered = ordered
        self._handle = handle
        self._lock = threading.Lock()
        self._lanes: dict[TopicPartition | None, Lane[_Item]] = {}
        self._trackers: dict[TopicPartition, OffsetTracker] = {}

    def add(self, partition: TopicPartition, records: Iterable[Record]) -> None:
        """Take records of a partition, in order."""
        lane, tracker = self._place(partition)
        for record in records:
            tracker.received(record.offset)
            lane.put((record, tracker))

    def full(self, partitions: Iterable[TopicPartition]) -> set[TopicPartition]:
        """Return those of the partitions that have enough waiting."""
        limit = _ORDERED_WAITING if self._ordered else UNORDERED_IN_FLIGHT
        with self._lock:
            return {
                partition
                for partition in partitions
                if (lane := self._lanes.get(self._key(partition))) and lane.depth >= limit
            }

    def committable(self) -> dict[TopicPartition, int]:
        """Return the offsets that may be committed and are not yet."""
        with self._lock:
            found = {partition: each.committable() for partition, each in self._trackers.items()}
        return {partition: offset for partition, offset in found.items() if offset is not None}

    def committed(self, offsets: dict[TopicPartition, int]) -> None:
        """Note that the broker has taken these."""
        with self._lock:
            for partition, offset in offsets.items():
                if partition in self._trackers:
                    self._trackers[partition].committed(offset)

    def keep(self, partitions: set[TopicPartition]) -> None:
        """Forget every partition but these."""
        with self._lock:
            gone = self._trackers.keys() - partitions
        self.give_up(gone)

    def give_up(self, partitions: Iterable[TopicPartition]) -> None:
        """Forget partitions that are no longer ours; what waits is dropped."""
        with self._lock:
            for partition in partitions:
                self._trackers.pop(partition, None)
                lane = self._lanes.pop(partition, None)
                if lane is not None:
                    lane.close()

    def finish(self, seconds: float) -> None:
        """Start nothing more, and wait so long for what is in flight."""
        with self._lock:
            lanes = list(self._lanes.values())
        for lane in lanes:
            lane.close()
        for lane in lanes:
            lane.join(seconds)

    def _place(self, partition: TopicPartition) -> tuple[Lane[_Item], OffsetTracker]:
        key = self._key(partition)
        with self._lock:
            if key not in self._lanes:
                width = 1 if self._ordered else _UNORDERED_WIDTH
                self._lanes[key] = Lane(self._name, width, self._deliver)
            return self._lanes[key], self._trackers.setdefault(partition, OffsetTracker())

    def _key(self, partition: TopicPartition) -> TopicPartition | None:
        return partition if self._ordered else None

    def _deliver(self, item: _Item) -> None:
        record, tracker = item
        if self._handle(record):
            tracker.finished(record.offset)
