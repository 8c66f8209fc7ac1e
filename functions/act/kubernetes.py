"""Calls to the API server of Kubernetes, as the service account of this pod.

Sources: https://kubernetes.io/docs/reference/using-api/api-concepts/ and
https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/
"""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

import orjson
from pydantic import Field

from aiops.errors import Misconfigured
from functions.act.allowed import Allowed
from functions.act.answer import Answer, excerpt
from functions.act.channel import Method, Request, address
from functions.act.connecting import Connector
from functions.act.operation import OPERATION_SECONDS, Outcome
from functions.act.sender import Calls, HttpSender

_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"

SETTINGS: Mapping[str, str] = {
    "KUBERNETES_URL": "",
    "KUBERNETES_SERVICE_HOST": "",
    "KUBERNETES_SERVICE_PORT": "443",
    "KUBERNETES_TOKEN_FILE": f"{_ACCOUNT}/token",
    "KUBERNETES_CA_FILE": f"{_ACCOUNT}/ca.crt",
}
"""Every pod is given the second and the third; the first stands for them elsewhere."""

FIELD_MANAGER = "aiops-act"
MAX_OBJECT_BYTES = 1_572_864
"""No object is longer. Source: https://etcd.io/docs/v3.5/dev-guide/limit/"""

MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_MERGE_PATCH = "application/strategic-merge-patch+json"

_LABEL = r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?"
NAMESPACE = rf"^{_LABEL}$"
NAME = rf"^{_LABEL}(?:\.{_LABEL})*$"
Namespace = Annotated[str, Field(pattern=NAMESPACE, max_length=63)]
ObjectName = Annotated[str, Field(pattern=NAME, max_length=253)]
"""Source: https://kubernetes.io/docs/concepts/overview/working-with-objects/names/"""

GROUPS = {
    "pods": "/api/v1",
    "deployments": "/apis/apps/v1",
    "statefulsets": "/apis/apps/v1",
    "daemonsets": "/apis/apps/v1",
    "jobs": "/apis/batch/v1",
}
PLURALS = {"Deployment": "deployments", "StatefulSet": "statefulsets", "DaemonSet": "daemonsets"}

_EVERYWHERE = Allowed((ip_network("0.0.0.0/0"), ip_network("::/0")))
_TOKEN = re.compile(r"[\x21-\x7e]{1,65536}")


@dataclass(frozen=True, slots=True)
class Reply:
    """What the API server answered.

    Attributes:
        verdict: `done`; `refused`, the same call will always be; `retry`, later it may do.
        reason: In words, without any secret.
        status: Of HTTP, 0 where there was no answer.
        cause: The machine's word for an error, such as `AlreadyExists`.
        content: The object where it is done.
    """

    verdict: Literal["done", "refused", "retry"]
    reason: str
    status: int = 0
    cause: str = ""
    content: Mapping[str, Any] = field(default_factory=dict)
    retry_after_ms: int = 0

    @property
    def labels(self) -> Mapping[str, str]:
        """The object's labels."""
        return dict(self.content.get("metadata", {}).get("labels") or {})

    def outcome(self, reason: str = "") -> Outcome:
        """Return it as an operation's; all that is done here may be done again."""
        done = self.verdict == "done"
        words = reason if done and reason else self.reason
        return Outcome(self.verdict, words, self.labels, self.retry_after_ms)


@dataclass(frozen=True, slots=True)
class Resource:
    """Where an object is, or with an empty name, a collection.

    Raises:
        ValueError: a name is none that Kubernetes allows.
    """

    plural: str
    namespace: str
    name: str = ""
    part: Literal["", "scale"] = ""

    def __post_init__(self) -> None:
        """Let nothing into a path that could lead elsewhere."""
        if not re.fullmatch(NAMESPACE, self.namespace):
            raise ValueError("namespace: not a name that Kubernetes allows")
        if self.name and (len(self.name) > 253 or not re.fullmatch(NAME, self.name)):
            raise ValueError("name: not a name that Kubernetes allows")

    @property
    def path(self) -> str:
        """Its path."""
        places = (self.name, self.part) if self.part else (self.name,) if self.name else ()
        return "/".join((GROUPS[self.plural], "namespaces", self.namespace, self.plural, *places))


