"""Alertmanager: webhooks of version 4, with a bearer token or a password.

They cannot be signed. The same notification comes again every `repeat_interval`, and says nothing
new: an alert is known by fingerprint and start. What is not answered 5xx is not sent again.
Source: https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
"""

import base64
import binascii
from typing import ClassVar

from aiops.alertmanager import MAX_BYTES
from aiops.alerts import Translator, messages
from functions.gateway.sender import Delivery, Forged, Place, Request
from functions.gateway.signatures import check_tokens, secrets_in


class Sender:
    """Turns alerts into anomalies."""

    secrets: ClassVar[str] = "ALERTMANAGER_TOKENS"
    max_bytes: ClassVar[int] = MAX_BYTES
    seconds: ClassVar[float] = 8.0  # of the 10 it is told to wait in our snippet
    malformed: ClassVar[int] = 400
    remembered: ClassVar[int] = 0

    def __init__(self, secrets: str, place: Place) -> None:
        self._secrets = secrets_in(self.secrets, secrets)
        self._domain = place.domain
        self._translator = Translator(place.domain, place.series, place.alerts)

    def verify(self, request: Request) -> None:
        """Check the token, or the password under any name."""
        check_tokens(_token(request.headers.get("authorization", "")), self._secrets)

    def translate(self, request: Request) -> Delivery:
        """Return the alerts that can be read; the others are counted."""
        now = request.received_at
        found = self._translator.translate(request.body, now)
        return Delivery(tuple(messages(found.anomalies, self._domain, now)), "", found.dropped)


def _token(written: str) -> str:
    scheme, _, rest = written.partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip()
    if scheme.lower() != "basic":
        raise Forged("authorization: missing")
    try:
        decoded = base64.b64decode(rest.strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        raise Forged("authorization: not understood") from None
    return decoded.partition(":")[2]
