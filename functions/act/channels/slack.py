"""Slack by incoming webhook: posts only, so every message stands for itself.

Limits: 50 blocks a message, 150 characters a header, 3 000 a section.
Source: https://docs.slack.dev/reference/block-kit/blocks
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar
from urllib.parse import urlsplit

import orjson

from aiops.action_log import Step
from aiops.events import Evidence, Incident, Suspect
from functions.act import wording
from functions.act.answer import Answer
from functions.act.channel import Delivery, Http, Payload, Repeat, Request, address

MAX_HEADER = 150
MAX_SECTION = 3_000
MAX_TEXT = 1_000
_EVIDENCE_LINES = 5
_BLAST_NAMES = 8
_LOOKALIKES = str.maketrans({"*": "∗", "`": "ˋ", "~": "∼"})  # noqa: RUF001 - lookalikes, on purpose


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
        blocks = [_header(step, incident), _section(_summary(step, incident))]
        if step.meaning == "open":
            blocks += [_section(lines) for lines in _findings(incident)]
        elif step.kind == "resolved" and incident.root_cause:
            blocks.append(_section([f"*Likely cause:* {_suspect(incident.root_cause[0])}"]))
        if self._link:
            address_of = literal(f"{self._link}{incident.id}")
            blocks.append(_section([f"<{address_of}|Open the incident>"]))
        blocks.append(_footer(step, incident))
        return {"text": fallback(step, incident), "blocks": blocks}

    def request(self, payload: Payload, step: Step, sent_at: int) -> Request:  # noqa: ARG002 - unsigned
        """Return the request for a message."""
        path = urlsplit(self._url).path
        return Request(step.channel, self._url, orjson.dumps(payload), secrets=(path,))


def fallback(step: Step, incident: Incident) -> str:
    """Return the one line of a notification."""
    line = f"{_title(step, incident)} ({wording.severity(step)})"
    return literal(wording.cut(line, MAX_TEXT // 5))


def literal(text: str) -> str:
    """Return text that Slack shows as it is: no mention, no link, no bold.

    `&`, `<` and `>` are escaped as Slack asks; for what starts bold, italics, code or strike there
    is no escape, so it is replaced by characters that look alike.
    Source: https://docs.slack.dev/messaging/formatting-message-text#escaping
    """
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    plain = escaped.translate(_LOOKALIKES)
    return "".join(
        "ˍ" if c == "_" and not _inside_a_word(plain, i) else c for i, c in enumerate(plain)
    )


def code(text: str) -> str:
    """Return a name as inline code, in which nothing else is read as markup."""
    return f"`{literal(wording.cut(text, wording.MAX_NAME) or '-')}`"


def _inside_a_word(text: str, place: int) -> bool:
    return 0 < place < len(text) - 1 and text[place - 1].isalnum() and text[place + 1].isalnum()


def _title(step: Step, incident: Incident) -> str:
    return f"[{wording.HEADLINES[step.kind]}] {incident.title}"


def _header(step: Step, incident: Incident) -> dict[str, Any]:
    text = wording.cut(_title(step, incident), MAX_HEADER)
    return {
        "type": "header",
        "block_id": step.id,
        "text": {"type": "plain_text", "text": text, "emoji": False},
    }


def _summary(step: Step, incident: Incident) -> list[str]:
    lines = [
        f"*{wording.severity(step).capitalize()}*, {literal(wording.times(incident))}",
        f"{wording.size(incident)}: {literal(wording.names(incident.services, _BLAST_NAMES))}",
    ]
    if step.meaning == "open" and incident.severity_reasons:
        lines.append(f"Severity: {literal(wording.severe(incident))}")
    if step.kind not in {"opened", "resolved"}:
        reason = literal(wording.cut(step.reason, wording.MAX_REASON))
        lines.insert(0, reason[:1].upper() + reason[1:])
    return lines


def _findings(incident: Incident) -> list[list[str]]:
    parts = []
    if incident.root_cause:
        suspects = enumerate(incident.root_cause[:3], 1)
        lines = [f"{place}. {_suspect(one)}" for place, one in suspects]
        sure = literal(wording.sure(incident.root_cause[0]))
        parts.append(["*Likely cause*", *lines, f"Confidence: {sure}"])
    if incident.blast_radius:
        reach = literal(wording.names(incident.blast_radius, _BLAST_NAMES))
        parts.append([f"*May also be affected:* {reach}"])
    if incident.evidence:
        lines = [_evidence(one) for one in incident.evidence[:_EVIDENCE_LINES]]
        rest = len(incident.evidence) - _EVIDENCE_LINES
        more = [f"and {rest} more series"] if rest > 0 else []
        parts.append(["*Evidence, strongest first*", *lines, *more])
    return parts


def _suspect(one: Suspect) -> str:
    reasons = literal(wording.suspect(one))
    return code(one.service) + (f": {reasons}" if reasons else "")


def _evidence(one: Evidence) -> str:
    return f"• {code(one.peak.service)} {code(one.peak.metric)} {literal(wording.measured(one))}"


def _footer(step: Step, incident: Incident) -> dict[str, Any]:
    texts = [f"Incident {literal(wording.cut(incident.id, wording.MAX_NAME))}"]
    if step.possible_repeat:
        texts.insert(0, "Possible repeat: an earlier attempt may have been shown already")
    return {"type": "context", "elements": [_mrkdwn([text]) for text in texts]}


def _section(lines: Iterable[str]) -> dict[str, Any]:
    return {"type": "section", "text": _mrkdwn(list(lines))}


def _mrkdwn(lines: Sequence[str]) -> dict[str, Any]:
    """Return whole lines up to the limit; `verbatim` keeps addresses from becoming links."""
    kept: list[str] = []
    room = MAX_SECTION
    for line in lines:
        room -= len(line) + 1
        if room < 0:
            break
        kept.append(line)
    return {"type": "mrkdwn", "text": "\n".join(kept), "verbatim": True}
