"""Buttons under a message: only what would do something now, five at most."""

from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from aiops import buttons
from aiops.action_log import Step
from aiops.buttons import Button, Consent, Hush, Opinion, Order
from aiops.digest import desk_id
from aiops.events import Evidence, Incident
from functions.act import wording
from functions.act.slack.blocks import Block

MOST_BUTTONS = 5
SILENCE_MINUTES = 60
MAX_CONFIRMATION = 300
"""Characters of a dialog's text.

Source: https://docs.slack.dev/reference/block-kit/composition-objects/confirmation-dialog-object
"""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A run of a runbook that waits for somebody's consent.

    Attributes:
        run: Its id.
        about: What it would do and why, in words.
    """

    run: str
    about: str


def is_over(step: Step, incident: Incident) -> bool:
    """Return whether there is nothing more to be done about an incident."""
    return step.meaning == "ended" or incident.status in {"resolved", "merged"}


def controls(
    step: Step, incident: Incident, shown: Evidence | None, proposal: Proposal | None
) -> list[Block]:
    """Return a row of buttons, none once it is over, and none under a digest of incidents.

    With a run to consent to, and the incident not taken on yet, *Real* gives way: who takes it on
    says as much.

    Args:
        step: What is told.
        incident: The snapshot it speaks of.
        shown: The series whose strongest anomaly people may judge, None for none.
        proposal: A run that waits for consent, None for none.
    """
    if is_over(step, incident) or incident.id == desk_id(step.channel):
        return []
    wished = [
        _consent(incident, proposal) if proposal else None,
        None if _taken_on(step, incident) else _order(incident, "acknowledge", "Acknowledge"),
        _order(incident, "resolve", "Resolve"),
        _silence(incident),
        *_opinions(shown),
    ]
    row = [button for button in wished if button is not None][:MOST_BUTTONS]
    return [{"type": "actions", "block_id": f"controls-{step.id}", "elements": row}] if row else []


def _taken_on(step: Step, incident: Incident) -> bool:
    return incident.status == "acknowledged" or step.kind == "acknowledged"


def _order(incident: Incident, command: str, text: str) -> Block | None:
    style = {"style": "primary"} if command == "acknowledge" else {}
    return _button(text, Order, {"incident": incident.id, "command": command}, **style)


def _silence(incident: Incident) -> Block | None:
    return _button("Silence 1 h", Hush, {"incident": incident.id, "minutes": SILENCE_MINUTES})


def _opinions(shown: Evidence | None) -> list[Block | None]:
    if shown is None:
        return []
    peak = shown.peak
    said = {
        "anomaly": peak.id,
        "series": peak.series,
        "time": peak.time,
        "detector": peak.detector,
        "evidence": peak.evidence,
    }
    return [
        _button("False alarm", Opinion, {**said, "verdict": "not_anomaly"}),
        _button("Real", Opinion, {**said, "verdict": "anomaly"}),
    ]


def _consent(incident: Incident, proposal: Proposal) -> Block | None:
    values = {"incident": incident.id, "run": proposal.run, "decision": "approve"}
    about = wording.cut(proposal.about, MAX_CONFIRMATION) or "It changes the running system."
    dialog = {
        "title": _plain("Run this runbook?"),
        "text": _plain(about),
        "confirm": _plain("Run it"),
        "deny": _plain("Not now"),
        "style": "danger",
    }
    return _button("Run runbook", Consent, values, style="danger", confirm=dialog)


def _button(text: str, kind: type[Button], values: dict[str, Any], **more: Any) -> Block | None:
    """Return a button, None where what it would carry is not what can be told of a press."""
    try:
        carried = kind(**values)
    except ValidationError:
        return None
    value = buttons.value(carried)
    if len(value) > buttons.MAX_VALUE:
        return None
    name = buttons.action_id(carried)
    return {"type": "button", "action_id": name, "text": _plain(text), "value": value, **more}


def _plain(text: str) -> Block:
    return {"type": "plain_text", "text": text, "emoji": False}
