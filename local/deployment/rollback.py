"""Functions back to the revision that served before; what feeds them stays as it is."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiops.errors import Misconfigured
from local.checks.functions import ADJUSTED
from local.checks.installation import NAMESPACE
from local.deployment.function import SERVICE, wait
from local.deployment.runner import Runner

_GENERATION = "serving.knative.dev/configurationGeneration"
_WHOSE = "serving.knative.dev/service"
Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """Of a function, the revision that serves and the one that will."""

    service: str
    now: str
    then: str
    image: str


def planned(runner: Runner, service: str) -> Change | None:
    """Return what a rollback of a function changes; None in a dry run, where nobody knows.

    Raises:
        Misconfigured: there is no older revision of another image that was ready and complete.
        Unavailable: the cluster does not answer, or has no such Service.
    """
    where = ["--namespace", NAMESPACE, "--output=json"]
    answer = runner.ask(["kubectl", "get", SERVICE, service, *where])
    revisions = runner.ask(
        ["kubectl", "get", "revision.serving.knative.dev", *where, f"--selector={_WHOSE}={service}"]
    )
    if runner.dry:
        return None
    return chosen(service, json.loads(answer), json.loads(revisions)["items"])


def chosen(service: str, current: Document, revisions: Sequence[Document]) -> Change:
    """Return the change to the newest older revision that ran another image, complete and ready.

    A deployment makes two revisions: one of func.yaml, and one with what func.yaml cannot say.
    Only the second is complete.

    Raises:
        Misconfigured: there is none.
    """
    shares = [one for one in current.get("status", {}).get("traffic", ()) if one.get("percent")]
    most = max(shares, key=lambda one: int(one["percent"]), default=None)
    serving = str(most.get("revisionName", "")) if most else ""
    known = {one["metadata"]["name"]: one for one in revisions}
    if serving not in known:
        raise Misconfigured(f"{service}: nobody knows which revision serves")
    limit, image = _generation(known[serving]), _image(known[serving])
    older = [
        one
        for one in revisions
        if _generation(one) < limit and _image(one) != image and _complete(one) and _ready(one)
    ]
    if not older:
        raise Misconfigured(f"{service}: no older revision of another image is left")
    found = max(older, key=_generation)
    return Change(service, serving, found["metadata"]["name"], _image(found))


def roll_back(runner: Runner, change: Change) -> None:
    """Send all requests to the older revision, and wait until it is so.

    Raises:
        Unavailable: it is not in time.
    """
    traffic = [{"revisionName": change.then, "latestRevision": False, "percent": 100}]
    patch = json.dumps({"spec": {"traffic": traffic}})
    runner.run(
        ["kubectl", "patch", SERVICE, change.service, "--namespace", NAMESPACE, "--type=merge",
         f"--patch={patch}"]
    )  # fmt: skip
    wait(runner, change.service)


def _generation(revision: Document) -> int:
    return int(revision["metadata"]["labels"].get(_GENERATION, 0))


def _image(revision: Document) -> str:
    return str(revision["spec"]["containers"][0]["image"])


def _complete(revision: Document) -> bool:
    return (revision["metadata"].get("annotations") or {}).get(ADJUSTED) == "true"


def _ready(revision: Document) -> bool:
    conditions = revision.get("status", {}).get("conditions", ())
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
