"""A consumer group's member: polls topics, hands records to lanes, commits what is finished."""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from kafka import ConsumerRebalanceListener, KafkaConsumer, TopicPartition
from kafka.errors import KafkaError
from kafka.structs import OffsetAndMetadata

from local.delivery.cloudevent import Record
from local.delivery.lane import Lane
from local.delivery.offsets import OffsetTracker

log = logging.getLogger(__name__)

UNORDERED_IN_FLIGHT = 50
"""No more is polled while this many are in flight.

Source: eventing-kafka-broker, UnorderedConsumerVerticle with max.poll.records=50.
"""
_UNORDERED_WIDTH = 2 * UNORDERED_IN_FLIGHT - 1
_ORDERED_WAITING = 50
_ALL_THAT_WAS_FETCHED = 1_000_000
_FETCH_BYTES = 256 * 1024
"""What may wait is bounded here, in bytes, and each poll takes all that was fetched.

kafka-python 3.0.12 never returns the rest of a fetch that a poll took only part of, once the
partition was paused and resumed.
"""
_COMMIT_SECONDS = 1.0
_POLL_MS = 200
_POLL_PAUSED_MS = 10
_AFTER_ERROR_SECONDS = 0.5

Handle = Callable[[Record], bool]
"""Delivers a record; True once its offset may be committed."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """What is consumed, as whom, and how long a fetch waits at the broker for a record, in ms."""

    name: str
    topics: tuple[str, ...]
    group: str
    ordered: bool
    initial_offset: str
    fetch_wait_ms: int


class TopicConsumer:
    """One member of a consumer group with a thread of its own.

    Ordered: one record in flight per partition, partitions side by side. Unordered: no further
    poll while 50 are in flight. A partition that goes to another member drops what waits; what is
    in flight ends, is not committed, and is delivered again by its new owner.

    Args:
        subscription: What is consumed.
        bootstrap: The broker's addresses.
        handle: Delivers a record.
        gate: Nothing is delivered before it is set.
    """

    def __init__(
        self, subscription: Subscription, bootstrap: str, handle: Handle, gate: threading.Event
    ) -> None:
        self._about = subscription
        self._bootstrap = bootstrap
        self._handle = handle
        self._gate = gate
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._lanes: dict[TopicPartition | None, Lane[tuple[Record, OffsetTracker]]] = {}
        self._trackers: dict[TopicPartition, OffsetTracker] = {}
        self._thread = threading.Thread(target=self._run, name=subscription.name, daemon=True)
        self.assigned = threading.Event()

    def start(self) -> None:
        """Join the group, in a thread; `assigned` is set once there are partitions."""
        self._thread.start()

    def ask_to_stop(self) -> None:
        """Deliver nothing more, without waiting for the end."""
        self._stopping.set()

    def stop(self, seconds: float) -> None:
        """Wait for attempts in flight, commit what is finished and leave the group."""
        self.ask_to_stop()
        if self._thread.ident is not None:
            self._thread.join(seconds)

    def _run(self) -> None:
        consumer = self._connected()
        if consumer is None:
            return
        try:
            due = time.monotonic() + _COMMIT_SECONDS
            while not self._stopping.is_set():
                self._poll(consumer)
                if time.monotonic() >= due:
                    self._commit(consumer)
                    due = time.monotonic() + _COMMIT_SECONDS
            self._finish(consumer)
        finally:
            consumer.close(autocommit=False, timeout_ms=2_000)

    def _connected(self) -> KafkaConsumer | None:
        while not self._stopping.is_set():
            try:
                consumer = KafkaConsumer(
                    bootstrap_servers=self._bootstrap.split(","),
                    client_id=self._about.name,
                    group_id=self._about.group,
                    enable_auto_commit=False,
                    auto_offset_reset=self._about.initial_offset,
                    isolation_level="read_committed",
                    session_timeout_ms=6_000,
                    heartbeat_interval_ms=1_000,
                    max_poll_records=_ALL_THAT_WAS_FETCHED,
                    max_partition_fetch_bytes=_FETCH_BYTES,
                    fetch_max_wait_ms=self._about.fetch_wait_ms,
                    bootstrap_timeout_ms=5_000,
                )
            except (KafkaError, OSError) as error:
                self._after(error)
            else:
                consumer.subscribe(list(self._about.topics), listener=_Listener(self))
                return consumer
        return None

    def _poll(self, consumer: KafkaConsumer) -> None:
        try:
            paused = self._regulate(consumer)
            found = consumer.poll(_POLL_PAUSED_MS if paused else _POLL_MS)
        except (KafkaError, OSError) as error:
            self._after(error)
            return
        for partition, records in found.items():
            lane, tracker = self._place(partition)
            for each in records:
                tracker.received(each.offset)
                lane.put((_record(each), tracker))

    def _regulate(self, consumer: KafkaConsumer) -> bool:
        """Pause what has enough waiting, resume what has not; return whether anything is paused."""
        with self._lock:
            lanes = dict(self._lanes)
        limit = _ORDERED_WAITING if self._about.ordered else UNORDERED_IN_FLIGHT
        full = {
            partition
            for partition in consumer.assignment()
            if (lane := lanes.get(self._lane_key(partition))) and lane.depth >= limit
        }
        paused = consumer.paused()
        if full - paused:
            consumer.pause(*(full - paused))
        if paused - full:
            consumer.resume(*(paused - full))
        return bool(full)

    def _lane_key(self, partition: TopicPartition) -> TopicPartition | None:
        return partition if self._about.ordered else None

    def _place(
        self, partition: TopicPartition
    ) -> tuple[Lane[tuple[Record, OffsetTracker]], OffsetTracker]:
        key = self._lane_key(partition)
        with self._lock:
            if key not in self._lanes:
                width = 1 if self._about.ordered else _UNORDERED_WIDTH
                self._lanes[key] = Lane(self._about.name, width, self._deliver)
            return self._lanes[key], self._trackers.setdefault(partition, OffsetTracker())

    def _deliver(self, item: tuple[Record, OffsetTracker]) -> None:
        record, tracker = item
        while not self._gate.wait(0.1):
            if self._stopping.is_set():
                return
        if not self._stopping.is_set() and self._handle(record):
            tracker.finished(record.offset)

    def _commit(self, consumer: KafkaConsumer) -> None:
        with self._lock:
            trackers = dict(self._trackers)
        ready = {
            partition: (tracker, offset)
            for partition, tracker in trackers.items()
            if (offset := tracker.committable()) is not None
        }
        if not ready:
            return
        try:
            offsets = {p: OffsetAndMetadata(offset, "", -1) for p, (_, offset) in ready.items()}
            consumer.commit(offsets, timeout_ms=5_000)
        except (KafkaError, OSError) as error:
            log.warning("%s: not committed: %s", self._about.name, type(error).__name__)
            return
        for tracker, offset in ready.values():
            tracker.committed(offset)

    def _finish(self, consumer: KafkaConsumer) -> None:
        with self._lock:
            lanes = list(self._lanes.values())
        for lane in lanes:
            lane.close()
        for lane in lanes:
            lane.join(5.0)
        self._commit(consumer)

    def give_up(self, partitions: Iterable[TopicPartition]) -> None:
        """Forget partitions that are no longer ours."""
        with self._lock:
            for partition in partitions:
                self._trackers.pop(partition, None)
                lane = self._lanes.pop(partition, None)
                if lane is not None:
                    lane.close()

    def _after(self, error: Exception) -> None:
        log.warning("%s: Kafka: %s", self._about.name, error)
        self._stopping.wait(_AFTER_ERROR_SECONDS)


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc] # kafka-python is not typed
    """Told on the client's own thread, so it only notes."""

    def __init__(self, consumer: TopicConsumer) -> None:
        self._consumer = consumer

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        self._consumer.give_up(revoked)

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        if list(assigned):
            self._consumer.assigned.set()


def _record(found: object) -> Record:
    get = found.__getattribute__
    return Record(
        topic=get("topic"),
        partition=get("partition"),
        offset=get("offset"),
        timestamp=get("timestamp"),
        key=get("key"),
        value=get("value"),
        headers=tuple(get("headers")),
    )
