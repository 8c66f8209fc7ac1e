"""PagerDuty by Events API v2: an alert per incident, under the incident's id as its key.

The API cannot take an acknowledgement back: an alert that is open again under the same key stays
acknowledged there until it is resolved or until PagerDuty's own time for it is over.

Limits: 1 024 characters of summary, 255 of the key, 512 KB in all.
Source: https://developer.pagerduty.com/docs/events-api-v2/trigger-events/
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import orjson

from aiops.action_log import Meaning, Step
from aiops.errors import Misconfigured
from aiops.events import Incident
from functions.act import links, wording
from functions.act.answer import Answer
from functions.act.channel import Delivery, Http, Payload, Repeat, Request, address

MAX_SUMMARY = 1_024
MAX_FIELD = 255
_EVIDENCE_LINES = 10
_NAMES = 20
_KEY_LENGTH = 32
ACTIONS: Mapping[Meaning, str] = {
    "open": "trigger",
    "acknowledged": "acknowledge",
    "ended": "resolve",
}
SEVERITIES = {5: "critical", 4: "error", 3: "warning", 2: "info", 1: "info"}


class Channel:
    """Raises, acknowledges and resolves alerts.

    What PagerDuty answers is 202, 400 for a wrong event, 429 or 5xx for "again later".
    Source: https://developer.pagerduty.com/docs/events-api-v2/overview/#response-codes--retry-logic
    """

    needs: ClassVar[tuple[str, ...]] = ("PAGERDUTY_ROUTING_KEY",)
    takes: ClassVar[Mapping[str, str]] = {
        "PAGERDUTY_URL": "https://events.pagerduty.com/v2/enqueue",
        **links.SETTINGS,
    }
    repeat: ClassVar[Repeat] = "same_state"

    def __init__(self, values: Mapping[str, str]) -> None:
        self._url = address(values, "PAGERDUTY_URL")
        self._links = links.Links.parse(values)
        self._key = values["PAGERDUTY_ROUTING_KEY"]
        if len(self._key) != _KEY_LENGTH or not self._key.isalnum():
            raise Misconfigured(f"PAGERDUTY_ROUTING_KEY: expected {_KEY_LENGTH} letters or digits")

    def deliver(self, delivery: Delivery, http: Http) -> Answer:
        """Send the message in one request."""
        payload = self.render(delivery.step, delivery.incident)
        return http.call(self.request(payload, delivery.step, delivery.sent_at))

    def render(self, step: Step, incident: Incident) -> Payload:
        """Return the event, without the routing key; only a trigger says more than its key."""
        event: Payload = {
            "event_action": ACTIONS[step.meaning],
            "dedup_key": incident.id[:MAX_FIELD],
        }
        if step.meaning == "open":
            event["client"] = "aiops"
            event["payload"] = _alert(step, incident)
            found = self._links.about(incident)
            if found:
                event["links"] = [{"href": one.href, "text": one.text} for one in found]
            if self._links.incident:
                event["client_url"] = found[0].href
        return event

    def request(self, payload: Payload, step: Step, sent_at: int) -> Request:  # noqa: ARG002 - unsigned
        """Return the request for an event, with the routing key."""
        body = orjson.dumps({**payload, "routing_key": self._key})
        return Request(step.channel, self._url, body, secrets=(self._key,))


def _alert(step: Step, incident: Incident) -> dict[str, Any]:
    suspect = incident.root_cause[0].service if incident.root_cause else ""
    services = ", ".join(incident.services[:_NAMES])
    return {
        "summary": wording.cut(_summary(incident), MAX_SUMMARY),
        "source": wording.cut(suspect or services or incident.domain, MAX_FIELD) or "unknown",
        "severity": SEVERITIES[step.severity],
        "timestamp": wording.timestamp(incident.updated_at),
        "component": wording.cut(suspect or services, MAX_FIELD),
        "group": wording.cut(incident.domain, MAX_FIELD),
        "class": wording.cut(_metric(incident), MAX_FIELD),
        "custom_details": _details(step, incident),
    }


def _metric(incident: Incident) -> str:
    """Return what it is about: the metric of the likeliest cause, else of the strongest series."""
    suspected = (one.metric for one in incident.root_cause if one.metric)
    seen = (one.peak.metric for one in incident.evidence)
    return next(iter((*suspected, *seen)), "")


def _summary(incident: Incident) -> str:
    if not incident.root_cause or not incident.root_cause[0].reasons:
        return f"{incident.title} ({wording.size(incident)})"
    suspect = incident.root_cause[0]
    first = suspect.reasons[0]
    if suspect.metric and suspect.metric in incident.title:
        first = first.removeprefix(f"{suspect.metric}: ")
    why = wording.cut(first, wording.MAX_REASON)
    return f"{wording.cut(incident.title, MAX_SUMMARY // 2)}: {why} ({wording.size(incident)})"


def _details(step: Step, incident: Incident) -> dict[str, Any]:
    return {
        "step": step.id,
        "why now": wording.cut(step.reason, wording.MAX_REASON),
        "severity": wording.severity(step),
        "severity because": wording.severe(incident),
        "time": wording.times(incident),
        "likely cause": [
            f"{wording.cut(one.service, wording.MAX_NAME)}: {wording.suspect(one)}"
            for one in incident.root_cause[:3]
        ],
        "confidence": wording.sure(incident.root_cause[0]) if incident.root_cause else "",
        "services": wording.names(incident.services, _NAMES),
        "may also be affected": wording.names(incident.blast_radius, _NAMES),
        "evidence": [
            f"{wording.cut(one.peak.service, wording.MAX_NAME)}"
            f" {wording.cut(one.peak.metric, wording.MAX_NAME)}: {wording.measured(one)}"
            for one in incident.evidence[:_EVIDENCE_LINES]
        ],
    }
