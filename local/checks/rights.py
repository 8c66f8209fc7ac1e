"""Rights: who needs some has them, and nobody has more."""

from collections.abc import Iterator, Mapping
from typing import Any

from local.checks.installation import NAMESPACE, Installation, pod_of, title
from local.checks.settings import WORKLOADS
from local.validation.problem import Problem

CLUSTER_WIDE = frozenset({"Namespace", "ClusterRole", "ClusterRoleBinding"})
READING = frozenset({"get", "list", "watch"})


def namespaces(installation: Installation) -> Iterator[Problem]:
    """Everything is in one namespace, and refers to what is in it."""
    for one in installation.documents:
        if one["kind"] not in CLUSTER_WIDE and one["metadata"].get("namespace") != NAMESPACE:
            yield Problem(title(one), "metadata.namespace", f"expected {NAMESPACE}")
        for path, name in _namespaces(one.get("spec"), "spec"):
            if name != NAMESPACE:
                yield Problem(title(one), path, f"{name}: expected {NAMESPACE}")


def accounts(installation: Installation) -> Iterator[Problem]:
    """Whoever runs as an account runs as one that is there; only act has a token of its own."""
    there = {one.metadata.name: one for one in installation.manifests.accounts}
    for folder, func in installation.functions.items():
        where = f"functions/{folder}/func.yaml"
        account = there.get(func.deploy.service_account_name)
        field = "deploy.serviceAccountName"
        if account is None:
            yield Problem(
                where, field, f"there is no ServiceAccount {func.deploy.service_account_name}"
            )
        elif account.automount_service_account_token != (folder == "act"):
            yield Problem(where, field, "act needs a token for the API server, nobody else does")
    for watcher in installation.manifests.watchers:
        name = watcher.spec.service_account_name
        if name not in there:
            where = f"ApiServerSource {watcher.metadata.name}"
            yield Problem(where, "spec.serviceAccountName", f"there is no ServiceAccount {name}")
    for workload in installation.of(*WORKLOADS):
        name = pod_of(workload).get("serviceAccountName", "")
        if name not in there:
            where = title(workload)
            yield Problem(
                where, "serviceAccountName", f"there is no ServiceAccount {name or '(none)'}"
            )


def granted(installation: Installation) -> Iterator[Problem]:
    """Whoever watches objects may read them."""
    for watcher in installation.manifests.watchers:
        where = f"ApiServerSource {watcher.metadata.name}"
        rules = tuple(_rules(installation, watcher.spec.service_account_name))
        for resource in watcher.spec.resources:
            plural = f"{resource.kind.lower()}s"
            group = resource.api_version.rpartition("/")[0]
            verbs: set[str] = set()
            for rule in rules:
                if group in rule["apiGroups"] and plural in rule["resources"]:
                    verbs |= set(rule["verbs"])
            if not verbs >= READING:
                account = watcher.spec.service_account_name
                yield Problem(where, "spec.resources", f"{account} may not read {plural}")


def narrow(installation: Installation) -> Iterator[Problem]:
    """No role grants everything, nor secrets; nothing but reading holds for the whole cluster."""
    for one in installation.of("Role", "ClusterRole"):
        for rule in one["rules"]:
            said = {*rule["apiGroups"], *rule["resources"], *rule["verbs"]}
            if "*" in said or "secrets" in said or said & {"escalate", "bind", "impersonate"}:
                yield Problem(title(one), "rules", "grants more than anything here needs")
            if one["kind"] == "ClusterRole" and not set(rule["verbs"]) <= READING:
                yield Problem(title(one), "rules", "changes things in every namespace")


def bound(installation: Installation) -> Iterator[Problem]:
    """A binding binds a role that is there to accounts that are there."""
    accounts = {one.metadata.name for one in installation.manifests.accounts}
    for one in installation.of("RoleBinding", "ClusterRoleBinding"):
        ref = one["roleRef"]
        if installation.named(ref["kind"], ref["name"]) is None:
            yield Problem(title(one), "roleRef", f"there is no {ref['kind']} {ref['name']}")
        for subject in one["subjects"]:
            if subject["name"] not in accounts or subject.get("namespace") != NAMESPACE:
                what = f"there is no {subject['kind']} {subject['name']} in {NAMESPACE}"
                yield Problem(title(one), "subjects", what)


def _rules(installation: Installation, account: str) -> Iterator[Mapping[str, Any]]:
    for binding in installation.of("RoleBinding", "ClusterRoleBinding"):
        if account in {subject["name"] for subject in binding["subjects"]}:
            role = installation.named(binding["roleRef"]["kind"], binding["roleRef"]["name"])
            yield from (role or {"rules": ()})["rules"]


def _namespaces(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Yield the namespaces of references below a value."""
    if isinstance(value, Mapping):
        if {"kind", "name", "namespace"} <= set(value):
            yield f"{path}.namespace", value["namespace"]
        for name, one in value.items():
            yield from _namespaces(one, f"{path}.{name}")
    elif isinstance(value, list):
        for at, one in enumerate(value):
            yield from _namespaces(one, f"{path}.{at}")
