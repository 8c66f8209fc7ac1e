"""An incident explained: everything that is known of it, put in order and in words. Pure."""

from collections.abc import Iterator

from aiops import plugins
from aiops.action_log import ActionRecord, Step
from aiops.events import Evidence
from aiops.topology import Topology
from functions.correlate.ranking import Case, Ranker
from local.explain.chart import chart
from local.explain.joining import joins
from local.explain.model import (
    Explanation,
    Headline,
    Likeness,
    Material,
    Reached,
    Shown,
    Taken,
)
from local.explain.suspicion import accused
from local.explain.timeline import timeline
from local.explain.what_if import what_if
from local.explain.words import SEVERITIES, line, name, of_all, place, span

MOST_SERIES = 50
MOST_REACHED = 60
MOST_STEPS = 40
MOST_LABELS = 8


def explain(material: Material) -> Explanation:
    """Return the explanation of an incident.

    Raises:
        Misconfigured: there is no such ranker.
    """
    named = material.config.ranker
    ranker: Ranker = plugins.load("functions.correlate.rankers", named, "Ranker")()
    # Rankers are promised evidence sorted by series; a snapshot has the strongest first.
    evidence = tuple(sorted(material.evidence, key=lambda one: one.peak.series))
    case = Case(evidence, material.topology, material.changes)
    joined = joins(material)
    reached = _reach(material)
    series = _series(material)
    return Explanation(
        headline=_headline(material),
        summary=_summary(material),
        timeline=timeline(material),
        joins=joined,
        joins_left_out=len(material.evidence) - len(joined),
        suspects=accused(material),
        then=_then(material),
        what_if=what_if(case, ranker, material.incident.root_cause),
        reach=reached[:MOST_REACHED],
        reach_left_out=max(0, len(reached) - MOST_REACHED),
        steps=_steps(material),
        similar=_similar(material),
        series=series,
        series_left_out=max(0, len(material.evidence) - len(series)),
        chart=chart(material),
    )


def _headline(material: Material) -> Headline:
    incident = material.incident
    marks = ["flapping"] if incident.flapping else []
    marks += ["silenced"] if incident.silences else []
    return Headline(
        id=name(incident.id),
        title=line(incident.title),
        domain=name(incident.domain),
        version=incident.version,
        generation=incident.generation,
        status=incident.status,
        severity=incident.severity,
        severity_word=SEVERITIES[incident.severity],
        severity_reasons=tuple(map(line, incident.severity_reasons)),
        opened_at=incident.opened_at,
        last_at=max((one.last for one in material.evidence), default=incident.updated_at),
        notified_at=incident.notified_at,
        resolved_at=incident.resolved_at,
        anomalies=incident.anomalies,
        series=len(material.evidence),
        services=len(incident.services),
        marks=tuple(marks),
        acknowledged_by=line(incident.acknowledged_by),
        resolved_by=line(incident.resolved_by),
    )


def _summary(material: Material) -> str:
    incident = material.incident
    what = (
        f"{of_all(incident.anomalies, 'anomaly', 'anomalies')} in "
        f"{of_all(len(material.evidence), 'series', 'series')} of "
        f"{of_all(len(incident.services), 'service')}"
    )
    if not incident.root_cause:
        return f"{what}; nobody is suspected yet."
    radius = len(incident.blast_radius)
    feel = f"; {of_all(radius, 'service')} may feel it" if radius else ""
    return f"{what}, most likely from {name(incident.root_cause[0].service)}{feel}."


def _then(material: Material) -> str:
    """Return what was known when people were told, where that differs from now."""
    incident = material.incident
    if incident.notified_at is None:
        return "people were not told of it"
    told = [name(one.service) for one in incident.root_cause_at_notification]
    now = [name(one.service) for one in incident.root_cause]
    after = span(incident.notified_at - incident.opened_at)
    if told == now:
        return f"people were told {after} after the first anomaly, with the same suspects"
    order = ", then ".join(told) or "nobody"
    return line(f"people were told {after} after the first anomaly; suspected then: {order}")


