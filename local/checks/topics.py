"""Topics: those the code names exist, and are kept as it needs."""

from collections.abc import Iterator

from aiops import topics
from local.checks.installation import Installation
from local.validation.problem import Problem

UNREAD_TOPICS = frozenset({"logs", "traces"})
"""Topics of telemetry that is taken in where a KafkaSource for it is added."""


def exist(installation: Installation) -> Iterator[Problem]:
    """Every topic the code or an object names is there; where a cluster has its own, none is."""
    existing = {each.metadata.name for each in installation.manifests.topics}
    if not existing:
        return
    named = dict.fromkeys(topics.ALL, "aiops.topics")
    for source in installation.manifests.sources:
        named |= dict.fromkeys(source.spec.topics, f"KafkaSource {source.metadata.name}")
    for sink in installation.manifests.sinks:
        named[sink.spec.topic] = f"KafkaSink {sink.metadata.name}"
    for broker in installation.manifests.brokers:
        named[broker.topic] = f"Broker {broker.metadata.name}"
    for name in sorted(set(named) - existing):
        yield Problem(named[name], "topic", f"there is no KafkaTopic {name}")


def known(installation: Installation) -> Iterator[Problem]:
    """No topic is made that nothing reads or writes."""
    for topic in installation.manifests.topics:
        name = topic.metadata.name
        if name not in topics.ALL and name not in UNREAD_TOPICS:
            what = "no code knows this topic"
            yield Problem(f"KafkaTopic {name}", "metadata.name", what)


def replicas(installation: Installation) -> Iterator[Problem]:
    """A broker may be lost: replicas fit the brokers there are, and one may be missing."""
    brokers = sum(
        pool["spec"]["replicas"]
        for pool in installation.of("KafkaNodePool")
        if "broker" in pool["spec"]["roles"]
    )
    for topic in installation.manifests.topics:
        where = f"KafkaTopic {topic.metadata.name}"
        replicas, kept = topic.spec.replicas, int(topic.spec.config.get("min.insync.replicas", "1"))
        if brokers and replicas > brokers:
            yield Problem(where, "spec.replicas", f"{replicas} of them on {brokers} brokers")
        if kept > max(1, replicas - 1):
            what = f"{kept} of {replicas} replicas: nothing could be written while one is away"
            yield Problem(where, "spec.config.min.insync.replicas", what)


def kept(installation: Installation) -> Iterator[Problem]:
    """Every topic forgets at some time, and what is looked up by its key is kept compacted."""
    for topic in installation.manifests.topics:
        where = f"KafkaTopic {topic.metadata.name}"
        config = topic.spec.config
        wanted = "compact,delete" if topic.metadata.name == topics.INCIDENTS else "delete"
        if config.get("cleanup.policy") != wanted:
            yield Problem(where, "spec.config.cleanup.policy", f"expected {wanted}")
        if not config.get("retention.ms", "").isdigit():
            yield Problem(where, "spec.config.retention.ms", "expected milliseconds")


def cluster(installation: Installation) -> Iterator[Problem]:
    """Topics, users and pools name a Kafka that is there."""
    clusters = {each["metadata"]["name"] for each in installation.of("Kafka")}
    for one in installation.of("KafkaTopic", "KafkaUser", "KafkaNodePool"):
        where = f"{one['kind']} {one['metadata']['name']}"
        name = one["metadata"].get("labels", {}).get("strimzi.io/cluster")
        if not name or (clusters and name not in clusters):
            what = f"no Kafka {name} is there" if name else "no operator looks after it"
            yield Problem(where, "metadata.labels.strimzi.io/cluster", what)
