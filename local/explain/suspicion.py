"""What speaks for and against each suspect. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from aiops.events import Evidence, Suspect
from aiops.topology import Topology
from local.explain.model import Accused, Material
from local.explain.words import line, name, span

AGAINST = ("its symptoms may come from ", "shows anomalies too")
"""How those of a ranker's reasons begin or end that do not speak against the service."""

NAMED = 3


@dataclass(frozen=True, slots=True)
class _Scene:
    """What is common to all suspects.

    Attributes:
        first: When each service first showed an anomaly of its own; a call is its server's.
        ill: Those, and whose calls got worse as they see it themselves.
    """

    first: dict[str, int]
    ill: frozenset[str]
    topology: Topology


def accused(material: Material) -> tuple[Accused, ...]:
    """Return the suspects of the incident, the likeliest first."""
    suspects = material.incident.root_cause
    highest = max((suspect.score for suspect in suspects), default=0.0)
    scene = _scene(material.evidence, material.topology)
    return tuple(_one(suspect, highest, scene) for suspect in suspects)


def _scene(evidence: Sequence[Evidence], topology: Topology) -> _Scene:
    first: dict[str, int] = {}
    clients = set()
    for piece in evidence:
        service = piece.peak.service
        first[service] = min(first.get(service, piece.first), piece.first)
        if piece.peak.edge is not None and piece.peak.role == "edge_client":
            clients.add(piece.peak.edge[0])
    return _Scene(first, frozenset(first) | clients, topology)


def _one(suspect: Suspect, highest: float, scene: _Scene) -> Accused:
    ranker = [line(reason) for reason in suspect.reasons]
    excuses = [reason for reason in ranker if _excuses(reason)]
    return Accused(
        service=name(suspect.service),
        metric=name(suspect.metric) if suspect.metric else "",
        score=suspect.score,
        share=suspect.score / highest if highest > 0 else 0.0,
        because=(
            *(reason for reason in ranker if reason not in excuses),
            *_for(suspect.service, scene),
        ),
        against=(*excuses, *_against(suspect.service, scene)),
        confidence=suspect.confidence,
        confidence_reason=line(suspect.confidence_reason),
    )


def _excuses(reason: str) -> bool:
    return reason.startswith(AGAINST[0]) or reason.endswith(AGAINST[1])


def _for(service: str, scene: _Scene) -> Iterator[str]:
    first = scene.first
    if len(first) > 1 and service in first and first[service] == min(first.values()):
        also = sum(at == first[service] for at in first.values()) - 1
        yield f"nobody moved before it, {also} at the same time" if also else "it moved first"
    callers = sorted(scene.topology.callers(service) & scene.ill)
    if len(callers) == 1:
        yield line(f"{name(callers[0])} calls it and shows anomalies")
    elif callers:
        more = f" and {len(callers) - NAMED} more" if len(callers) > NAMED else ""
        yield line(f"{', '.join(map(name, callers[:NAMED]))}{more} call it and show anomalies")


def _against(service: str, scene: _Scene) -> Iterator[str]:
    first = scene.first
    if service not in first:
        yield "no series of its own shows an anomaly"
        return
    earliest = min(first, key=lambda one: (first[one], one))
    late = first[service] - first[earliest]
    if late > 0:
        yield f"{name(earliest)} moved {span(late)} before it"
    callers = scene.topology.callers(service)
    if len(callers) == 1 and len(first) > 1 and not callers & scene.ill:
        yield f"{name(next(iter(callers)))}, which calls it, shows no anomaly"
    elif callers and len(first) > 1 and not callers & scene.ill:
        yield f"none of the {len(callers)} that call it shows an anomaly"
