"""The workload an object belongs to, told by its name. Pure.

Who only sees Events cannot ask for owners. But names are made by rules: a pod is called after its
replica set and a random suffix, a replica set after its Deployment and a hash.
Source: https://github.com/kubernetes/apimachinery, pkg/util/rand/rand.go (`alphanums`,
`SafeEncodeString` of the decimal digits of a hash), and kubernetes/apiserver,
pkg/storage/names/generate.go (5 random characters after at most 58 others).
"""

import re
from dataclasses import dataclass

_HASH = "[456789bcdf]{6,10}"
_RANDOM = "[bcdfghjklmnpqrstvwxz2456789]{5}"

_OF_DEPLOYMENT = re.compile(rf"(.+)-{_HASH}-{_RANDOM}")
_GENERATED = re.compile(rf"(.+)-{_RANDOM}")
_TRUNCATED = re.compile(rf"(.{{58}}){_RANDOM}")
_REST_OF_HASH = re.compile(r"-[456789bcdf]{0,10}$")
_REPLICA_SET = re.compile(rf"(.+)-{_HASH}")
_ORDINAL = re.compile(r"(.+)-\d{1,5}")
_OF_CRON_JOB = re.compile(r"(.+)-\d{8}")
"""A CronJob names its Jobs after the minutes since 1970."""

_REVISION = re.compile(r"(.+)-\d{5}(?:-deployment)?")
"""Knative Serving names revisions, and their Deployments, after the Service and a number."""


@dataclass(frozen=True, slots=True)
class Workload:
    """What runs the pods.

    Attributes:
        kind: Such as `Deployment`; empty where a name does not tell.
    """

    kind: str
    name: str


def workload_of(
    kind: str, name: str, owner: tuple[str, str] | None = None, node: str = ""
) -> Workload:
    """Return the workload of an object; the object itself where it belongs to none.

    Args:
        kind: Of the object.
        name: Of the object.
        owner: Kind and name of its owner, where that is known.
        node: Where it runs; static pods are called after it.
    """
    if owner is not None and kind in {"Pod", "ReplicaSet", "Job", "Revision"}:
        return workload_of(*owner)
    if kind == "Pod":
        return _of_pod(name, node)
    if kind in {"ReplicaSet", "Deployment", "Revision"}:
        return _of_deployment(_without(_REPLICA_SET, name) if kind == "ReplicaSet" else name)
    if kind == "Job" and (found := _OF_CRON_JOB.fullmatch(name)):
        return Workload("CronJob", found[1])
    return Workload(kind, name)


def _of_pod(name: str, node: str) -> Workload:
    if found := _OF_DEPLOYMENT.fullmatch(name):
        return _of_deployment(found[1])
    if found := _TRUNCATED.fullmatch(name):
        return Workload("", _REST_OF_HASH.sub("", found[1]))
    if node and name.endswith(f"-{node}") and len(name) > len(node) + 1:
        return Workload("", name.removesuffix(f"-{node}"))
    if found := _GENERATED.fullmatch(name):
        owner = found[1]
        return Workload("CronJob" if _OF_CRON_JOB.fullmatch(owner) else "", _job(owner))
    if found := _ORDINAL.fullmatch(name):
        return Workload("StatefulSet", found[1])
    return Workload("Pod", name)


def _of_deployment(name: str) -> Workload:
    found = _REVISION.fullmatch(name)
    return Workload("Service", found[1]) if found else Workload("Deployment", name)


def _job(name: str) -> str:
    return _without(_OF_CRON_JOB, name)


def _without(pattern: re.Pattern[str], name: str) -> str:
    found = pattern.fullmatch(name)
    return found[1] if found else name
