"""Reading along on the topic `incidents`: when each service was first told of, and how it ended."""

import threading
import time
from dataclasses import dataclass, field
from typing import Self

import orjson
from kafka import KafkaConsumer, TopicPartition

from aiops import topics

_POLL_MS = 20


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is looked at of an incident.

    Attributes:
        at: When it was read, seconds of real time since any beginning.
        size: Bytes.
    """

    version: int
    status: str
    anomalies: int
    services: tuple[str, ...]
    at: float
    size: int


@dataclass(slots=True)
class IncidentsSeen:
    """A consumer without a group, from now on; a context manager.

    Attributes:
        first: Service to the time at which a snapshot first named it.
        latest: The latest snapshot of each incident.
        snapshots: How many were read.
    """

    bootstrap: str
    first: dict[str, float] = field(default_factory=dict)
    latest: dict[str, Snapshot] = field(default_factory=dict)
    snapshots: int = 0
    _stopping: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        """Stand at the end of every partition, then begin to read."""
        consumer = KafkaConsumer(
            bootstrap_servers=self.bootstrap.split(","), enable_auto_commit=False
        )
        found = [
            TopicPartition(topics.INCIDENTS, partition)
            for partition in consumer.partitions_for_topic(topics.INCIDENTS) or ()
        ]
        consumer.assign(found)
        consumer.seek_to_end()
        for partition in found:
            consumer.position(partition)
        self._thread = threading.Thread(target=self._run, args=(consumer,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(5)

    def live(self, prefix: str) -> list[Snapshot]:
        """Return the latest snapshots of incidents with a service so named, but for merged ones."""
        return [
            one
            for one in list(self.latest.values())
            if one.status != "merged" and any(name.startswith(prefix) for name in one.services)
        ]

    def _run(self, consumer: KafkaConsumer) -> None:
        while not self._stopping.is_set():
            for records in consumer.poll(timeout_ms=_POLL_MS).values():
                for record in records:
                    self._take(record.value)
        consumer.close()

    def _take(self, value: bytes) -> None:
        now = time.monotonic()
        self.snapshots += 1
        data = orjson.loads(value)
        snapshot = Snapshot(
            data["version"],
            data["status"],
            data["anomalies"],
            tuple(data["services"]),
            now,
            len(value),
        )
        for service in snapshot.services:
            self.first.setdefault(service, now)
        known = self.latest.get(data["id"])
        if known is None or known.version < snapshot.version:
            self.latest[data["id"]] = snapshot
