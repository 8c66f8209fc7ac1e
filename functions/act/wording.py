"""What people read about an incident, as plain lines; each channel dresses them in its own way."""

from collections.abc import Sequence
from datetime import UTC, datetime

from aiops.action_log import Kind, Step
from aiops.adapters.cloudevent import iso
from aiops.events import Evidence, Incident, Suspect

HEADLINES: dict[Kind, str] = {
    "opened": "New incident",
    "reopened": "Back again",
    "flapping": "Comes and goes",
    "severity_raised": "Getting worse",
    "cause_changed": "Another root cause",
    "repeated": "Still going on",
    "grown": "More incidents",
    "acknowledged": "Acknowledged",
    "resolved": "Resolved",
    "merged": "Merged",
    "run_proposed": "Runbook waits for approval",
    "run_finished": "Runbook",
    "run_failed": "Runbook failed",
}
SEVERITIES = ("", "info", "minor", "moderate", "major", "critical")
DIGEST = "digest"
"""What found the evidence of a digest: each stands for an incident."""

MAX_NAME = 80
MAX_REASON = 300
_ELLIPSIS = "…"
_LAST_MOMENT = 253_402_300_799_999
"""The end of the year 9999, the last that dates can be written in."""


def cut(text: str, limit: int) -> str:
    """Return a text on one line, printable, and at most `limit` characters long."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text[: 4 * limit]).split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + _ELLIPSIS


def moment(ms: int) -> str:
    """Return a time such as `2026-01-31 12:00:05 UTC`."""
    return _date(ms).strftime("%Y-%m-%d %H:%M:%S UTC")


def time_of_day(ms: int) -> str:
    """Return a time such as `12:00:05`."""
    return _date(ms).strftime("%H:%M:%S")


def timestamp(ms: int) -> str:
    """Return a time as RFC 3339, such as `2026-01-31T12:00:05.000Z`."""
    return iso(min(ms, _LAST_MOMENT))


def span(ms: int) -> str:
    """Return a duration in its two largest units, such as `2 h 5 min`."""
    seconds = max(0, ms) // 1000
    parts = (
        (seconds // 86_400, "d"),
        (seconds // 3_600 % 24, "h"),
        (seconds // 60 % 60, "min"),
        (seconds % 60, "s"),
    )
    first = next((i for i, (count, _) in enumerate(parts) if count), len(parts) - 1)
    return " ".join(f"{count} {unit}" for count, unit in parts[first : first + 2] if count) or "0 s"


def number(value: float) -> str:
    """Return a value in few digits, such as `0.9732` or `1,234,568`."""
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.4g}"


def severity(step: Step) -> str:
    """Return a severity such as `severity 4, major`."""
    return f"severity {step.severity}, {SEVERITIES[step.severity]}"


def names(items: Sequence[str], limit: int) -> str:
    """Return the first names, and how many more there are."""
    shown = ", ".join(cut(item, MAX_NAME) for item in items[:limit])
    return f"{shown} and {len(items) - limit} more" if len(items) > limit else shown


def who(name: str) -> str:
    """Return who did something, as much of the name as is read; `someone` where it has none."""
    return cut(name, MAX_NAME) or "someone"


def suspect(one: Suspect) -> str:
    """Return why a service is suspected, the weightiest reasons first."""
    return cut("; ".join(one.reasons[:3]), MAX_REASON)


def sure(one: Suspect) -> str:
    """Return how sure it is that a suspect is the cause, or that nobody can say."""
    if one.confidence is not None:
        return cut(f"{one.confidence:.0%}: {one.confidence_reason}", MAX_REASON)
    return cut(one.confidence_reason, MAX_REASON) or "no verdicts on causes so far"


def severe(incident: Incident) -> str:
    """Return why an incident is as severe as it is, the weightiest reasons first."""
    return cut("; ".join(incident.severity_reasons[:3]), MAX_REASON)


def measured(one: Evidence) -> str:
    """Return what a series showed at its strongest: value, what is usual, how often, since when.

    An external alert has no value, nor has an Event of Kubernetes: what it says stands for it.
    """
    peak = one.peak
    if peak.told:
        alert = peak.alert is not None and peak.detector != DIGEST
        since = "alert since" if alert else "since"
        return f"{cut(peak.reason, MAX_REASON)} ({since} {time_of_day(one.first)})"
    often = f"{one.count} times since" if one.count > 1 else "at"
    return (
        f"{number(peak.value)}, usually {number(peak.lower)} to {number(peak.upper)}"
        f" ({often} {time_of_day(one.first)})"
    )


def times(incident: Incident) -> str:
    """Return since when it goes on, or from when to when it went on."""
    if incident.resolved_at is None:
        return f"since {moment(incident.opened_at)}"
    took = span(incident.resolved_at - incident.opened_at)
    return f"from {moment(incident.opened_at)} to {moment(incident.resolved_at)}, {took}"


def is_digest(incident: Incident) -> bool:
    """Return whether it stands for several incidents, which it then has as evidence."""
    return bool(incident.evidence) and incident.evidence[0].peak.detector == DIGEST


def size(incident: Incident) -> str:
    """Return how much belongs to it, such as `14 anomalies in 3 services`."""
    services = len(incident.services)
    return (
        f"{incident.anomalies} {'anomaly' if incident.anomalies == 1 else 'anomalies'}"
        f" in {services} {'service' if services == 1 else 'services'}"
    )


def _date(ms: int) -> datetime:
    return datetime.fromtimestamp(min(ms, _LAST_MOMENT) / 1000, UTC)
