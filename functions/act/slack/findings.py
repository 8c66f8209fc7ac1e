"""What was found out about an incident, line by line, as both forms of Slack message tell it."""

from collections.abc import Callable

from aiops.events import Evidence, Incident, Suspect
from functions.act import wording
from functions.act.slack.blocks import Block, code, literal, section

EVIDENCE_LINES = 5
INCIDENT_LINES = 12
NAMES = 8
_SUSPECTS = 3


def findings(incident: Incident) -> list[Block]:
    """Return a section each of the likely causes, of who may be affected, and of the evidence."""
    parts = [causes(incident), reach(incident), evidence(incident)]
    return [section(lines) for lines in parts if lines]


def causes(incident: Incident) -> list[str]:
    """Return who may be the cause, each with why, and how sure that is."""
    if not incident.root_cause:
        return []
    suspects = enumerate(incident.root_cause[:_SUSPECTS], 1)
    sure = literal(wording.sure(incident.root_cause[0]))
    return [
        "*Likely cause*",
        *(f"{place}. {suspected(one)}" for place, one in suspects),
        f"Confidence: {sure}",
    ]


def reach(incident: Incident) -> list[str]:
    """Return who may feel it besides."""
    if not incident.blast_radius:
        return []
    return [f"*May also be affected:* {literal(wording.names(incident.blast_radius, NAMES))}"]


def evidence(
    incident: Incident,
    limit: int = EVIDENCE_LINES,
    measured: Callable[[Evidence], str] = wording.measured,
) -> list[str]:
    """Return what the strongest series showed; of a digest, which incidents it holds."""
    if not incident.evidence:
        return []
    title, of = "*Evidence, strongest first*", "series"
    if wording.is_digest(incident):
        title, of, limit, measured = "*Incidents*", "incidents", INCIDENT_LINES, wording.measured
    lines = [
        f"• {code(one.peak.service)} {code(one.peak.metric)} {literal(measured(one))}"
        for one in incident.evidence[:limit]
    ]
    rest = len(incident.evidence) - limit
    more = [f"and {rest} more {of}"] if rest > 0 else []
    return [title, *lines, *more]


def suspected(one: Suspect) -> str:
    """Return a suspect and why."""
    reasons = literal(wording.suspect(one))
    return code(one.service) + (f": {reasons}" if reasons else "")
