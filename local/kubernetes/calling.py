"""What a call asks for, who may ask it, and what is kept of it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from local.kubernetes.objects import Content, Place
from local.kubernetes.status import Refused

PREFIXES = {"/api/v1": ("pods",), "/apis/batch/v1": ("jobs",)}
_APPS = ("deployments", "statefulsets", "daemonsets")
VERBS = {"GET": "get", "POST": "create", "PATCH": "patch", "DELETE": "delete"}
ALLOWED: Mapping[str, frozenset[str]] = {
    "deployments": frozenset(("get", "patch")),
    "statefulsets": frozenset(("get", "patch")),
    "daemonsets": frozenset(("patch",)),
    "deployments/scale": frozenset(("get", "patch")),
    "statefulsets/scale": frozenset(("get", "patch")),
    "pods": frozenset(("get", "delete")),
    "jobs": frozenset(("create",)),
}
"""What the role of `act` grants in a namespace."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call, as an audit has it.

    Attributes:
        code: What it was answered; what an order made fail says so, too.
        changed: Whether it was carried out, and not as a dry run.
    """

    verb: str
    resource: str
    namespace: str
    name: str
    dry: bool
    code: int
    changed: bool
    body: Mapping[str, Any]


def parsed(target: str) -> tuple[Place, Mapping[str, str]]:
    """Return what a path and its query name.

    Raises:
        Refused: 404 where there is nothing of the kind.
    """
    parts = urlsplit(target)
    asked = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    for prefix, plurals in {**PREFIXES, "/apis/apps/v1": _APPS}.items():
        if parts.path.startswith(f"{prefix}/namespaces/"):
            pieces = parts.path.removeprefix(f"{prefix}/namespaces/").split("/")
            known = len(pieces) in {2, 3, 4} and pieces[1] in plurals
            if known and pieces[3:] in ([], ["scale"]):
                return Place(pieces[1], pieces[0], *pieces[2:]), asked
    raise Refused(404, "the server could not find the requested resource")


def is_dry(asked: Mapping[str, str]) -> bool:
    """Return whether a query asks for a dry run.

    Raises:
        Refused: 400 for any other kind of it.
    """
    if asked.get("dryRun", "All") != "All":
        raise Refused(400, "dryRun: Unsupported value: supported values: All")
    return "dryRun" in asked


def content_of(body: bytes) -> Content:
    """Return a body as an object.

    Raises:
        Refused: 400.
    """
    try:
        content = json.loads(body or b"{}")
    except ValueError:
        raise Refused(400, "the body is no JSON") from None
    if not isinstance(content, dict):
        raise Refused(400, "the body is no object")
    return content
