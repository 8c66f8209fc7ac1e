"""Positions on Kafka, as the brokers' own administration knows them."""

import threading
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from aiops.adapters.kafka_access import kafka_access
from aiops.errors import Unavailable

if TYPE_CHECKING:
    from kafka.admin import KafkaAdminClient

_TIMEOUT_MS = 4_000
Position = tuple[str, int]
Answer = TypeVar("Answer")


class KafkaOffsets:
    """Asks brokers; the connection is made on first use, and anew after it failed.

    Who asks meanwhile waits: the client is not made for several threads at once.
    """

    def __init__(self, bootstrap_servers: str) -> None:
        self._servers = bootstrap_servers.split(",")
        self._access = kafka_access()
        self._admin: KafkaAdminClient | None = None
        self._lock = threading.Lock()

    def groups(self) -> Mapping[str, Mapping[Position, int]]:
        """Return where each group goes on; groups that never committed anything are left out."""
        return self._asked(_groups)

    def bounds(self, topics: Collection[str]) -> Mapping[Position, tuple[int, int]]:
        """Return first and next offset of each partition of topics that exist."""
        return self._asked(lambda admin: _bounds(admin, topics))

    def close(self) -> None:
        """Give the connection up; the next question makes a new one."""
        if self._admin is not None:
            self._admin.close()
            self._admin = None

    def _asked(self, ask: Callable[["KafkaAdminClient"], Answer]) -> Answer:
        from kafka.errors import KafkaError

        with self._lock:
            try:
                return ask(self._connected())
            except (KafkaError, OSError) as error:
                self.close()
                raise Unavailable(f"Kafka: {type(error).__name__}") from error

    def _connected(self) -> "KafkaAdminClient":
        if self._admin is None:
            from kafka.admin import KafkaAdminClient

            self._admin = KafkaAdminClient(
                bootstrap_servers=self._servers,
                client_id="aiops",
                request_timeout_ms=_TIMEOUT_MS,
                bootstrap_timeout_ms=_TIMEOUT_MS,
                **self._access,
            )
        return self._admin


def _groups(admin: Any) -> dict[str, dict[Position, int]]:
    names = [group["group_id"] for group in admin.list_groups()]
    found = admin.list_group_offsets(names) if names else {}
    return {
        group: {
            (at.topic, at.partition): position.offset
            for at, position in offsets.items()
            if position.offset >= 0
        }
        for group, offsets in found.items()
        if offsets
    }


def _bounds(admin: Any, topics: Collection[str]) -> dict[Position, tuple[int, int]]:
    from kafka import TopicPartition
    from kafka.admin import OffsetSpec

    places = [
        TopicPartition(topic["name"], partition["partition_index"])
        for topic in admin.describe_topics()
        if topic["name"] in topics
        for partition in topic["partitions"]
    ]
    if not places:
        return {}
    first = admin.list_partition_offsets(dict.fromkeys(places, OffsetSpec.EARLIEST))
    end = admin.list_partition_offsets(dict.fromkeys(places, OffsetSpec.LATEST))
    return {(at.topic, at.partition): (first[at].offset, end[at].offset) for at in places}
