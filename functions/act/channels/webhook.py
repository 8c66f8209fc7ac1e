"""Any receiver of signed webhooks, by the Standard Webhooks conventions.

Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import binascii
import hmac
from collections.abc import Mapping
from typing import Any, ClassVar

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

_MAX_STRING = 500
_MAX_ITEMS = 50
_FEW = 5
_SECRET_BYTES = range(24, 65)


class Channel:
    """Sends the snapshot of the incident with what happened to it."""

    needs: ClassVar[tuple[str, ...]] = ("WEBHOOK_URL", "WEBHOOK_SECRET")
    takes: ClassVar[Mapping[str, str]] = {}
    repeat: ClassVar[Repeat] = "same_id"

    def __init__(self, values: Mapping[str, str]) -> None:
        self._url = address(values, "WEBHOOK_URL", plain=True)
        self._written = values["WEBHOOK_SECRET"]
        self._secret = _decoded(self._written)

    def deliver(self, delivery: Delivery, http: Http) -> Answer:
        """Send the message in one request."""
        payload = self.render(delivery.step, delivery.incident)
        return http.call(self.request(payload, delivery.step, delivery.sent_at))

    def render(self, step: Step, incident: Incident) -> Payload:
        """Return the body: type, time and data; the same for every attempt at a step."""
        for evidence in (50, 20, 8, 3, 1):
            payload = _body(step, incident, evidence)
            if len(orjson.dumps(payload)) <= MAX_BYTES:
                return payload
        return _body(step, _least(incident), 0)

    def request(self, payload: Payload, step: Step, sent_at: int) -> Request:
        """Return the signed request; its id is the step's, so that a repeat is recognised."""
        body = orjson.dumps(payload)
        signature = sign(self._secret, step.id, sent_at, body)
        headers = {
            "webhook-id": step.id,
            "webhook-timestamp": str(sent_at),
            "webhook-signature": signature,
        }
        return Request(step.channel, self._url, body, headers, NOT_YET, (self._written, signature))


def sign(secret: bytes, identifier: str, sent_at: int, body: bytes) -> str:
    """Return the signature over id, time and body, with the version of the scheme."""
    signed = f"{identifier}.{sent_at}.".encode() + body
    return f"v1,{base64.b64encode(hmac.digest(secret, signed, 'sha256')).decode()}"


def _body(step: Step, incident: Incident, evidence: int) -> Payload:
    snapshot = incident.model_dump(mode="json")
    left_out = max(0, len(incident.evidence) - evidence)
    snapshot["evidence"] = snapshot["evidence"][:evidence]
    if left_out:
        snapshot["joins"] = []
    return {
        "type": f"incident.{step.kind}",
        "timestamp": wording.timestamp(incident.updated_at),
        "data": {
            "step": step.id,
            "reason": step.reason[:_MAX_STRING],
            "evidence_left_out": left_out,
            "incident": _bounded(snapshot),
        },
    }


def _bounded(value: Any) -> Any:
    """Return JSON with every text and list cut to a length that no receiver chokes on."""
    if isinstance(value, str):
        return value if len(value) <= _MAX_STRING else value[: _MAX_STRING - 1] + "…"
    if isinstance(value, list):
        return [_bounded(item) for item in value[:_MAX_ITEMS]]
    if isinstance(value, dict):
        return {name: _bounded(item) for name, item in value.items()}
    return value


def _least(incident: Incident) -> Incident:
    """Return a snapshot without the reasons of its suspects and all but the first few services."""
    plain = {"reasons": (), "confidence_reason": ""}
    suspects = tuple(one.model_copy(update=plain) for one in incident.root_cause)
    return incident.model_copy(
        update={
            "services": incident.services[:_FEW],
            "blast_radius": incident.blast_radius[:_FEW],
            "root_cause": suspects[:_FEW],
            "root_cause_at_notification": (),
            "joins": (),
        }
    )


def _decoded(written: str) -> bytes:
    prefix, _, rest = written.partition("_")
    try:
        secret = base64.b64decode(rest, validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    if prefix != "whsec" or len(secret) not in _SECRET_BYTES:
        raise Misconfigured("WEBHOOK_SECRET: expected whsec_ and the base64 of 24 to 64 bytes")
    return secret
