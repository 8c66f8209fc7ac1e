"""Deploys in a plain form, signed as Standard Webhooks says: four fields and a shell will do."""

from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from aiops.alertmanager import unix_ms
from aiops.errors import Rejected
from functions.gateway.facts import change, read, told
from functions.gateway.sender import Delivery, Place, Request
from functions.gateway.signatures import WINDOW_SECONDS, check_standard, standard_secrets_in


class _Deploy(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)
    service: str
    kind: Literal["deploy", "rollback", "config", "scale", "remove"] = "deploy"
    summary: str = ""
    time: str | None = Field(default=None, max_length=64)


class Sender:
    """Turns the form into a change."""

    secrets: ClassVar[str] = "DEPLOY_WEBHOOK_SECRETS"
    max_bytes: ClassVar[int] = 64 * 1024
    seconds: ClassVar[float] = 8.0
    malformed: ClassVar[int] = 400
    remembered: ClassVar[int] = 2 * WINDOW_SECONDS * 1000

    def __init__(self, secrets: str, place: Place) -> None:  # noqa: ARG002 - every sender is told
        self._secrets = standard_secrets_in(self.secrets, secrets)

    def verify(self, request: Request) -> None:
        """Check the signature over id, time and body."""
        check_standard(request, self._secrets)

    def translate(self, request: Request) -> Delivery:
        """Return the change."""
        deploy = read(request.body, _Deploy)
        at = request.received_at
        if deploy.time is not None:
            occurred = unix_ms(deploy.time)
            if occurred is None:
                raise Rejected("time: no time")
            at = request.at(occurred)
        fact = change(deploy.service, deploy.kind, deploy.summary, at)
        name = request.headers["webhook-id"]
        return Delivery((told(fact, "deploy", fact.service, at),), name)
