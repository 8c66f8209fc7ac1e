"""Publishing to Kafka: everything sent, one flush, every acknowledgement looked at."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from aiops.adapters.cloudevent import encode
from aiops.adapters.kafka_access import kafka_access
from aiops.adapters.tracing import carrying
from aiops.errors import Unavailable
from aiops.ports import Message

if TYPE_CHECKING:
    from kafka import KafkaProducer

PUBLISH_SECONDS = 12.0
"""What publishing takes at most, connecting included; below the 20 s a request may take."""

_BLOCK_SECONDS = 5.0
"""How long connecting, and how long finding out where a message goes, may take."""

_RECONNECT_MS = 1_000
"""The longest pause between attempts to connect, as Kafka's own clients have it.

kafka-python's default of 30 s would keep a function away from a broker that is back.
"""


class KafkaPublisher:
    """Publishes to Kafka; the connection is made on first use, after the server has forked.

    Raises:
        Misconfigured: the environment says it wrongly how Kafka is talked to.

    The client is imported on first use as well: it takes longer to load than all else together,
    and most events have nothing to publish.
    """

    def __init__(self, bootstrap_servers: str) -> None:
        self._servers = bootstrap_servers.split(",")
        self._access = kafka_access()
        self._producer: KafkaProducer | None = None
        self._lock = threading.Lock()

    def publish(self, messages: Sequence[Message]) -> None:
        """Return once every message is acknowledged by all in-sync replicas.

        Raises:
            Unavailable: one or more were not.
        """
        if not messages:
            return
        deadline = time.monotonic() + PUBLISH_SECONDS
        with _translated():
            producer = self._connected()
            futures = []
            for message in messages:
                if deadline - time.monotonic() < _BLOCK_SECONDS:
                    raise Unavailable("Kafka: no time left to send")
                key, value, headers = encode(message)
                headers = carrying(headers)
                futures.append(
                    producer.send(message.topic, value, key, headers, partition=message.partition)
                )
            producer.flush(timeout=max(0.0, deadline - time.monotonic()))
            for future in futures:
                if not future.is_done:
                    raise Unavailable("Kafka: no acknowledgement in time")
                if future.failed():
                    raise Unavailable(f"Kafka: {type(future.exception).__name__}")

    def partitions(self, topic: str) -> int:
        """Return how many partitions a topic has."""
        with _translated():
            found = self._connected().partitions_for(topic)
        if not found:
            raise Unavailable(f"Kafka: no topic {topic}")
        return len(found)

    def close(self) -> None:
        """Give the connection up; the next message makes a new one."""
        with self._lock:
            if self._producer is not None:
                self._producer.close(timeout=PUBLISH_SECONDS)
                self._producer = None

    def _connected(self) -> "KafkaProducer":
        """Return the producer; whoever waits for another's attempt to connect waits for one."""
        if not self._lock.acquire(timeout=_BLOCK_SECONDS):
            raise Unavailable("Kafka: others are still trying to connect")
        try:
            if self._producer is None:
                from kafka import KafkaProducer

                self._producer = KafkaProducer(
                    bootstrap_servers=self._servers,
                    client_id="aiops",
                    acks="all",
                    linger_ms=0,
                    request_timeout_ms=5_000,
                    delivery_timeout_ms=int(PUBLISH_SECONDS * 1000),
                    max_block_ms=int(_BLOCK_SECONDS * 1000),
                    bootstrap_timeout_ms=int(_BLOCK_SECONDS * 1000),
                    reconnect_backoff_max_ms=_RECONNECT_MS,
                    **self._access,
                )
            return self._producer
        finally:
            self._lock.release()


@contextmanager
def _translated() -> Iterator[None]:
    """Turn what the client raises into `Unavailable`."""
    from kafka.errors import KafkaError

    try:
        yield
    except KafkaError as error:
        raise Unavailable(f"Kafka: {type(error).__name__}") from error
