"""CDEvents: tells delivery tools that an incident was detected, and that it is over.

Source: https://github.com/cdevents/spec/blob/v0.5.1/continuous-operations.md and
https://github.com/cdevents/spec/blob/v0.5.1/cloudevents-binding.md
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal
from urllib.parse import quote, urlsplit

import orjson

from aiops.action_log import ENDINGS, Kind, Step
from aiops.events import Incident
from aiops.ids import derive
from functions.act import wording
from functions.act.answer import Answer
from functions.act.channel import Delivery, Http, Payload, Repeat, Request, address
from functions.act.links import SETTINGS, Links

SPEC_VERSION = "0.5.1"
SOURCE = "/aiops/act"
TOLD: frozenset[Kind] = ENDINGS | {"opened", "reopened"}
"""What CDEvents have a word for; of anything else nothing is sent."""

NOT_YET = frozenset((404,))
"""Senders of Knative try it again as well: the sink may be being created."""

_MAX_TEXT = 500
_UNSAID = "unknown"
"""Stands for a name that the specification requires and nobody gave."""

_PRINTABLE = "".join(map(chr, range(0x21, 0x7F))).replace('"', "").replace("%", "")


class Channel:
    """Sends `incident.detected` and `incident.resolved` as CloudEvents in binary mode.

    An incident that another took over counts as resolved, for nothing is to be expected of it any
    more; `customData` names the other.
    """

    needs: ClassVar[tuple[str, ...]] = ("CDEVENTS_URL",)
    takes: ClassVar[Mapping[str, str]] = {"CDEVENTS_ENVIRONMENT": "", **SETTINGS}
    repeat: ClassVar[Repeat] = "same_id"

    def __init__(self, values: Mapping[str, str]) -> None:
        self._url = address(values, "CDEVENTS_URL", plain=True)
        self._environment = values["CDEVENTS_ENVIRONMENT"]
        self._links = Links.parse(values)

    def deliver(self, delivery: Delivery, http: Http) -> Answer:
        """Send the event in one request, where there is one for what happened."""
        if delivery.step.kind not in TOLD:
            return Answer("done", f"CDEvents have no word for {delivery.step.kind}: nothing sent")
        payload = self.render(delivery.step, delivery.incident)
        return http.call(self.request(payload, delivery.step))

    def render(self, step: Step, incident: Incident) -> Payload:
        """Return the event: its context, its subject, and what only we know as `customData`."""
        predicate: Literal["detected", "resolved"] = (
            "resolved" if step.kind in ENDINGS else "detected"
        )
        return {
            "context": {
                "specversion": SPEC_VERSION,
                "id": derive("cdevent", step.id),
                "source": SOURCE,
                "type": f"dev.cdevents.incident.{predicate}.0.3.0",
                "timestamp": wording.timestamp(_occurred(step, incident)),
            },
            "subject": {
                "id": wording.cut(step.incident, _MAX_TEXT) or _UNSAID,
                "source": SOURCE,
                "type": "incident",
                "content": self._content(step, incident),
            },
            "customData": self._custom(step, incident),
            "customDataContentType": "application/json",
        }

    def request(self, payload: Payload, step: Step) -> Request:
        """Return the request; the attributes of the CloudEvent repeat the context."""
        context = payload["context"]
        headers = {
            "ce-specversion": "1.0",
            "ce-id": context["id"],
            "ce-source": context["source"],
            "ce-type": context["type"],
            "ce-time": context["timestamp"],
            "ce-subject": quote(payload["subject"]["id"], safe=_PRINTABLE),
        }
        path = urlsplit(self._url).path
        secrets = (path,) if path.strip("/") else ()
        return Request(step.channel, self._url, orjson.dumps(payload), headers, NOT_YET, secrets)

    def _content(self, step: Step, incident: Incident) -> Payload:
        environment = _name(self._environment) or _name(incident.domain) or _UNSAID
        service = _name(next(iter((*_suspects(incident), *incident.services)), ""))
        title = wording.cut(incident.title, _MAX_TEXT)
        return {
            "description": f"{wording.HEADLINES[step.kind]}: {title}",
            "environment": {"id": environment},
            **({"service": {"id": service}} if service else {}),
        }

    def _custom(self, step: Step, incident: Incident) -> dict[str, Any]:
        suspect = next(iter(incident.root_cause), None)
        cause = suspect and {"service": _name(suspect.service), "metric": _name(suspect.metric)}
        return {
            "step": step.id,
            "kind": step.kind,
            "generation": step.generation,
            "reason": wording.cut(step.reason, _MAX_TEXT),
            "severity": incident.severity,
            "rootCause": cause,
            "mergedInto": incident.merged_into and wording.cut(incident.merged_into, _MAX_TEXT),
            "links": [
                {"text": link.text, "href": link.href} for link in self._links.about(incident)
            ],
        }


def _occurred(step: Step, incident: Incident) -> int:
    """Return when it happened: began, came back or ended."""
    if step.kind == "opened":
        return incident.opened_at
    ended = incident.resolved_at if step.kind == "resolved" else None
    return incident.updated_at if ended is None else ended


def _name(text: str) -> str:
    return wording.cut(text, wording.MAX_NAME)


def _suspects(incident: Incident) -> tuple[str, ...]:
    return tuple(one.service for one in incident.root_cause)
