"""Grafana Alerting: webhooks with the body of Alertmanager's and a signature.

Source: https://grafana.com/docs/grafana/latest/alerting/configure-notifications/manage-contact-points/integrations/webhook-notifier/
"""

from typing import ClassVar

from aiops.alertmanager import MAX_BYTES
from aiops.alerts import Translator, messages
from functions.gateway.sender import Delivery, Place, Request
from functions.gateway.signatures import WINDOW_SECONDS, check_hex, check_time, secrets_in

SIGNATURE = "x-grafana-alerting-signature"
STAMP = "x-grafana-alerting-timestamp"
"""The header it is to be told to put the time into."""


class Sender:
    """Turns alerts into anomalies; a signature without a time would be good for ever."""

    secrets: ClassVar[str] = "GRAFANA_WEBHOOK_SECRETS"
    max_bytes: ClassVar[int] = MAX_BYTES
    seconds: ClassVar[float] = 8.0
    malformed: ClassVar[int] = 400
    remembered: ClassVar[int] = 2 * WINDOW_SECONDS * 1000

    def __init__(self, secrets: str, place: Place) -> None:
        self._secrets = secrets_in(self.secrets, secrets)
        self._domain = place.domain
        self._translator = Translator(place.domain, place.series, place.alerts)

    def verify(self, request: Request) -> None:
        """Check the signature over time and body."""
        stamp = request.headers.get(STAMP, "")
        check_time(stamp, request)
        signed = f"{stamp}:".encode() + request.body
        check_hex([request.headers.get(SIGNATURE, "")], self._secrets, signed)

    def translate(self, request: Request) -> Delivery:
        """Return the alerts that can be read; the others are counted."""
        now = request.received_at
        found = self._translator.translate(request.body, now)
        name = request.headers[SIGNATURE]
        return Delivery(tuple(messages(found.anomalies, self._domain, now)), name, found.dropped)
