"""The message of an incident as it stands: one per incident, written anew with every step."""

from dataclasses import dataclass
from typing import Any

from aiops.action_log import Step
from aiops.events import Evidence, Incident, Similar
from functions.act import wording
from functions.act.links import Link
from functions.act.plots.subject import subject
from functions.act.plots.units import unit_of, written
from functions.act.slack.blocks import (
    Block,
    code,
    context,
    fields,
    fitting,
    header,
    image,
    link,
    literal,
    section,
)
from functions.act.slack.controls import Proposal, controls, is_over
from functions.act.slack.findings import NAMES, evidence, suspected

MAX_TEXT = 300
SIGNS = ("", "🔵", "🟡", "🟠", "🔴", "🔴")
"""By severity."""

_SUSPECTS, _REASONS, _REASON = 3, 4, 200
_EVIDENCE_LINES = 3


@dataclass(frozen=True, slots=True)
class View:
    """What is shown besides what the snapshot says.

    Attributes:
        links: To what else there is.
        file: Slack's id of the plot, empty for none.
        proposal: A run that waits for consent.
        repeated: Whether the message may have been posted before without our finding it.
    """

    links: tuple[Link, ...] = ()
    file: str = ""
    proposal: Proposal | None = None
    repeated: bool = False


def message(step: Step, incident: Incident, view: View) -> dict[str, Any]:
    """Return text and blocks: what, since when, whom it touches, why, and what can be done."""
    over = is_over(step, incident)
    shown = subject(incident)
    blocks = [
        header(headline(step, incident), f"head-{step.id}"),
        fields(_facts(step, incident)),
        *_why(incident, over=over),
    ]
    if view.file:
        blocks.append(image(view.file, _alt(incident)))
    if not over and incident.evidence:
        blocks.append(section(evidence(incident, _EVIDENCE_LINES, _measured)))
    if view.proposal is not None and not over:
        about = literal(wording.cut(view.proposal.about, wording.MAX_REASON))
        blocks.append(section([f"*Runbook:* {about}"]))
    blocks += controls(step, incident, shown, view.proposal)
    blocks.append(context(_small_print(step, incident, view)))
    return {"text": fallback(step, incident), "blocks": blocks}


def fallback(step: Step, incident: Incident) -> str:
    """Return the one line of a notification."""
    line = wording.cut(headline(step, incident), MAX_TEXT)
    return fitting(literal(line), MAX_TEXT)


def headline(step: Step, incident: Incident) -> str:
    """Return the title: how it stands, how severe it is, what it is called."""
    title = f"SEV{step.severity} {incident.title}"
    if incident.status == "merged" or step.kind == "merged":
        return f"🔗 Merged · {title}"
    if is_over(step, incident):
        return f"✅ Resolved · {title}"
    taken_on = incident.status == "acknowledged" or step.kind == "acknowledged"
    state = "Acknowledged · " if taken_on else ""
    return f"{SIGNS[step.severity]} {state}{title}"


def _facts(step: Step, incident: Incident) -> list[tuple[str, str]]:
    suspect = incident.root_cause[0] if incident.root_cause else None
    service = suspect.service if suspect else next(iter(incident.services), "")
    when = ("When", "Since")[incident.resolved_at is None]
    affected = [one for one in incident.services if one != service]
    others = f" · {literal(wording.names(affected, NAMES))}" if affected else ""
    facts = [
        ("Likely cause" if suspect else "Service", code(service)),
        ("Severity", f"{wording.severity(step).removeprefix('severity ')}"),
        (when, _times(incident)),
        ("Anomalous", f"{wording.size(incident)}{others}"),
    ]
    if suspect is not None:
        facts.append(("Confidence", literal(wording.sure(suspect))))
    if incident.acknowledged_by:
        facts.append(("Acknowledged by", literal(wording.who(incident.acknowledged_by))))
    if incident.resolved_by:
        facts.append(("Resolved by", literal(wording.who(incident.resolved_by))))
    if incident.blast_radius:
        reach = wording.names(incident.blast_radius, NAMES)
        facts.append(("May also be affected", literal(reach)))
    return facts


def _times(incident: Incident) -> str:
    if incident.resolved_at is None:
        return wording.moment(incident.opened_at)
    took = wording.span(incident.resolved_at - incident.opened_at)
    until = wording.time_of_day(incident.resolved_at)
    return f"{wording.moment(incident.opened_at).removesuffix(' UTC')} to {until} UTC\n{took}"


def _why(incident: Incident, *, over: bool) -> list[Block]:
    """Return why the first suspect is suspected and, while it goes on, who else is."""
    if not incident.root_cause:
        return []
    first, *others = incident.root_cause[:_SUSPECTS]
    reasons = [literal(wording.cut(one, _REASON)) for one in first.reasons[:_REASONS]]
    lines = ["*Why*", *(f"• {one}" for one in reasons)] if reasons else []
    if others and not over:
        lines.append("*Or*")
        lines += [f"{place}. {suspected(one)}" for place, one in enumerate(others, 2)]
    return [section(lines)] if lines else []


def _alt(incident: Incident) -> str:
    shown = subject(incident)
    if shown is None:
        return incident.title
    return f"{shown.peak.service} {shown.peak.metric}: {_measured(shown)}"


def _measured(one: Evidence) -> str:
    """Return what a series showed at its strongest, in its unit."""
    peak = one.peak
    if peak.told:
        return wording.measured(one)
    value, lower, upper = (
        written(number, unit_of(peak.metric)) for number in (peak.value, peak.lower, peak.upper)
    )
    often = f"{one.count} times since" if one.count > 1 else "at"
    return f"{value}, usually {lower} to {upper} ({often} {wording.time_of_day(one.first)})"


def _small_print(step: Step, incident: Incident, view: View) -> list[str]:
    texts = []
    if view.repeated:
        texts.append("Possible repeat: an earlier attempt may have been shown already")
    if step.meaning == "open" and incident.severity_reasons:
        texts.append(f"Severity: {literal(wording.severe(incident))}")
    if incident.similar:
        texts.append(_before(incident.similar[0], len(incident.similar)))
    texts += [link(one.href, one.text) for one in view.links]
    texts.append(f"Incident {literal(wording.cut(incident.id, wording.MAX_NAME))}")
    detectors = sorted({one.peak.detector for one in incident.evidence})
    if detectors:
        texts.append(f"Found by {literal(wording.names(detectors, 3))}")
    return texts


def _before(one: Similar, count: int) -> str:
    took = wording.span(one.resolved_at - one.opened_at)
    cause = f", cause {code(one.cause)}" if one.cause else ""
    more = f", and {count - 1} more" if count > 1 else ""
    title = literal(wording.cut(one.title, wording.MAX_NAME))
    return f"Seen before: {title} on {wording.moment(one.opened_at)}, {took}{cause}{more}"
