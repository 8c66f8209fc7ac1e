"""All checks, each with the name it is reported under."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from local.checks import (
    delivering,
    functions,
    network,
    pods,
    rights,
    servers,
    settings,
    topics,
    wiring,
)
from local.checks.installation import Installation
from local.validation.problem import Problem

Check = Callable[[Installation], Iterator[Problem]]

CHECKS: Mapping[str, Check] = MappingProxyType(
    {
        "topics-exist": topics.exist,
        "topics-known": topics.known,
        "topic-replicas": topics.replicas,
        "topics-kept": topics.kept,
        "kafka-cluster": topics.cluster,
        "sinks": wiring.sinks,
        "consumer-groups": wiring.groups,
        "delivered-once": wiring.once,
        "brokers": wiring.brokers,
        "event-types": wiring.types,
        "stages": wiring.stages,
        "clock": wiring.clock,
        "retries": delivering.retried,
        "dead-letters": delivering.kept,
        "delivery-times": delivering.timed,
        "order": delivering.ordered,
        "config-keys": settings.config_keys,
        "unused-config-keys": settings.unused_keys,
        "secret-keys": settings.secret_keys,
        "channel-keys": settings.channels,
        "plain-secrets": settings.plain_secrets,
        "variables": settings.variables,
        "function-names": functions.names,
        "probes-and-port": functions.served,
        "threads": functions.threads,
        "scale": functions.scale,
        "partitions": functions.lanes,
        "visibility": functions.visible,
        "autoscaling-annotations": functions.annotations,
        "adjustments": functions.adjusted,
        "time-outs": functions.timeouts,
        "namespaces": rights.namespaces,
        "accounts": rights.accounts,
        "rights-missing": rights.granted,
        "rights-too-wide": rights.narrow,
        "bindings": rights.bound,
        "images": pods.digests,
        "pod-security": pods.secured,
        "pod-resources": pods.bounded,
        "ports": pods.ports,
        "kafka-address": servers.brokers,
        "kafka-access": servers.access,
        "kafka-listener": servers.listeners,
        "redis": servers.redis,
        "network-closed": network.closed,
        "network-in": network.entered,
        "network-out": network.left,
    }
)


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found."""

    check: str
    problem: Problem


def check_all(installation: Installation) -> tuple[Finding, ...]:
    """Return everything that is wrong, in the order of the checks."""
    return tuple(
        Finding(name, problem) for name, check in CHECKS.items() for problem in check(installation)
    )
