"""A consumer group's member: polls topics, hands records to lanes, commits what is finished."""

import logging
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass

from kafka import ConsumerRebalanceListener, KafkaConsumer, TopicPartition
from kafka.errors import KafkaError
from kafka.structs import OffsetAndMetadata

from local.delivery.assignment import Assignment, Handle
from local.delivery.cloudevent import Record

log = logging.getLogger(__name__)

_ALL_THAT_WAS_FETCHED = 1_000_000
_FETCH_BYTES = 256 * 1024
"""What may wait is bounded here, in bytes, and each poll takes all that was fetched.

kafka-python 3.0.12 never returns the rest of a fetch that a poll took only part of, once the
partition was paused and resumed.
"""
_COMMIT_SECONDS = 1.0
_COMMIT_WAIT_MS = 2_000
_RECONNECT_MS = 1_000
"""As Kafka's own clients have it; kafka-python's default is 30 s."""

_POLL_MS = 200
_POLL_PAUSED_MS = 50
_AFTER_ERROR_SECONDS = 0.5
_IN_FLIGHT_SECONDS = 5.0
_JOIN_SECONDS = 60.0
"""The broker of the wheel takes ten seconds for a join, and now and then wants a second one."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """What is consumed, as whom, and what the broker makes of silence, in milliseconds.

    Attributes:
        fetch_wait_ms: How long a fetch waits at the broker for a record.
        session_ms: How long the broker may hear nothing before it gives the partitions to others.
    """

    name: str
    topics: tuple[str, ...]
    group: str
    ordered: bool
    initial_offset: str
    fetch_wait_ms: int
    session_ms: int


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
        self._partitions = Assignment(
            subscription.name, ordered=subscription.ordered, handle=self._deliver
        )
        self._thread = threading.Thread(target=self._run, name=subscription.name, daemon=True)
        self.assigned = threading.Event()

    @property
    def name(self) -> str:
        """Return the name of what consumes."""
        return self._about.name

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
        while (consumer := self._connected()) is not None:
            try:
                self._consume(consumer)
            finally:
                consumer.close(autocommit=False, timeout_ms=2_000)

    def _consume(self, consumer: KafkaConsumer) -> None:
        """Poll until asked to stop, or until it is clear that nothing will ever be assigned.

        The client may miss an answer while it joins, and then waits for it without end.
        """
        due = time.monotonic() + _COMMIT_SECONDS
        joined_by = time.monotonic() + _JOIN_SECONDS
        while not self._stopping.is_set():
            self._poll(consumer)
            if time.monotonic() >= due:
                self._commit(consumer)
                due = time.monotonic() + _COMMIT_SECONDS
            if not self.assigned.is_set() and time.monotonic() >= joined_by:
                log.warning("%s: no partitions yet: joins anew", self._about.name)
                return
        self._partitions.finish(_IN_FLIGHT_SECONDS)
        self._commit(consumer)

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
                    reconnect_backoff_max_ms=_RECONNECT_MS,
                    session_timeout_ms=self._about.session_ms,
                    heartbeat_interval_ms=1_000,
                    max_poll_records=_ALL_THAT_WAS_FETCHED,
                    max_partition_fetch_bytes=_FETCH_BYTES,
                    fetch_max_wait_ms=self._about.fetch_wait_ms,
                    bootstrap_timeout_ms=5_000,
                )
            except (KafkaError, OSError) as error:
                self._after(error)
                continue
            if self._subscribed(consumer):
                return consumer
        return None

    def _subscribed(self, consumer: KafkaConsumer) -> bool:
        """Subscribe to topics that are known by then: whoever joins before is assigned nothing."""
        try:
            for topic in self._about.topics:
                consumer.partitions_for_topic(topic)
        except (KafkaError, OSError) as error:
            consumer.close(autocommit=False, timeout_ms=2_000)
            self._after(error)
            return False
        consumer.subscribe(list(self._about.topics), listener=_Listener(self))
        return True

    def _poll(self, consumer: KafkaConsumer) -> None:
        try:
            paused = self._regulate(consumer)
            found = consumer.poll(_POLL_PAUSED_MS if paused else _POLL_MS)
        except (KafkaError, OSError) as error:
            self._after(error)
            return
        for partition, records in found.items():
            self._partitions.add(partition, map(_record, records))

    def _regulate(self, consumer: KafkaConsumer) -> bool:
        """Pause what has enough waiting and resume what has not; return whether anything is."""
        ours = consumer.assignment()
        self._partitions.keep(ours)
        full = self._partitions.full(ours)
        paused = consumer.paused()
        if full - paused:
            consumer.pause(*(full - paused))
        if paused - full:
            consumer.resume(*(paused - full))
        return bool(full)

    def _deliver(self, record: Record) -> bool:
        while not self._gate.wait(0.1):
            if self._stopping.is_set():
                return False
        return not self._stopping.is_set() and self._handle(record)

    def _commit(self, consumer: KafkaConsumer) -> None:
        ready = self._partitions.committable()
        if not ready:
            return
        try:
            offsets = {place: OffsetAndMetadata(offset, "", -1) for place, offset in ready.items()}
            consumer.commit(offsets, timeout_ms=_COMMIT_WAIT_MS)
        except (KafkaError, OSError) as error:
            log.warning("%s: not committed: %s", self._about.name, type(error).__name__)
            return
        self._partitions.committed(ready)

    def give_up(self, partitions: Iterable[TopicPartition]) -> None:
        """Forget partitions that are no longer ours."""
        self._partitions.give_up(partitions)

    def _after(self, error: Exception) -> None:
        log.warning("%s: Kafka: %s", self._about.name, error)
        self._stopping.wait(_AFTER_ERROR_SECONDS)


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc] # kafka-python is not typed
    """Told on the client's own thread, so it only notes."""

    def __init__(self, consumer: TopicConsumer) -> None:
        self._consumer = consumer

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Nothing: those that come back keep their position, the others go with the next poll."""

    def on_partitions_lost(self, lost: Iterable[TopicPartition]) -> None:
        self._consumer.give_up(lost)

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
