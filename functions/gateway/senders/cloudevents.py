"""CloudEvents, signed as Standard Webhooks says: CDEvents, and facts of our own.

The signature covers the body alone, so the attributes must be in it: only the structured mode is
taken.
"""

from collections import Counter
from typing import ClassVar

from aiops.adapters.cloudevent import decode, read_fact
from aiops.errors import Rejected
from aiops.events import (
    CauseJudged,
    ChangeObserved,
    CommandGiven,
    Fact,
    FeedbackGiven,
    SilenceGiven,
    SilenceLifted,
)
from aiops.ports import Event
from functions.gateway.changes import change_told_by
from functions.gateway.facts import change, told
from functions.gateway.sender import Delivery, Place, Request
from functions.gateway.signatures import WINDOW_SECONDS, check_standard, standard_secrets_in

_KEYS: dict[type[Fact], str] = {
    ChangeObserved: "service",
    CommandGiven: "incident",
    CauseJudged: "incident",
    FeedbackGiven: "series",
    SilenceGiven: "silence",
    SilenceLifted: "silence",
}
"""The facts anybody with the secret may state, and what each is about."""

MAX_KEY = 253

FACTS = {fact.type: fact for fact in _KEYS}


class Sender:
    """Passes facts on after validating them."""

    secrets: ClassVar[str] = "CLOUDEVENTS_WEBHOOK_SECRETS"
    max_bytes: ClassVar[int] = 256 * 1024
    seconds: ClassVar[float] = 8.0
    malformed: ClassVar[int] = 400
    remembered: ClassVar[int] = 2 * WINDOW_SECONDS * 1000

    def __init__(self, secrets: str, place: Place) -> None:
        self._secrets = standard_secrets_in(self.secrets, secrets)
        self._domain = place.domain

    def verify(self, request: Request) -> None:
        """Check the signature over id, time and body."""
        check_standard(request, self._secrets)

    def translate(self, request: Request) -> Delivery:
        """Return the fact an event states."""
        kind = request.headers.get("content-type", "")
        if not kind.startswith("application/cloudevents+json"):
            raise Rejected("content-type: expected application/cloudevents+json")
        event = decode({"content-type": kind}, request.body, request.unix_ms)
        fact = self._fact(event, request.at(event.time))
        if fact is None:
            return Delivery(counts=Counter(ignored=1))
        key = str(getattr(fact, _KEYS[type(fact)]))
        if len(key) > MAX_KEY:
            raise Rejected(f"{_KEYS[type(fact)]}: more than {MAX_KEY} characters")
        message = told(fact, "cloudevents", key, request.received_at)
        return Delivery((message,), request.headers["webhook-id"])

    def _fact(self, event: Event, at: int) -> Fact | None:
        if event.type not in FACTS:
            return change_told_by(event, at)
        fact = read_fact(event, FACTS[event.type])
        if getattr(fact, "domain", self._domain) != self._domain:
            raise Rejected(f"domain: not {self._domain!r}")
        if isinstance(fact, ChangeObserved):
            return change(fact.service, fact.kind, fact.summary, fact.observed_at)
        return fact
