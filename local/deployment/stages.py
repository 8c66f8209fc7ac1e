"""In which order the objects of an overlay are applied, and what is waited for. Pure.

What feeds functions comes last: no event is delivered before there is somebody who takes it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiops.errors import Misconfigured
from local.checks.installation import NAMESPACE, title

Document = Mapping[str, Any]

FOUNDATION, SERVERS, WATCHING, SINKS, SOURCES = (
    "foundation", "servers", "monitoring", "sinks", "sources",
)  # fmt: skip
BEFORE_FUNCTIONS = (FOUNDATION, SERVERS, WATCHING)
AFTER_FUNCTIONS = (SINKS, SOURCES)

KINDS: Mapping[str, tuple[str, ...]] = {
    FOUNDATION: (
        "Namespace", "ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding",
        "ConfigMap", "ExternalSecret", "NetworkPolicy", "PodDisruptionBudget",
    ),
    SERVERS: ("KafkaNodePool", "Kafka", "KafkaUser", "KafkaTopic", "Service", "StatefulSet"),
    WATCHING: ("Deployment", "ServiceMonitor", "PodMonitor", "PrometheusRule"),
    SINKS: ("KafkaSink", "Broker"),
    SOURCES: ("Trigger", "KafkaSource", "PingSource", "ApiServerSource", "CronJob"),
}  # fmt: skip
"""By stage, its kinds, in the order in which they are applied."""

_SECONDS = {SERVERS: 900}
_USUAL_SECONDS = 300
_READY = frozenset(
    ("Kafka", "KafkaUser", "KafkaTopic", "ExternalSecret", "KafkaSink", "Broker", "Trigger",
     "KafkaSource", "PingSource", "ApiServerSource")
)  # fmt: skip
_ROLLED_OUT = frozenset(("StatefulSet", "Deployment"))


@dataclass(frozen=True, slots=True)
class Stage:
    """What is applied at once."""

    name: str
    documents: tuple[Document, ...]

    def waits(self) -> Iterator[list[str]]:
        """Yield what has to come true before the next stage, as programs that wait for it."""
        limit = f"--timeout={_SECONDS.get(self.name, _USUAL_SECONDS)}s"
        for one in self.documents:
            name = one["metadata"]["name"]
            if one["kind"] in _READY:
                kind = resource(one)
                yield [
                    "kubectl", "wait", "--namespace", NAMESPACE, "--for=condition=Ready", limit,
                    f"{kind}/{name}",
                ]  # fmt: skip
            elif one["kind"] in _ROLLED_OUT:
                yield [
                    "kubectl", "rollout", "status", "--namespace", NAMESPACE, limit,
                    f"{one['kind'].lower()}/{name}",
                ]  # fmt: skip


def staged(documents: Sequence[Document]) -> dict[str, Stage]:
    """Return the objects by stage, in order.

    Raises:
        Misconfigured: a kind has no place.
    """
    places = {kind: name for name, kinds in KINDS.items() for kind in kinds}
    for one in documents:
        if one["kind"] not in places:
            raise Misconfigured(f"{title(one)}: nobody knows when to apply a {one['kind']}")
    return {
        name: Stage(
            name,
            tuple(one for kind in kinds for one in documents if one["kind"] == kind),
        )
        for name, kinds in KINDS.items()
    }


def taken_away(documents: Sequence[Document], names: Sequence[str]) -> tuple[Document, ...]:
    """Return what is deleted of some stages, in the order in which it goes: the last came first."""
    found = staged(documents)
    ordered = [one for name in KINDS if name in names for one in found[name].documents]
    return tuple(reversed(ordered))


def resource(document: Document) -> str:
    """Return a kind as kubectl takes it without asking which of several groups is meant."""
    group = str(document["apiVersion"]).rpartition("/")[0]
    return f"{document['kind'].lower()}.{group}" if group else document["kind"].lower()


def with_images(documents: Sequence[Document], images: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return objects whose pods run our images by the digest that was pushed.

    Args:
        documents: The objects.
        images: By name of the image without registry, such as `aiops-exporter`, its full name.
    """
    return [_replaced(one, images) for one in documents]


def _replaced(value: Any, images: Mapping[str, str]) -> Any:
    if isinstance(value, list):
        return [_replaced(one, images) for one in value]
    if not isinstance(value, Mapping):
        return value
    found = {key: _replaced(one, images) for key, one in value.items()}
    image = found.get("image")
    if isinstance(image, str) and "name" in found:
        name = image.rpartition("/")[2].partition("@")[0].partition(":")[0]
        found["image"] = images.get(name, image)
    return found
