"""Slack: buttons under messages.

Source: https://docs.slack.dev/interactivity/handling-user-interaction

A press is signed with its time, and nobody at Slack sends it a second time.
"""

from collections import Counter
from typing import Annotated, ClassVar
from urllib.parse import parse_qs

from pydantic import BaseModel, ConfigDict, Field

from aiops.buttons import meaning, pressed
from aiops.errors import Rejected
from aiops.events import FeedbackGiven
from aiops.ports import Counts, Message
from functions.gateway.facts import read, told
from functions.gateway.sender import Delivery, Place, Request
from functions.gateway.signatures import WINDOW_SECONDS, check_hex, check_time, secrets_in

_MOST_FIELDS = 16


class _Lenient(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)


class _User(_Lenient):
    id: Annotated[str, Field(pattern=r"^[A-Z0-9]{1,64}$")]


class _Action(_Lenient):
    action_id: str = Field(default="", max_length=255)
    value: str = ""


class _Interaction(_Lenient):
    type: str
    user: _User
    actions: list[_Action] = Field(default_factory=list, max_length=25)


class Sender:
    """Turns presses into commands and verdicts."""

    secrets: ClassVar[str] = "SLACK_SIGNING_SECRETS"
    max_bytes: ClassVar[int] = 1 << 20
    seconds: ClassVar[float] = 2.5  # of the 3 Slack waits
    malformed: ClassVar[int] = 400  # the one who pressed is shown that it did not work
    remembered: ClassVar[int] = 2 * WINDOW_SECONDS * 1000

    def __init__(self, secrets: str, place: Place) -> None:  # noqa: ARG002 - every sender is told
        self._secrets = secrets_in(self.secrets, secrets)

    def verify(self, request: Request) -> None:
        """Check the signature over version, time and body."""
        stamp = request.headers.get("x-slack-request-timestamp", "")
        check_time(stamp, request)
        given = _signature(request)
        if not given.startswith("v0="):
            given = ""
        signed = f"v0:{stamp}:".encode() + request.body
        check_hex([given.removeprefix("v0=")], self._secrets, signed)

    def translate(self, request: Request) -> Delivery:
        """Return what was pressed; what is not one of our buttons is passed over."""
        interaction = read(_payload(request.body), _Interaction)
        counts: Counts = Counter()
        if interaction.type != "block_actions":
            counts["ignored"] += 1
            return Delivery(counts=counts)
        by = f"slack:{interaction.user.id}"
        messages: list[Message] = []
        for action in interaction.actions:
            button = pressed(action.action_id, action.value)
            if button is None:
                counts["ignored"] += 1
                continue
            fact = meaning(button, by, request.received_at)
            key = fact.series if isinstance(fact, FeedbackGiven) else fact.incident
            messages.append(told(fact, "slack", key, request.received_at))
        return Delivery(tuple(messages), _signature(request), counts)


def _signature(request: Request) -> str:
    return request.headers.get("x-slack-signature", "")


def _payload(body: bytes) -> bytes:
    """Return the JSON in the form."""
    try:
        form = parse_qs(body.decode("ascii"), max_num_fields=_MOST_FIELDS)
        return form["payload"][0].encode()
    except (ValueError, KeyError):
        raise Rejected("payload: no such field in a form") from None
