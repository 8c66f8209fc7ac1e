"""PagerDuty: webhooks of version 3.

Source: https://developer.pagerduty.com/docs/webhooks-overview

They are signed without a time, so an event is remembered for longer than PagerDuty tries to deliver
it, and an older one is not taken. A 4xx is a drop for good, and three in a row switch the
subscription off for a day: only what is not signed right is refused.
"""

import re
from collections import Counter
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from aiops.alertmanager import unix_ms
from aiops.events import CommandGiven
from functions.gateway.facts import read, told
from functions.gateway.sender import Delivery, Place, Request
from functions.gateway.signatures import check_hex, secrets_in

MAX_AGE_MS = 49 * 3_600_000
"""PagerDuty tries for 48 hours."""

Command = Literal["acknowledge", "resolve", "reopen"]
_COMMANDS: dict[str, Command] = {
    "incident.acknowledged": "acknowledge",
    "incident.resolved": "resolve",
    "incident.reopened": "reopen",
}
_INCIDENT = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class _Lenient(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)


class _Agent(_Lenient):
    id: str = Field(default="", max_length=64, pattern=r"^[A-Za-z0-9]*$")
    type: str = Field(default="", max_length=64)


class _Incident(_Lenient):
    incident_key: str | None = None


class _Event(_Lenient):
    id: str = Field(min_length=1, max_length=200)
    event_type: str
    occurred_at: str = Field(max_length=64)
    agent: _Agent | None = None
    data: _Incident


class _Webhook(_Lenient):
    event: _Event


class Sender:
    """Turns what people do there into commands.

    What our own messages lead to there comes back without a person, and is passed over.
    """

    secrets: ClassVar[str] = "PAGERDUTY_WEBHOOK_SECRETS"
    max_bytes: ClassVar[int] = 1 << 20
    seconds: ClassVar[float] = 4.0  # of the 5 PagerDuty waits
    malformed: ClassVar[int] = 202
    remembered: ClassVar[int] = 2 * MAX_AGE_MS

    def __init__(self, secrets: str, place: Place) -> None:  # noqa: ARG002 - every sender is told
        self._secrets = secrets_in(self.secrets, secrets)

    def verify(self, request: Request) -> None:
        """Check that one of the signatures over the body is right."""
        written = request.headers.get("x-pagerduty-signature", "").split(",")
        given = [one.strip()[3:] for one in written if one.strip().startswith("v1=")]
        check_hex(given, self._secrets, request.body)

    def translate(self, request: Request) -> Delivery:
        """Return what somebody did to an incident of ours."""
        event = read(request.body, _Webhook).event
        command = _COMMANDS.get(event.event_type)
        if command is None:
            return _passed_over("ignored")
        if event.agent is None or event.agent.type != "user_reference":
            return _passed_over("not_by_people")
        incident = event.data.incident_key or ""
        if not _INCIDENT.fullmatch(incident):
            return _passed_over("not_ours")
        occurred = unix_ms(event.occurred_at)
        if occurred is None or request.unix_ms - occurred > MAX_AGE_MS:
            return _passed_over("too_old")
        at = request.at(occurred)
        fact = CommandGiven(
            incident=incident,
            command=command,
            given_by=f"pagerduty:{event.agent.id}",
            given_at=at,
        )
        return Delivery((told(fact, "pagerduty", incident, at),), event.id)


def _passed_over(reason: str) -> Delivery:
    return Delivery(counts=Counter({reason: 1}))
