"""Slack by incoming webhook: posts only, so every message stands for itself."""

from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import urlsplit

import orjson

from aiops.action_log import Step
from aiops.events import Incident
from functions.act import wording
from functions.act.answer import Answer
from functions.act.channel import Delivery, Http, Payload, Repeat, Request, address
from functions.act.slack.blocks import context, header, link, literal, section
from functions.act.slack.findings import NAMES, findings, suspected

MAX_TEXT = 200


class Channel:
    """Writes an incident as blocks that read from top to bottom."""

    needs: ClassVar[tuple[str, ...]] = ("SLACK_WEBHOOK_URL",)
    takes: ClassVar[Mapping[str, str]] = {"INCIDENT_URL": ""}
    repeat: ClassVar[Repeat] = "visible"

    def __init__(self, values: Mapping[str, str]) -> None:
        self._url = address(values, "SLACK_WEBHOOK_URL")
        self._link = values["INCIDENT_URL"] and address(values, "INCIDENT_URL", plain=True)

    def deliver(self, delivery: Delivery, http: Http) -> Answer:
        """Send the message in one request."""
        payload = self.render(delivery.step, delivery.incident)
        return http.call(self.request(payload, delivery.step, delivery.sent_at))

    def render(self, step: Step, incident: Incident) -> Payload:
        """Return the message: what, how bad, why, whom it touches, on what evidence, since when."""
        blocks = [header(_title(step, incident), step.id), section(_summary(step, incident))]
        if step.meaning == "open":
            blocks += findings(incident)
        elif step.kind == "resolved" and incident.root_cause:
            blocks.append(section([f"*Likely cause:* {suspected(incident.root_cause[0])}"]))
        if self._link:
            address_of = f"{self._link}{incident.id}"
            blocks.append(section([link(address_of, "Open the incident")]))
        blocks.append(_footer(step, incident))
        return {"text": fallback(step, incident), "blocks": blocks}

    def request(self, payload: Payload, step: Step, sent_at: int) -> Request:  # noqa: ARG002 - unsigned
        """Return the request for a message."""
        path = urlsplit(self._url).path
        return Request(step.channel, self._url, orjson.dumps(payload), secrets=(path,))


def fallback(step: Step, incident: Incident) -> str:
    """Return the one line of a notification."""
    line = f"{_title(step, incident)} ({wording.severity(step)})"
    return literal(wording.cut(line, MAX_TEXT))


def _title(step: Step, incident: Incident) -> str:
    return f"[{wording.HEADLINES[step.kind]}] {incident.title}"


def _summary(step: Step, incident: Incident) -> list[str]:
    lines = [
        f"*{wording.severity(step).capitalize()}*, {literal(wording.times(incident))}",
        f"{wording.size(incident)}: {literal(wording.names(incident.services, NAMES))}",
    ]
    if step.meaning == "open" and incident.severity_reasons:
        lines.append(f"Severity: {literal(wording.severe(incident))}")
    if step.kind not in {"opened", "resolved"}:
        reason = literal(wording.cut(step.reason, wording.MAX_REASON))
        lines.insert(0, reason[:1].upper() + reason[1:])
    return lines


def _footer(step: Step, incident: Incident) -> dict[str, Any]:
    texts = [f"Incident {literal(wording.cut(incident.id, wording.MAX_NAME))}"]
    if step.possible_repeat:
        texts.insert(0, "Possible repeat: an earlier attempt may have been shown already")
    return context(texts)
