"""What is written to topics from now on, read without being anybody: no group, no position kept."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from aiops.adapters.kafka_access import kafka_access
from aiops.errors import Unavailable

_BOOTSTRAP_MS = 5_000


@dataclass(frozen=True, slots=True)
class Tailed:
    """A record and where it lies."""

    topic: str
    partition: int
    offset: int
    value: bytes


class KafkaTail:
    """Stands at the end of topics once it is made.

    Raises:
        Unavailable: the brokers do not answer, or have none of the topics.
    """

    def __init__(self, bootstrap_servers: str, topics: Collection[str]) -> None:
        from kafka import KafkaConsumer, TopicPartition
        from kafka.errors import KafkaError

        self._error = KafkaError
        try:
            self._consumer: Any = KafkaConsumer(
                bootstrap_servers=bootstrap_servers.split(","),
                client_id="aiops",
                enable_auto_commit=False,
                bootstrap_timeout_ms=_BOOTSTRAP_MS,
                **kafka_access(),
            )
            places = [
                TopicPartition(topic, partition)
                for topic in topics
                for partition in self._consumer.partitions_for_topic(topic) or ()
            ]
            if not places:
                raise Unavailable(f"Kafka: no topic {', '.join(sorted(topics))}")
            self._consumer.assign(places)
            self._consumer.seek_to_end()
            for place in places:
                self._consumer.position(place)
        except KafkaError as error:
            raise Unavailable(f"Kafka: {type(error).__name__}") from error

    def read(self, seconds: float) -> list[Tailed]:
        """Return what has come, after so many seconds at most.

        Raises:
            Unavailable: the brokers do not answer any more.
        """
        try:
            found = self._consumer.poll(timeout_ms=int(seconds * 1000))
        except self._error as error:
            raise Unavailable(f"Kafka: {type(error).__name__}") from error
        return [
            Tailed(one.topic, one.partition, one.offset, one.value or b"")
            for records in found.values()
            for one in records
        ]

    def close(self) -> None:
        """Read no more."""
        self._consumer.close()
