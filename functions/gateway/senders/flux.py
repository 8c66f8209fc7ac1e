"""Flux: events of its notification controller, provider `generic-hmac`.

The signature is over the body alone, which holds the event's time.
Source: https://fluxcd.io/flux/components/notification/providers/#generic-webhook-with-hmac
"""

import hashlib
from collections import Counter
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

from aiops.alertmanager import unix_ms
from aiops.errors import Rejected
from functions.gateway.facts import change, read, told
from functions.gateway.sender import Delivery, Place, Request
from functions.gateway.signatures import check_hex, secrets_in

MAX_AGE_MS = 24 * 3_600_000

KINDS = {
    "InstallSucceeded": "deploy",
    "UpgradeSucceeded": "deploy",
    "UpgradeFailed": "deploy",
    "ReconciliationSucceeded": "deploy",
    "Progressing": "deploy",
    "RollbackSucceeded": "rollback",
    "UninstallSucceeded": "remove",
}
"""Reasons that say that something was changed, and what we call it."""


class _Lenient(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)


class _Object(_Lenient):
    kind: str = Field(default="", max_length=253)
    namespace: str = Field(default="", max_length=253)
    name: str


class _Event(_Lenient):
    about: _Object = Field(alias="involvedObject")
    reason: str
    message: str = ""
    timestamp: str = Field(max_length=64)


class Sender:
    """Turns reconciliations into changes of the service that is named like the object."""

    secrets: ClassVar[str] = "FLUX_WEBHOOK_SECRETS"
    max_bytes: ClassVar[int] = 1 << 20
    seconds: ClassVar[float] = 8.0
    malformed: ClassVar[int] = 400
    remembered: ClassVar[int] = 2 * MAX_AGE_MS

    def __init__(self, secrets: str, place: Place) -> None:  # noqa: ARG002 - every sender is told
        self._secrets = secrets_in(self.secrets, secrets)

    def verify(self, request: Request) -> None:
        """Check the signature over the body."""
        given = request.headers.get("x-signature", "")
        if not given.startswith("sha256="):
            given = ""
        check_hex([given.removeprefix("sha256=")], self._secrets, request.body)

    def translate(self, request: Request) -> Delivery:
        """Return the change an event tells of."""
        event = read(request.body, _Event)
        occurred = unix_ms(event.timestamp)
        if occurred is None:
            raise Rejected("timestamp: no time")
        if event.reason not in KINDS:
            return Delivery(counts=Counter(ignored=1))
        if request.unix_ms - occurred > MAX_AGE_MS:
            return Delivery(counts=Counter(too_old=1))
        at = request.at(occurred)
        summary = f"{event.about.kind} {event.about.namespace}: {event.message}"
        fact = change(event.about.name, KINDS[event.reason], summary, at)
        name = hashlib.sha256(request.body).hexdigest()
        return Delivery((told(fact, "flux", fact.service, at),), name)
