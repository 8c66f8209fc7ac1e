"""The fields objects may have, as far as this project writes them.

Source: https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

ANY: Mapping[str, Any] = {}
"""A field whose own fields are not looked at."""

_METADATA = dict.fromkeys(
    (
        "name", "generateName", "namespace", "labels", "annotations", "uid", "resourceVersion",
        "creationTimestamp", "deletionTimestamp", "ownerReferences", "finalizers", "generation",
    ),
    ANY,
)  # fmt: skip
_CONTAINER = dict.fromkeys(
    (
        "name", "image", "command", "args", "env", "envFrom", "resources", "securityContext",
        "volumeMounts", "workingDir", "imagePullPolicy", "ports", "livenessProbe", "readinessProbe",
    ),
    ANY,
)  # fmt: skip
_POD: dict[str, Any] = dict.fromkeys(
    (
        "restartPolicy", "serviceAccountName", "automountServiceAccountToken", "securityContext",
        "volumes", "nodeSelector", "tolerations", "affinity", "imagePullSecrets",
        "terminationGracePeriodSeconds", "priorityClassName",
    ),
    ANY,
)  # fmt: skip
_POD |= {"containers": [_CONTAINER], "initContainers": [_CONTAINER]}
_TEMPLATE = {"metadata": _METADATA, "spec": _POD}
_COMMON = {"apiVersion": ANY, "kind": ANY, "metadata": _METADATA, "status": ANY}
_WORKLOAD = {
    "replicas": ANY, "selector": ANY, "template": _TEMPLATE, "strategy": ANY, "updateStrategy": ANY,
    "paused": ANY, "minReadySeconds": ANY, "revisionHistoryLimit": ANY, "serviceName": ANY,
}  # fmt: skip
_JOB = {
    "template": _TEMPLATE, "backoffLimit": ANY, "activeDeadlineSeconds": ANY, "completions": ANY,
    "parallelism": ANY, "ttlSecondsAfterFinished": ANY, "suspend": ANY, "selector": ANY,
}  # fmt: skip
FIELDS: Mapping[str, Mapping[str, Any]] = {
    "deployments": {**_COMMON, "spec": _WORKLOAD},
    "statefulsets": {**_COMMON, "spec": _WORKLOAD},
    "daemonsets": {**_COMMON, "spec": _WORKLOAD},
    "jobs": {**_COMMON, "spec": _JOB},
    "pods": {**_COMMON, "spec": _POD},
    "scale": {**_COMMON, "spec": {"replicas": ANY}},
}


def unknown_fields(content: Any, known: Any, path: str = "") -> Iterator[str]:
    """Yield the paths of all fields that there are not."""
    if known == ANY:
        return
    if isinstance(known, Sequence):
        for place, each in enumerate(content if isinstance(content, list) else ()):
            yield from unknown_fields(each, known[0], f"{path}[{place}]")
        return
    for name, value in content.items() if isinstance(content, dict) else ():
        where = f"{path}.{name}" if path else name
        if name in known:
            yield from unknown_fields(value, known[name], where)
        else:
            yield where
