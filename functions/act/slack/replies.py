"""What is worth a line in the thread of an incident; everything else only changes its message."""

from typing import Any

from aiops.action_log import Kind, Step
from aiops.events import Incident
from functions.act import wording
from functions.act.slack.blocks import code, context, fitting, literal, section

QUIET: frozenset[Kind] = frozenset(("opened", "acknowledged"))
"""The first is told by the message itself; of the second whoever did it knows already."""

LOUD: frozenset[Kind] = frozenset(("reopened", "repeated", "run_failed"))
"""Shown in the channel besides: a message further up that changes is easily missed."""

MAX_TEXT = 300
_SIGNS: dict[Kind, str] = {
    "reopened": "🔁",
    "flapping": "🔁",
    "repeated": "🔔",
    "grown": "📚",
    "severity_raised": "⬆️",
    "cause_changed": "🔎",
    "resolved": "✅",
    "merged": "🔗",
    "run_proposed": "📋",
    "run_finished": "🛠️",
    "run_failed": "⚠️",
}


def reply(step: Step, incident: Incident, *, repeated: bool) -> dict[str, Any]:
    """Return text and blocks of a reply.

    Args:
        step: What is told.
        incident: The snapshot it speaks of.
        repeated: Whether it may have been posted before without our finding it.
    """
    lines = [
        f"{_SIGNS.get(step.kind, '')} *{_what(step, incident)}*".strip(),
        *_more(step, incident),
    ]
    blocks = [section(lines)]
    if repeated:
        blocks.append(context(["Possible repeat: an earlier attempt may have been shown already"]))
    text = f"{wording.HEADLINES[step.kind]}: {wording.cut(incident.title, wording.MAX_REASON)}"
    return {"text": fitting(literal(text), MAX_TEXT), "blocks": blocks}


def _what(step: Step, incident: Incident) -> str:
    if step.kind == "resolved" and incident.resolved_at is not None:
        took = wording.span(incident.resolved_at - incident.opened_at)
        by = f" by {literal(wording.who(incident.resolved_by))}" if incident.resolved_by else ""
        return f"Resolved{by} after {took}"
    reason = literal(wording.cut(step.reason, wording.MAX_REASON))
    return reason[:1].upper() + reason[1:] if reason else wording.HEADLINES[step.kind]


def _more(step: Step, incident: Incident) -> list[str]:
    """Return what explains it."""
    if step.kind == "severity_raised" and incident.severity_reasons:
        return [literal(wording.severe(incident))]
    if not incident.root_cause:
        return []
    first = incident.root_cause[0]
    why = literal(wording.cut(next(iter(first.reasons), ""), wording.MAX_REASON))
    if step.kind == "cause_changed" and why:
        return [why]
    if step.kind in {"resolved", "reopened", "flapping"}:
        return [f"Likely cause: {code(first.service)}" + (f", {why}" if why else "")]
    return []
