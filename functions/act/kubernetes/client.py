"""Calls to the API server of Kubernetes, as the service account of this pod.

Sources: https://kubernetes.io/docs/reference/using-api/api-concepts/ and
https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/
"""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import orjson

from aiops.errors import Misconfigured
from functions.act.allowed import Allowed
from functions.act.channel import Method, Request, address
from functions.act.connecting import Connector
from functions.act.kubernetes.reply import MAX_OBJECT_BYTES, Reply, reply_of
from functions.act.kubernetes.resource import Resource
from functions.act.operation import OPERATION_SECONDS
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
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_MERGE_PATCH = "application/strategic-merge-patch+json"

_EVERYWHERE = Allowed((ip_network("0.0.0.0/0"), ip_network("::/0")))
_TOKEN = re.compile(r"[\x21-\x7e]{1,65536}")


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
        writes = method != "GET" and "dryRun" not in query
        return reply_of(self.calls.call(request), token, writes=writes)


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