class Kubernetes:
    """The API server; each operation talks to it in a conversation of its own.

    Args:
        values: Those of `SETTINGS`.

    Raises:
        Misconfigured: the address is missing or wrong.
    """

    def __init__(self, values: Mapping[str, str]) -> None:
        self._url = _url(values)
        self._token_file = Path(values["KUBERNETES_TOKEN_FILE"])
        self._authorities = values["KUBERNETES_CA_FILE"]

    def conversation(self, seconds: float = OPERATION_SECONDS) -> "Conversation":
        """Return what calls are made by, all of them in so many seconds.

        The certificates are read anew for each, and the token for each call: both are replaced
        while the pod runs.
        """
        sender = HttpSender(Connector(_EVERYWHERE), authorities=self._authorities)
        ends = time.monotonic() + seconds
        return Conversation(self._url, self._token_file, Calls(sender, time.monotonic, ends))


@dataclass(frozen=True, slots=True)
class Conversation:
    """Calls with one end for all of them; none raises for what is answered."""

    url: str
    token_file: Path
    calls: Calls

    def get(self, resource: Resource) -> Reply:
        """Return an object."""
        return self._call("GET", resource, {})

    def patch(
        self, resource: Resource, change: Mapping[str, Any], content_type: str, *, dry: bool
    ) -> Reply:
        """Change an object, or with `dry` only have the server check it, and return it."""
        return self._call("PATCH", resource, _written(dry=dry), change, content_type)

    def create(self, resource: Resource, made: Mapping[str, Any], *, dry: bool) -> Reply:
        """Make an object in a collection."""
        return self._call("POST", resource, _written(dry=dry), made)

    def delete(self, resource: Resource, uid: str, *, dry: bool) -> Reply:
        """Delete an object if it still is the one with that id."""
        options = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": {"uid": uid},
            **({"dryRun": ["All"]} if dry else {}),
        }
        return self._call("DELETE", resource, {"dryRun": "All"} if dry else {}, options)

    def _call(
        self,
        method: Method,
        resource: Resource,
        query: Mapping[str, str],
        body: Mapping[str, Any] | None = None,
        content_type: str = "application/json",
    ) -> Reply:
        token = _token(self.token_file)
        if token is None:
            return Reply("retry", "the token of the service account cannot be read")
        asked = f"?{urlencode(query)}" if query else ""
        request = Request(
            channel="kubernetes",
            url=f"{self.url}{resource.path}{asked}",
            body=b"" if body is None else orjson.dumps(body),
            headers={"Authorization": f"Bearer {token}", "Accept": "application/json"},
            secrets=(token,),
            method=method,
            content_type=content_type,
            reads=MAX_OBJECT_BYTES + 1,
        )
        return _reply(self.calls.call(request), token)


def _url(values: Mapping[str, str]) -> str:
    """Return the address: as it was set, or as every pod is told it."""
    if values["KUBERNETES_URL"]:
        return address(values, "KUBERNETES_URL").rstrip("/")
    host, port = values["KUBERNETES_SERVICE_HOST"], values["KUBERNETES_SERVICE_PORT"]
    if not host:
        raise Misconfigured("KUBERNETES_SERVICE_HOST: not set, as it is in every pod")
    written = f"[{host}]" if ":" in host else host
    return address(
        {"KUBERNETES_SERVICE_HOST": f"https://{written}:{port}"}, "KUBERNETES_SERVICE_HOST"
    )


def _token(file: Path) -> str | None:
    try:
        token = file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None
    return token if _TOKEN.fullmatch(token) else None


def _written(*, dry: bool) -> dict[str, str]:
    """Return the query of what writes; an unknown field is an error, not a warning."""
    asked = {"dryRun": "All"} if dry else {}
    return asked | {"fieldManager": FIELD_MANAGER, "fieldValidation": "Strict"}


def _reply(answer: Answer, token: str) -> Reply:
    content = _object(answer.body)
    if answer.verdict == "done" and content is None:
        words = f"{answer.status}: the answer is no object, or too long"
        return Reply("retry", words, answer.status)
    found = content or {}
    cause = str(found.get("reason", ""))[:64] if answer.status >= 400 else ""
    said = excerpt(str(found.get("message", "")).encode(), (token,)) if cause else ""
    reason = f"{answer.status} {cause}: {said}" if cause else answer.reason
    return Reply(answer.verdict, reason, answer.status, cause, found, answer.retry_after_ms)


def _object(body: bytes) -> dict[str, Any] | None:
    if len(body) > MAX_OBJECT_BYTES:
        return None
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None
