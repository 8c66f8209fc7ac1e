"""Makes the topics that the KafkaTopic objects describe."""

from collections.abc import Sequence

from kafka.admin import KafkaAdminClient, NewTopic
from kafka.errors import KafkaError, TopicAlreadyExistsError

from aiops.errors import Misconfigured, Unavailable
from local.objects import KafkaTopic

_CLUSTER_ONLY = frozenset({"min.insync.replicas"})
"""Settings that make no sense with one broker."""


def create_topics(bootstrap: str, topics: Sequence[KafkaTopic]) -> None:
    """Create the topics that are missing, one replica each; those that exist stay as they are.

    Raises:
        Misconfigured: a topic exists with another number of partitions.
        Unavailable: the broker does not do it.
    """
    try:
        admin = KafkaAdminClient(
            bootstrap_servers=bootstrap.split(","),
            bootstrap_timeout_ms=5_000,
            request_timeout_ms=15_000,
        )
    except (KafkaError, ValueError) as error:
        raise Unavailable(f"Kafka at {bootstrap}: {type(error).__name__}") from None
    try:
        existing = set(admin.list_topics())
        missing = [_new(topic) for topic in topics if topic.metadata.name not in existing]
        if missing:
            admin.create_topics(missing, timeout_ms=15_000)
        _check(admin, topics)
    except TopicAlreadyExistsError:  # somebody else was faster
        _check(admin, topics)
    except KafkaError as error:
        raise Unavailable(f"Kafka at {bootstrap}: topics: {error}") from None
    finally:
        admin.close()


def _new(topic: KafkaTopic) -> NewTopic:
    config = {name: text for name, text in topic.spec.config.items() if name not in _CLUSTER_ONLY}
    return NewTopic(topic.metadata.name, topic.spec.partitions, 1, topic_configs=config)


def _check(admin: KafkaAdminClient, topics: Sequence[KafkaTopic]) -> None:
    described = admin.describe_topics([topic.metadata.name for topic in topics])
    partitions = {each["name"]: len(each["partitions"]) for each in described}
    for topic in topics:
        name, wanted = topic.metadata.name, topic.spec.partitions
        found = partitions.get(name, 0)
        if found != wanted:
            raise Misconfigured(f"topic {name}: {found} partitions, the object says {wanted}")
