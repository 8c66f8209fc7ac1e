"""Makes the topics that the KafkaTopic objects describe."""

import time
from collections.abc import Sequence

from kafka.admin import KafkaAdminClient, NewTopic
from kafka.errors import KafkaError, TopicAlreadyExistsError

from aiops.adapters.kafka_access import kafka_access
from aiops.errors import Misconfigured, Unavailable
from local.objects import KafkaTopic

_KNOWN_SECONDS = 15.0
_ASK_AGAIN_SECONDS = 0.2

_CLUSTER_ONLY = frozenset({"min.insync.replicas"})
"""Settings that make no sense with one broker."""


def create_topics(bootstrap: str, topics: Sequence[KafkaTopic], *, replicas: int = 1) -> None:
    """Create the topics that are missing; those that exist stay as they are.

    Args:
        bootstrap: The brokers' addresses.
        topics: What is wanted.
        replicas: Of each; with one, the number that has to be in sync is left out.

    Raises:
        Misconfigured: a topic exists with another number of partitions.
        Unavailable: the broker does not do it, or does not come to know of it.
    """
    try:
        admin = KafkaAdminClient(
            bootstrap_servers=bootstrap.split(","),
            bootstrap_timeout_ms=5_000,
            request_timeout_ms=15_000,
            **kafka_access(),
        )
    except (KafkaError, ValueError) as error:
        raise Unavailable(f"Kafka at {bootstrap}: {type(error).__name__}") from None
    try:
        existing = set(admin.list_topics())
        missing = [_new(topic, replicas) for topic in topics if topic.metadata.name not in existing]
        if missing:
            admin.create_topics(missing, timeout_ms=15_000)
        _check(admin, topics)
    except TopicAlreadyExistsError:  # somebody else was faster
        _check(admin, topics)
    except KafkaError as error:
        raise Unavailable(f"Kafka at {bootstrap}: topics: {error}") from None
    finally:
        admin.close()


def _new(topic: KafkaTopic, replicas: int) -> NewTopic:
    left_out = _CLUSTER_ONLY if replicas == 1 else frozenset()
    config = {name: text for name, text in topic.spec.config.items() if name not in left_out}
    return NewTopic(topic.metadata.name, topic.spec.partitions, replicas, topic_configs=config)


def _check(admin: KafkaAdminClient, topics: Sequence[KafkaTopic]) -> None:
    wanted = {topic.metadata.name: topic.spec.partitions for topic in topics}
    partitions = _partitions(admin, list(wanted))
    for name, count in wanted.items():
        if partitions[name] != count:
            found = partitions[name]
            raise Misconfigured(f"topic {name}: {found} partitions, the object says {count}")


def _partitions(admin: KafkaAdminClient, names: list[str]) -> dict[str, int]:
    """Return how many partitions topics have, once the broker knows of all of them.

    What was made just now may not have come round to who is asked.

    Raises:
        Unavailable: it does not come to know of one.
    """
    deadline = time.monotonic() + _KNOWN_SECONDS
    while True:
        described = admin.describe_topics(names)
        found = {each["name"]: len(each["partitions"]) for each in described}
        unknown = [name for name in names if not found.get(name)]
        if not unknown:
            return found
        if time.monotonic() > deadline:
            raise Unavailable(f"Kafka: topic {unknown[0]}: made, but not known")
        time.sleep(_ASK_AGAIN_SECONDS)
