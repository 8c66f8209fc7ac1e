"""Which runbooks answer an incident, and why the others do not. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from aiops.events import Evidence, Incident, Suspect
from functions.act.runbooks.model import Match

MOST_TEXT = 2_048
"""Longer names match no pattern."""


@dataclass(frozen=True, slots=True)
class Cause:
    """The likeliest cause of an incident, as far as runbooks look at it.

    Attributes:
        labels: Of the series that speaks most against it.
        last_anomaly: When that series last was anomalous, unix milliseconds; 0 where that is not
            known.
    """

    service: str
    metric: str
    labels: Mapping[str, str]
    confidence: float | None
    last_anomaly: int


def cause_of(incident: Incident) -> Cause | None:
    """Return the likeliest cause; None where there is no suspect."""
    if not incident.root_cause:
        return None
    suspect = incident.root_cause[0]
    evidence = evidence_of(incident, suspect.service, suspect.metric)
    return Cause(
        service=suspect.service,
        metric=suspect.metric,
        labels=evidence[0].peak.labels if evidence else {},
        confidence=suspect.confidence,
        last_anomaly=max((one.last for one in evidence), default=0),
    )


def evidence_of(incident: Incident, service: str, metric: str) -> list[Evidence]:
    """Return what speaks against a service by a metric, the strongest first; else by any metric."""
    own = [one for one in incident.evidence if one.peak.service == service]
    return [one for one in own if one.peak.metric == metric] or own


def mismatch(match: Match, incident: Incident) -> str:
    """Return why a runbook does not answer an incident; empty where it does."""
    cause = cause_of(incident)
    if cause is None:
        return "there is no suspect"
    for what, patterns, text in (
        ("domain", match.domain, incident.domain),
        ("service", match.service, cause.service),
        ("root_cause.metric", match.metric, cause.metric),
    ):
        if not _any(patterns, text):
            return f"{what} is {_short(text)}, not {_or(patterns)}"
    return _wrong_label(match, cause.labels) or _too_little(match, incident, incident.root_cause[0])


def _wrong_label(match: Match, labels: Mapping[str, str]) -> str:
    for name, patterns in match.labels.items():
        text = labels.get(name)
        if text is None:
            return f"there is no label {name}"
        if not _any(patterns, text):
            return f"label {name} is {_short(text)}, not {_or(patterns)}"
    return ""


def _too_little(match: Match, incident: Incident, suspect: Suspect) -> str:
    if incident.severity < match.min_severity:
        return f"severity {incident.severity} is below {match.min_severity}"
    if match.min_confidence == 0 or (suspect.confidence or -1.0) >= match.min_confidence:
        return ""
    if suspect.confidence is None:
        return "nobody can say how sure the cause is"
    return f"confidence {suspect.confidence:.0%} is below {match.min_confidence:.0%}"


def _any(patterns: Iterable[str], text: str) -> bool:
    return len(text) <= MOST_TEXT and any(fnmatchcase(text, pattern) for pattern in patterns)


def _or(patterns: Iterable[str]) -> str:
    return " or ".join(patterns)


def _short(text: str) -> str:
    plain = "".join(c if c.isprintable() else " " for c in text[:80])
    return repr(plain)
