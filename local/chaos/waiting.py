"""What still waits somewhere in the pipeline, looked up on the servers themselves."""

from collections.abc import Iterable
from contextlib import suppress

import redis
from kafka import KafkaConsumer, TopicPartition
from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError

from aiops.action_log import SLOTS
from aiops.adapters.keys import Keys
from aiops.series import SHARDS
from local.manifests import Manifests

DOMAIN = "default"
Offsets = dict[TopicPartition, int]


class Waiting:
    """Asks Redis and Kafka by their own addresses; None stands for no answer.

    Args:
        manifests: Say which groups read which topics.
        redis_url: Where Redis is.
        bootstrap: Where Kafka is.
    """

    def __init__(self, manifests: Manifests, redis_url: str, bootstrap: str) -> None:
        self._client = redis.Redis.from_url(redis_url, socket_timeout=3, socket_connect_timeout=3)
        self._bootstrap = bootstrap
        self._consumer: KafkaConsumer | None = None
        self._admin: KafkaAdminClient | None = None
        self._partitions = {t.metadata.name: t.spec.partitions for t in manifests.topics}
        self._groups: dict[str, list[str]] = {}
        for source in manifests.sources:
            for topic in source.spec.topics:
                self._groups.setdefault(topic, []).append(source.spec.consumer_group)
        for trigger in manifests.triggers:
            topic = manifests.broker(trigger.spec.broker).topic
            self._groups.setdefault(topic, []).append(trigger.consumer_group)
        names = Keys().incidents(DOMAIN)
        self._open, self._wait, self._dirty = names[7], names[8], names[10]

    def ends(self, topic: str) -> Offsets | None:
        """Return where each partition of a topic ends."""
        places = [TopicPartition(topic, number) for number in range(self._partitions[topic])]
        try:
            if self._consumer is None:
                self._consumer = KafkaConsumer(
                    bootstrap_servers=self._bootstrap.split(","), bootstrap_timeout_ms=3_000
                )
            found: Offsets = self._consumer.end_offsets(places)
        except (KafkaError, OSError):
            self._forget()
            return None
        return found

    def behind(self, topic: str, ends: Offsets) -> int | None:
        """Return how many records before these ends some group has not finished yet."""
        groups = self._groups[topic]
        try:
            if self._admin is None:
                self._admin = KafkaAdminClient(
                    bootstrap_servers=self._bootstrap.split(","), bootstrap_timeout_ms=3_000
                )
            found = [self._admin.list_group_offsets(group)[group] for group in groups]
        except (KafkaError, OSError):
            self._forget()
            return None
        return sum(
            max(0, end - (done[place].offset if place in done else 0))
            for done in found
            for place, end in ends.items()
        )

    def anomalies(self) -> int | None:
        """Return how many anomalies `detect` has committed and not published."""
        return self._sum("hlen", [Keys().out(shard) for shard in range(SHARDS)])

    def snapshots(self) -> int | None:
        """Return how many incidents changed and were not published since."""
        return self._sum("hlen", [self._dirty])

    def untold(self) -> int | None:
        """Return how many incidents people are yet to be told about."""
        return self._sum("zcard", [self._wait])

    def open(self) -> int | None:
        """Return how many incidents are open."""
        return self._sum("zcard", [self._open])

    def actions(self) -> int | None:
        """Return of how many incidents `act` has something to do, now or later."""
        return self._sum("zcard", [Keys().action_due(slot) for slot in range(SLOTS)])

    def topologies(self) -> int | None:
        """Return how many topologies `correlate` knows."""
        return self._sum("hlen", [Keys().incidents(DOMAIN)[13]])

    def close(self) -> None:
        """Give the connections up."""
        self._forget()
        self._client.close()

    def _sum(self, command: str, keys: Iterable[str]) -> int | None:
        try:
            return sum(int(getattr(self._client, command)(key)) for key in keys)
        except redis.RedisError:
            return None

    def _forget(self) -> None:
        for client in (self._consumer, self._admin):
            if client is not None:
                with suppress(KafkaError, OSError):
                    client.close()
        self._consumer = self._admin = None