def _reach(material: Material) -> tuple[Reached, ...]:
    incident = material.incident
    known = _known(material.topology, incident.root_cause[0].service if incident.root_cause else "")
    anomalous = set(incident.services)
    return tuple(
        Reached(name(service), *known.get(service, (None, None)), service in anomalous)
        for service in incident.blast_radius
    )


def _known(topology: Topology, service: str) -> dict[str, tuple[int | None, float | None]]:
    return {one.service: (one.hops, one.share) for one in topology.affected(service)}


def _steps(material: Material) -> tuple[Taken, ...]:
    response = material.response
    if response is None:
        return ()
    taken = [_taken(step, response) for step in response.steps[-MOST_STEPS:]]
    held = [
        Taken(
            None,
            name(one.channel),
            one.kind.replace("_", " "),
            "not sent" if one.until is None else "put off",
            line(one.reason),
            until=one.until,
        )
        for one in response.withheld[:MOST_STEPS]
    ]
    return (*taken, *held, *_next(response), *_runs(response))


def _taken(step: Step, response: ActionRecord) -> Taken:
    waits = step.state == "planned"
    return Taken(
        step.finished_at or step.planned_at,
        name(step.channel),
        step.kind.replace("_", " "),
        "in the digest" if step.digest and step.state == "done" else step.state,
        line(step.reason),
        line(step.result) + (" (may have been sent twice)" if step.possible_repeat else ""),
        max(step.next_at, response.silent_until) if waits else None,
        name(step.route) if step.route else "",
    )


def _next(response: ActionRecord) -> Iterator[Taken]:
    """Yield when the policy is looked at again though nothing new comes."""
    if response.again_at is None:
        return
    reason = "what was put off is told if it is still so, what nobody took on is told again"
    until = max(response.again_at, response.silent_until)
    yield Taken(None, "policy", "looked at again", "due", reason, until=until)


def _runs(response: ActionRecord) -> Iterator[Taken]:
    """Yield what became of runbooks: every state a run came into, and why the others had none."""
    for run in response.runs:
        what = "; ".join(step.summary for step in run.steps)
        for change in run.changes:
            reason = f"{change.reason} ({change.by})" if change.by else change.reason
            words = (change.state, line(reason), line(what))
            yield Taken(change.at, "runbook", name(run.runbook), *words)
    for one in response.considered:
        if not one.chosen:
            yield Taken(None, "runbook", name(one.runbook), "not run", line(one.reason))


def _similar(material: Material) -> tuple[Likeness, ...]:
    return tuple(
        Likeness(
            incident=name(past.incident),
            title=line(past.title),
            cause=None if past.cause is None else name(past.cause),
            opened_at=past.opened_at,
            minutes=(past.resolved_at - past.opened_at) // 60_000,
            similarity=past.similarity,
            ended=f"ended by {name(past.ended_by)}" if past.ended_by else "ended by itself",
        )
        for past in material.incident.similar
    )


def _series(material: Material) -> tuple[Shown, ...]:
    """Return the series, those of the suspects first, each time the strongest first."""
    ranks = {one.service: rank for rank, one in enumerate(material.incident.root_cause, 1)}

    def order(piece: Evidence) -> tuple[int, float, str]:
        return ranks.get(piece.peak.service, 9), -piece.peak.score, piece.peak.series

    pieces = sorted(material.evidence, key=order)[:MOST_SERIES]
    return tuple(_shown(piece, ranks.get(piece.peak.service, 0), material) for piece in pieces)


def _shown(piece: Evidence, rank: int, material: Material) -> Shown:
    peak = piece.peak
    return Shown(
        key=name(peak.series),
        service=name(peak.service),
        where=place(peak),
        metric=name(peak.metric),
        labels=tuple((name(k), name(v)) for k, v in sorted(peak.labels.items())[:MOST_LABELS]),
        role=peak.role,
        first=piece.first,
        last=piece.last,
        anomalies=piece.count,
        peak_at=peak.time,
        value=peak.value,
        expected=peak.expected,
        lower=peak.lower,
        upper=peak.upper,
        detector=name(peak.detector),
        reason=line(peak.reason),
        rank=rank,
        curve=material.curves.get(peak.series),
    )
