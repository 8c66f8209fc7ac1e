"""What has to be there before anything is changed, each with what to do where it is not."""

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from local.checks.installation import NAMESPACE, Installation
from local.checks.settings import references
from local.deployment.runner import Runner
from local.deployment.stages import Document

PROGRAMS = {
    "kubectl": "https://kubernetes.io/docs/tasks/tools/",
    "kn": "https://knative.dev/docs/client/install-kn/, and its plugin func beside it",
    "docker": "https://docs.docker.com/engine/install/, or podman with podman-docker",
}
_CORE = ("", "apps", "batch", "networking.k8s.io", "policy", "rbac.authorization.k8s.io")
_SERVICES = ("serving.knative.dev", "v1", "Service")
HINTS = {
    "serving.knative.dev": "install Knative Serving, https://knative.dev/docs/install/",
    "eventing.knative.dev": "install Knative Eventing with its Kafka Broker and Sink",
    "sources.knative.dev": "install Knative Eventing with its source for Apache Kafka",
    "kafka.strimzi.io": "install Strimzi's operator, watching the namespace aiops",
    "external-secrets.io": "install External Secrets",
    "monitoring.coreos.com": "install the Prometheus operator, or leave components/monitoring out",
}
"""By group of kinds, what brings them."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that was looked at.

    Attributes:
        what: What it is.
        good: Whether it is as it has to be.
        told: What was found, and where it is not good what to do.
    """

    what: str
    good: bool
    told: str


def programs(needed: Sequence[str]) -> Iterator[Finding]:
    """Yield for each program whether it is installed."""
    for name in needed:
        found = shutil.which(name)
        yield Finding(name, found is not None, found or f"not installed: {PROGRAMS[name]}")


def context(runner: Runner) -> str:
    """Return the name of the cluster that kubectl talks to.

    Raises:
        Unavailable: there is none.
    """
    return runner.ask(["kubectl", "config", "current-context"]).strip()


def kinds(runner: Runner, documents: Sequence[Document]) -> Iterator[Finding]:
    """Yield for each kind that is needed whether the cluster has it in that version.

    Raises:
        Unavailable: the cluster does not answer.
    """
    answer = runner.ask(["kubectl", "get", "customresourcedefinitions", "--output=json"])
    served = _served(json.loads(answer)["items"]) if answer else {}
    for group, version, kind in sorted({_SERVICES, *map(_kind, documents)}):
        if group in _CORE or not answer:
            continue
        versions = served.get((group, kind), ())
        what = f"{kind} {group}/{version}"
        if version in versions:
            yield Finding(what, good=True, told="served")
        elif versions:
            told = f"this cluster has {', '.join(versions)}: a newer version is needed"
            yield Finding(what, good=False, told=told)
        else:
            yield Finding(what, good=False, told=HINTS.get(group, "there is no such kind"))


def secrets(runner: Runner, installation: Installation) -> Iterator[Finding]:
    """Yield for each Secret that is referred to whether it is there with all its keys.

    Those that an ExternalSecret makes are left out: they come with it. No value is ever asked for.

    Raises:
        Unavailable: the cluster does not answer.
    """
    made = {one["metadata"]["name"] for one in installation.of("ExternalSecret", "KafkaUser")}
    wanted: dict[str, set[str]] = {}
    for _, _, kind, name, key in references(installation):
        if kind == "secret" and name not in made:
            wanted.setdefault(name, set()).update({key} - {""})
    for name, keys in sorted(wanted.items()):
        template = "{{range $key, $_ := .data}}{{$key}} {{end}}"
        answer = runner.attempt(
            ["kubectl", "get", "secret", name, "--namespace", NAMESPACE,
             f"--output=go-template={template}"]
        )  # fmt: skip
        if runner.dry:
            continue
        missing = sorted(keys - set(answer.out.split()))
        if answer.status:
            told = f"{answer.problem}; make it: aiops secrets | kubectl create --filename -"
            yield Finding(f"Secret {name}", good=False, told=told)
        elif missing:
            yield Finding(f"Secret {name}", good=False, told=f"has no key {', '.join(missing)}")
        else:
            yield Finding(f"Secret {name}", good=True, told=f"{len(keys)} keys")


def _kind(document: Document) -> tuple[str, str, str]:
    group, _, version = str(document["apiVersion"]).rpartition("/")
    return group, version, str(document["kind"])


def _served(items: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], tuple[str, ...]]:
    return {
        (one["spec"]["group"], one["spec"]["names"]["kind"]): tuple(
            version["name"] for version in one["spec"]["versions"] if version.get("served")
        )
        for one in items
    }
