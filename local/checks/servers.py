"""Redis and Kafka: everybody is told the same address, and they keep what they are given."""

from collections.abc import Iterator
from pathlib import PurePath

from local.checks.installation import NAMESPACE, Installation, title
from local.validation.problem import Problem

REDIS_PORT = 6379
REDIS = "aiops-redis"
KAFKA = "aiops-kafka"
"""The Secret that says how Kafka is talked to."""

WANTED = {"appendonly": "yes", "maxmemory-policy": "noeviction"}
"""What Redis must be told: an event is answered once its state is written, and none is evicted."""


def brokers(installation: Installation) -> Iterator[Problem]:
    """Functions, sources, sinks and the Broker are told the same brokers."""
    config = installation.manifests.config()
    wanted = config.get("aiops-config", {}).get("kafka.bootstrap.servers", "")
    if not wanted:
        yield Problem("ConfigMap aiops-config", "data.kafka.bootstrap.servers", "missing")
    found = installation.manifests
    told = [
        *(
            (f"KafkaSource {one.metadata.name}", one.spec.bootstrap_servers)
            for one in found.sources
        ),
        *((f"KafkaSink {one.metadata.name}", one.spec.bootstrap_servers) for one in found.sinks),
    ]
    for where, addresses in told:
        if ",".join(addresses) != wanted:
            yield Problem(where, "spec.bootstrapServers", f"expected {wanted}")
    for broker in found.brokers:
        name = broker.spec.config.name
        if config.get(name, {}).get("bootstrap.servers") != wanted:
            yield Problem(f"ConfigMap {name}", "data.bootstrap.servers", f"expected {wanted}")


def access(installation: Installation) -> Iterator[Problem]:
    """Either everybody tells Kafka who he is, of the same Secret, or nobody does."""
    found = installation.manifests
    told: dict[str, str] = {}
    for source in found.sources:
        names = {ref.name for _, ref in source.spec.net.secrets()} if source.spec.net else {""}
        told[f"KafkaSource {source.metadata.name}"] = " and ".join(sorted(names))
    for sink in found.sinks:
        auth = sink.spec.auth
        told[f"KafkaSink {sink.metadata.name}"] = auth.secret.ref.name if auth else ""
    for broker in found.brokers:
        name = broker.spec.config.name
        told[f"ConfigMap {name}"] = found.config().get(name, {}).get("auth.secret.ref.name", "")
    if set(told.values()) <= {""}:
        return
    for where, name in told.items():
        if name != KAFKA:
            yield Problem(where, "", f"expected the Secret {KAFKA}, as others have it")


def listeners(installation: Installation) -> Iterator[Problem]:
    """Where Kafka is made here, the address is that of one of its listeners."""
    told = installation.manifests.config().get("aiops-config", {}).get("kafka.bootstrap.servers")
    for one in installation.of("Kafka"):
        name = f"{one['metadata']['name']}-kafka-bootstrap.{NAMESPACE}.svc"
        ports = {listener["port"] for listener in one["spec"]["kafka"]["listeners"]}
        if told not in {f"{name}:{port}" for port in ports}:
            what = f"{told} is none of its listeners, {name}:{sorted(ports)}"
            yield Problem(title(one), "spec.kafka.listeners", what)


def redis(installation: Installation) -> Iterator[Problem]:
    """Where Redis is made here, it writes down what it is given and evicts nothing."""
    if installation.named("StatefulSet", REDIS) is None:
        return
    config = installation.manifests.config().get(REDIS, {})
    lines = dict(
        line.split(maxsplit=1)
        for line in config.get("redis.conf", "").splitlines()
        if " " in line and not line.startswith("#")
    )
    for name, wanted in WANTED.items():
        if lines.get(name) != wanted:
            yield Problem(f"ConfigMap {REDIS}", f"data.redis.conf.{name}", f"expected {wanted}")
    if PurePath(lines.get("aclfile", "")).name != "users.acl":
        yield Problem(f"ConfigMap {REDIS}", "data.redis.conf.aclfile", "expected users.acl")
    service = installation.named("Service", REDIS)
    if service is None or {one["port"] for one in service["spec"]["ports"]} != {REDIS_PORT}:
        yield Problem(f"Service {REDIS}", "spec.ports", f"expected {REDIS_PORT}")
