"""A stand-in for the API server: a real one on this machine, with tokens, rules and an audit.

It answers as the documents say, for the few kinds of objects that runbooks change, and keeps a list
of all calls so that a test can count them. It shares no code with the client.
"""

import hmac
import json
import secrets
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from local.kubernetes.calling import ALLOWED, VERBS, Call, content_of, is_dry, parsed
from local.kubernetes.objects import Content, Objects, Place
from local.kubernetes.serving import Server, handler
from local.kubernetes.status import Refused, status


@dataclass(slots=True)
class _Orders:
    code: int = 0
    times: int = 0
    retry_after: int | None = None
    delay: float = 0.0
    after: bool = False


class ApiServer:
    """Serves on a free port of the loopback interface; a context manager.

    Args:
        folder: Where the token of the service account is written to.
        namespaces: Where the role is bound.
        allowed: Verbs by resource; everything else is 403.
        certificate: Files of a certificate and its key; without them it speaks plain HTTP.
        now: Unix seconds.
    """

    def __init__(
        self,
        folder: Path,
        namespaces: tuple[str, ...],
        allowed: Mapping[str, frozenset[str]] = ALLOWED,
        certificate: tuple[Path, Path] | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._namespaces, self._allowed = namespaces, allowed
        self._token_file = folder / "token"
        self._certificate = certificate
        self._lock = threading.Lock()
        self._released = threading.Event()
        self._objects = Objects(now)
        self._calls: list[Call] = []
        self._orders = _Orders()
        self._server = Server(("127.0.0.1", 0), handler(self._respond))
        scheme = "http"
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
            scheme = "https"
        self.url = f"{scheme}://127.0.0.1:{self._server.server_address[1]}"
        self.rotate()
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )

    def __enter__(self) -> Self:
        """Start to serve."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self._released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def environment(self) -> Mapping[str, str]:
        """The settings that make `act` call it."""
        authorities = self._certificate[0] if self._certificate else ""
        return {
            "KUBERNETES_URL": self.url,
            "KUBERNETES_TOKEN_FILE": str(self._token_file),
            "KUBERNETES_CA_FILE": str(authorities),
        }

    @property
    def token(self) -> str:
        """The token that is valid now."""
        return self._token

    @property
    def calls(self) -> tuple[Call, ...]:
        """All calls so far, in order."""
        with self._lock:
            return tuple(self._calls)

    @property
    def changes(self) -> tuple[Call, ...]:
        """The calls that were carried out and were no dry runs."""
        return tuple(call for call in self.calls if call.changed)

    def rotate(self) -> None:
        """Give out a new token; the old one is valid no more."""
        self._token = secrets.token_hex(24)
        self._token_file.write_text(self._token, encoding="ascii")

    def put(self, plural: str, content: Mapping[str, Any]) -> Mapping[str, Any]:
        """Keep an object as somebody else made it."""
        with self._lock:
            return self._objects.put(plural, content)

    def get(self, plural: str, namespace: str, name: str) -> Mapping[str, Any] | None:
        """Return an object, None where there is none."""
        with self._lock:
            found = self._objects.kept.get(Place(plural, namespace, name))
            return json.loads(json.dumps(found)) if found is not None else None

    def names(self, plural: str) -> tuple[str, ...]:
        """Return the names of all objects of a kind."""
        with self._lock:
            return tuple(place.name for place in self._objects.kept if place.plural == plural)

    def answer(
        self, code: int, times: int = 1, *, retry_after: int | None = None, after: bool = False
    ) -> None:
        """Answer the next calls with a code; `after` carries them out first all the same."""
        with self._lock:
            delay = self._orders.delay
            self._orders = _Orders(code, times, retry_after, delay, after)

    def delay(self, seconds: float) -> None:
        """Take so long to answer from now on; what is asked is done before the wait."""
        with self._lock:
            self._orders.delay = seconds

    def _respond(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Return code, headers and body of the answer to one call."""
        with self._lock:
            code, content, extra = self._audited(method, target, headers, body)
            wait = self._orders.delay
        if wait:
            self._released.wait(wait)
        return code, extra, json.dumps(content).encode()

    def _audited(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, Mapping[str, Any], Mapping[str, str]]:
        verb, place = VERBS.get(method, method.lower()), Place("", "")
        given: Content = {}
        dry, done, ordered = False, False, self._ordered()
        extra: Mapping[str, str] = {}
        try:
            place, asked = parsed(target)
            self._authorise(verb, place, headers)
            _refuse_as(ordered)
            given, dry = content_of(body), is_dry(asked)
            code, content = self._carry_out(verb, place, given, headers, asked)
            done = verb != "get" and not dry
            if ordered is not None:
                code, content = ordered.code, status(ordered.code, "as ordered")
        except Refused as refused:
            code, content = refused.code, refused.content
        if ordered is not None and code == ordered.code and ordered.retry_after is not None:
            extra = {"Retry-After": str(ordered.retry_after)}
        name = place.name or str((given.get("metadata") or {}).get("name", ""))
        self._calls.append(
            Call(verb, place.resource, place.namespace, name, dry, code, done, given)
        )
        return code, content, extra

    def _ordered(self) -> _Orders | None:
        if self._orders.times <= 0:
            return None
        self._orders.times -= 1
        return self._orders

    def _authorise(self, verb: str, place: Place, headers: Mapping[str, str]) -> None:
        wanted = f"Bearer {self._token}"
        if not hmac.compare_digest(headers.get("authorization", ""), wanted):
            raise Refused(401, "Unauthorized")
        granted = self._allowed.get(place.resource, frozenset())
        if place.namespace not in self._namespaces or verb not in granted:
            who = 'User "system:serviceaccount:aiops:aiops-act"'
            what = f'resource "{place.resource}" in API group "{place.group}"'
            where = f'in the namespace "{place.namespace}"'
            raise Refused(403, f"{place} is forbidden: {who} cannot {verb} {what} {where}")

    def _carry_out(
        self,
        verb: str,
        place: Place,
        given: Content,
        headers: Mapping[str, str],
        asked: Mapping[str, str],
    ) -> tuple[int, Mapping[str, Any]]:
        dry, strict = is_dry(asked), asked.get("fieldValidation") == "Strict"
        content_type = headers.get("content-type", "").partition(";")[0].strip()
        if verb == "get":
            return 200, self._objects.get(place)
        if verb == "patch":
            patched = self._objects.patch(place, given, content_type, dry=dry, strict=strict)
            return 200, patched
        if content_type != "application/json":
            raise Refused(415, f"the body of the request was in an unknown format - {content_type}")
        if verb == "create":
            return 201, self._objects.create(place, given, dry=dry, strict=strict)
        return 200, self._objects.delete(place, given, dry=dry)


def _refuse_as(ordered: _Orders | None) -> None:
    if ordered is not None and not ordered.after:
        raise Refused(ordered.code, "as ordered")
