"""Any receiver of signed webhooks: by the Standard Webhooks conventions, or a CloudEvent as well.

Sources: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
and https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md
"""

import base64
import binascii
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import quote

import orjson

from aiops.action_log import Step
from aiops.errors import Misconfigured
from aiops.events import Incident
from functions.act import wording
from functions.act.answer import Answer
from functions.act.channel import Delivery, Http, Payload, Repeat, Request, address

MAX_BYTES = 20_000
"""What the conventions advise; longer snapshots are sent with less evidence."""

NOT_YET = frozenset((404,))
"""The conventions name 404 among what is tried again: a receiver may be being deployed."""

_MAX_TEXT = 500
_SECRET_BYTES = range(24, 65)
_FORMATS = ("standard", "cloudevents")
_PRINTABLE = "".join(map(chr, range(0x21, 0x7F))).replace('"', "").replace("%", "")
"""What stands in a header of a CloudEvent as it is; all else is escaped."""


@dataclass(frozen=True, slots=True)
class _Room:
    """How many series, characters of a text and items of a list a message holds at most."""

    evidence: int
    text: int = _MAX_TEXT
    items: int = 50


_ROOMS = (*map(_Room, (50, 20, 8, 3, 1)), _Room(0, 100, 5), _Room(0, 40, 2))
"""From what is sent as it is to what fits whatever an incident says."""


class Channel:
    """Sends the snapshot of the incident with what happened to it.

    As a CloudEvent in binary mode the data alone is the body, and the rest stands in headers; it is
    signed all the same.
    """

    needs: ClassVar[tuple[str, ...]] = ("WEBHOOK_URL", "WEBHOOK_SECRET")
    takes: ClassVar[Mapping[str, str]] = {"WEBHOOK_FORMAT": "standard"}
    repeat: ClassVar[Repeat] = "same_id"

    def __init__(self, values: Mapping[str, str]) -> None:
        self._url = address(values, "WEBHOOK_URL", plain=True)
        self._written = values["WEBHOOK_SECRET"]
        self._secret = decoded(self._written)
        self._format = values["WEBHOOK_FORMAT"]
        if self._format not in _FORMATS:
            raise Misconfigured(f"WEBHOOK_FORMAT: expected {' or '.join(_FORMATS)}")

    def deliver(self, delivery: Delivery, http: Http) -> Answer:
        """Send the message in one request."""
        payload = self.render(delivery.step, delivery.incident)
        return http.call(self.request(payload, delivery.step, delivery.sent_at))

    def render(self, step: Step, incident: Incident) -> Payload:
        """Return the body: type, time and data; the same for every attempt at a step."""
        payload: Payload = {}
        for room in _ROOMS:
            payload = _body(step, incident, room)
            if len(orjson.dumps(payload)) <= MAX_BYTES:
                break
        return payload

    def request(self, payload: Payload, step: Step, sent_at: int) -> Request:
        """Return the signed request; its id is the step's, so that a repeat is recognised."""
        cloudevent = self._format == "cloudevents"
        body = orjson.dumps(payload["data"] if cloudevent else payload)
        signature = sign(self._secret, step.id, sent_at, body)
        headers = {
            "webhook-id": step.id,
            "webhook-timestamp": str(sent_at),
            "webhook-signature": signature,
            **(_attributes(payload, step) if cloudevent else {}),
        }
        return Request(step.channel, self._url, body, headers, NOT_YET, (self._written, signature))


def sign(secret: bytes, identifier: str, sent_at: int, body: bytes) -> str:
    """Return the signature over id, time and body, with the version of the scheme."""
    signed = f"{identifier}.{sent_at}.".encode() + body
    return f"v1,{base64.b64encode(hmac.digest(secret, signed, 'sha256')).decode()}"


def _body(step: Step, incident: Incident, room: _Room) -> Payload:
    snapshot = incident.model_dump(mode="json")
    left_out = max(0, len(incident.evidence) - room.evidence)
    snapshot["evidence"] = snapshot["evidence"][: room.evidence]
    if left_out:
        snapshot["joins"] = []
    return {
        "type": f"incident.{step.kind}",
        "timestamp": wording.timestamp(incident.updated_at),
        "data": {
            "step": step.id,
            "reason": step.reason[:_MAX_TEXT],
            "evidence_left_out": left_out,
            "incident": _bounded(snapshot, room),
        },
    }


def _attributes(payload: Payload, step: Step) -> dict[str, str]:
    """Return the headers of a CloudEvent; its id is the step's."""
    about = quote(step.incident[:_MAX_TEXT], safe=_PRINTABLE)
    return {
        "ce-specversion": "1.0",
        "ce-id": step.id,
        "ce-source": "/aiops/act",
        "ce-type": f"dev.aiops.notification.{step.kind}.v1",
        "ce-time": payload["timestamp"],
        "ce-subject": about,
        "ce-correlationid": about,
    }


def _bounded(value: Any, room: _Room) -> Any:
    """Return JSON with every text and list cut to a length that no receiver chokes on."""
    if isinstance(value, str):
        return value if len(value) <= room.text else value[: room.text - 1] + "…"
    if isinstance(value, list):
        return [_bounded(item, room) for item in value[: room.items]]
    if isinstance(value, dict):
        return {_bounded(name, room): _bounded(item, room) for name, item in value.items()}
    return value


def decoded(written: str, name: str = "WEBHOOK_SECRET") -> bytes:
    """Return the secret that stands for itself in base64.

    Raises:
        Misconfigured: it is none; the message gives its name alone.
    """
    prefix, _, rest = written.partition("_")
    try:
        secret = base64.b64decode(rest, validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    if prefix != "whsec" or len(secret) not in _SECRET_BYTES:
        raise Misconfigured(f"{name}: expected whsec_ and the base64 of 24 to 64 bytes")
    return secret
