"""Networks: everything is closed, and what is needed is open."""

from collections.abc import Iterator, Mapping
from typing import Any

from local.checks.installation import Installation, title
from local.checks.servers import REDIS_PORT
from local.validation.problem import Problem

SERVING = "serving.knative.dev/service"
QUEUE_PROXY = frozenset({8012, 8013, 8112, 9090, 9091, 8022})
"""Ports of queue-proxy. Source: knative.dev/networking, pkg/ports."""


def closed(installation: Installation) -> Iterator[Problem]:
    """Pods that no policy names reach nobody, and nobody reaches them."""
    for one in installation.of("NetworkPolicy"):
        spec = one["spec"]
        every = not spec["podSelector"] and set(spec["policyTypes"]) == {"Ingress", "Egress"}
        if every and not spec.get("ingress") and not spec.get("egress"):
            return
    yield Problem("NetworkPolicy", "", "none denies all that no other allows")


def entered(installation: Installation) -> Iterator[Problem]:
    """Requests reach each function through queue-proxy, and only its ports."""
    for folder, func in installation.functions.items():
        found = [one for one in _for(installation, func.name) if one["spec"].get("ingress")]
        if not found:
            yield Problem(f"functions/{folder}/func.yaml", "", "no NetworkPolicy lets events in")
        for one in found:
            for port in _ports(one["spec"]["ingress"]):
                if port not in QUEUE_PROXY:
                    what = f"port {port} is none of queue-proxy's"
                    yield Problem(title(one), "spec.ingress", what)


def left(installation: Installation) -> Iterator[Problem]:
    """Each function reaches Redis and Kafka, on the ports they have."""
    told = (
        installation.manifests.config().get("aiops-config", {}).get("kafka.bootstrap.servers", "")
    )
    kafka = {int(one.rpartition(":")[2]) for one in told.split(",") if ":" in one}
    for folder, func in installation.functions.items():
        open_ports = {
            port
            for one in _for(installation, func.name)
            for port in _ports(one["spec"].get("egress", ()))
        }
        for name, port in (("Redis", REDIS_PORT), *(("Kafka", port) for port in kafka)):
            if port not in open_ports:
                where = f"functions/{folder}/func.yaml"
                yield Problem(where, "", f"no NetworkPolicy lets it reach {name}, port {port}")


def _for(installation: Installation, service: str) -> Iterator[Mapping[str, Any]]:
    """Yield the policies that name the pods of a function."""
    for one in installation.of("NetworkPolicy"):
        selector = one["spec"]["podSelector"]
        if selector.get("matchLabels", {}).get(SERVING) == service:
            yield one
        for term in selector.get("matchExpressions", ()):
            if term["key"] == SERVING and (
                term["operator"] == "Exists" or service in term.get("values", ())
            ):
                yield one


def _ports(rules: Any) -> Iterator[int]:
    for rule in rules:
        for port in rule.get("ports", ()):
            yield port["port"]
