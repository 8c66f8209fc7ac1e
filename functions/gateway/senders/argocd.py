"""Argo CD: a notification whose template is a CDEvent, with a bearer token.

It cannot sign. A deploy told twice is one: it has the same service and the same time.
Source: https://argo-cd.readthedocs.io/en/stable/operator-manual/notifications/services/webhook/
"""

from collections import Counter
from typing import ClassVar

from aiops.adapters.cloudevent import decode
from functions.gateway.changes import change_told_by
from functions.gateway.facts import told
from functions.gateway.sender import Delivery, Forged, Place, Request
from functions.gateway.signatures import check_tokens, secrets_in


class Sender:
    """Turns syncs into changes."""

    secrets: ClassVar[str] = "ARGOCD_TOKENS"
    max_bytes: ClassVar[int] = 256 * 1024
    seconds: ClassVar[float] = 8.0
    malformed: ClassVar[int] = 400
    remembered: ClassVar[int] = 0

    def __init__(self, secrets: str, place: Place) -> None:  # noqa: ARG002 - every sender is told
        self._secrets = secrets_in(self.secrets, secrets)

    def verify(self, request: Request) -> None:
        """Check the token."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise Forged("authorization: missing")
        check_tokens(token.strip(), self._secrets)

    def translate(self, request: Request) -> Delivery:
        """Return the change it tells of."""
        event = decode(request.headers, request.body, request.unix_ms)
        at = request.at(event.time)
        fact = change_told_by(event, at)
        if fact is None:
            return Delivery(counts=Counter(ignored=1))
        return Delivery((told(fact, "argocd", fact.service, at),))
