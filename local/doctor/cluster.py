"""The cluster: whether everything is ready, and nobody may do more than he has to."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from aiops.errors import Unavailable
from local.checks.installation import NAMESPACE
from local.deployment.runner import Runner
from local.doctor.finding import Finding, good, skipped

KINDS = (
    "service.serving.knative.dev", "kafkasource.sources.knative.dev",
    "pingsource.sources.knative.dev", "apiserversource.sources.knative.dev",
    "broker.eventing.knative.dev", "trigger.eventing.knative.dev",
    "kafkasink.eventing.knative.dev",
)  # fmt: skip
FORBIDDEN = (
    ("aiops", "get", "secrets"),
    ("aiops", "create", "pods"),
    ("aiops-act", "get", "secrets"),
    ("aiops-act", "create", "rolebindings"),
)
"""Account, verb and resource: none of them may be allowed in our own namespace."""


def checks(runner: Runner) -> Iterator[Finding]:
    """Yield what the cluster says; nothing more where there is none to ask."""
    try:
        for kind in KINDS:
            answer = runner.ask(
                ["kubectl", "get", kind, "--namespace", NAMESPACE, "--output=json",
                 "--request-timeout=20s"]
            )  # fmt: skip
            yield readiness(kind.partition(".")[0], json.loads(answer)["items"])
        for account, verb, resource in FORBIDDEN:
            answer = runner.attempt(
                ["kubectl", "auth", "can-i", verb, resource, "--namespace", NAMESPACE,
                 f"--as=system:serviceaccount:{NAMESPACE}:{account}"]
            ).out  # fmt: skip
            yield allowed(account, verb, resource, answer.strip())
    except Unavailable as error:
        yield skipped("cluster", str(error))


def readiness(kind: str, found: Sequence[Mapping[str, Any]]) -> Finding:
    """Return whether all objects of a kind are ready."""
    waiting = [
        f"{one['metadata']['name']} ({_why(one)})" for one in found if _condition(one) != "True"
    ]
    if not found:
        advice = "make deploy brings it"
        return Finding(f"ready-{kind}", "bad", "there is none", advice)
    if not waiting:
        return good(f"ready-{kind}", f"all {len(found)}")
    advice = f"kubectl describe {kind} --namespace {NAMESPACE}"
    return Finding(f"ready-{kind}", "bad", f"not ready: {', '.join(waiting)}", advice)


def allowed(account: str, verb: str, resource: str, answer: str) -> Finding:
    """Return whether an account may do what it must not."""
    check, told = f"rights-{account}", f"{verb} {resource}: {answer or 'no answer'}"
    if answer.startswith("no"):
        return good(check, told)
    if answer == "yes":
        advice = "find the binding: kubectl get rolebindings,clusterrolebindings -A -o wide"
        return Finding(check, "bad", told, advice)
    return skipped(check, told)


def _condition(one: Mapping[str, Any]) -> str:
    return str(_ready(one).get("status", ""))


def _why(one: Mapping[str, Any]) -> str:
    return str(_ready(one).get("reason") or "no condition yet")


def _ready(one: Mapping[str, Any]) -> Mapping[str, Any]:
    conditions = one.get("status", {}).get("conditions", ())
    return next((each for each in conditions if each.get("type") == "Ready"), {})
