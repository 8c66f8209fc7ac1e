"""Pods of our own: what runs them is named exactly, bounded, and may do little."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from local.checks.installation import Installation, pod_of, title
from local.checks.settings import WORKLOADS
from local.validation.problem import Problem

_DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")


def digests(installation: Installation) -> Iterator[Problem]:
    """Where people depend on it, an image is named by its digest; elsewhere at least by a tag."""
    for where, container in containers(installation):
        image = container.get("image", "")
        field = f"containers.{container['name']}.image"
        if installation.production and not _DIGEST.search(image):
            yield Problem(where, field, f"{image}: not named by its digest")
        elif ":" not in image.rpartition("/")[2] or image.endswith(":latest"):
            yield Problem(where, field, f"{image}: says no version")


def secured(installation: Installation) -> Iterator[Problem]:
    """Pods pass the restricted Pod Security Standard, and their root is read-only."""
    for one in installation.of(*WORKLOADS):
        pod = pod_of(one).get("securityContext", {})
        if not pod.get("runAsNonRoot") or pod.get("seccompProfile") != {"type": "RuntimeDefault"}:
            what = "expected runAsNonRoot and seccompProfile RuntimeDefault"
            yield Problem(title(one), "securityContext", what)
        if pod_of(one).get("automountServiceAccountToken") is not False:
            yield Problem(title(one), "automountServiceAccountToken", "expected false")
    wanted = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True}
    for where, container in containers(installation):
        context = container.get("securityContext", {})
        if {key: context.get(key) for key in wanted} != wanted or context.get("capabilities") != {
            "drop": ["ALL"]
        }:
            what = "expected no escalation, a read-only root and no capabilities"
            yield Problem(where, f"containers.{container['name']}.securityContext", what)


def bounded(installation: Installation) -> Iterator[Problem]:
    """A container says what it needs and may use."""
    for where, container in containers(installation):
        resources = container.get("resources", {})
        for field in ("requests", "limits"):
            if "memory" not in resources.get(field, {}):
                what = "no memory is stated"
                yield Problem(where, f"containers.{container['name']}.resources.{field}", what)


def ports(installation: Installation) -> Iterator[Problem]:
    """A Service leads to a port that a pod of its selector has, and probes ask one too."""
    for where, container in containers(installation):
        named = {one.get("name", ""): one["containerPort"] for one in container.get("ports", ())}
        for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
            asked = container.get(probe, {}).get(
                "httpGet", container.get(probe, {}).get("tcpSocket")
            )
            if asked and asked["port"] not in {*named, *named.values()}:
                yield Problem(where, f"containers.{container['name']}.{probe}", "no such port")
    for service in installation.of("Service"):
        reached = [
            port
            for one in installation.of("Deployment", "StatefulSet")
            if _selected(service["spec"].get("selector", {}), one)
            for container in pod_of(one)["containers"]
            for given in container.get("ports", ())
            for port in (given.get("name"), given["containerPort"])
        ]
        for one in service["spec"].get("ports", ()):
            if one.get("targetPort", one["port"]) not in reached:
                what = f"no pod listens on {one.get('targetPort', one['port'])}"
                yield Problem(title(service), "spec.ports", what)


def containers(installation: Installation) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield every container of our own, with the title of its object."""
    for one in installation.of(*WORKLOADS):
        for container in (*pod_of(one).get("initContainers", ()), *pod_of(one)["containers"]):
            yield title(one), container


def _selected(selector: Mapping[str, str], workload: Mapping[str, Any]) -> bool:
    labels = workload["spec"]["template"]["metadata"].get("labels", {})
    return bool(selector) and selector.items() <= labels.items()
