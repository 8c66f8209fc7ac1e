"""Evidence by role: saturation speaks for itself, symptoms are explained by the services called.

Start: saturation is direct, local evidence. Latency, errors and traffic are symptoms, and count
less the more a service that is called shows them too. A call that got slower for its client than
for its server points at the network of the service that most such calls have in common.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from math import log1p
from statistics import median

from aiops.events import Anomaly, ChangeObserved, Evidence, Suspect
from aiops.topology import Topology
from functions.correlate.ranking import SUSPECTS, Case

SYMPTOM_WEIGHT = 0.5
EXPLAINED_AWAY = 0.8
CHANGE_WEIGHT = 0.5
MAX_RATIO = 50.0
SYMPTOMS = frozenset({"latency", "errors", "traffic", "other"})


@dataclass(slots=True)
class _Dossier:
    """What speaks against one service: the strongest piece of each kind, and in what words."""

    saturation: float = 0.0
    symptom: float = 0.0
    network: float = 0.0
    change: float = 0.0
    first: int = 1 << 62
    said: list[tuple[float, str, str]] = field(default_factory=list)


class Ranker:
    """Adds up, per service, what its own series and the calls it takes part in say."""

    def rank(self, case: Case) -> tuple[Suspect, ...]:
        """Return the services against which most speaks."""
        dossiers = _local(case.evidence)
        _network(case, dossiers)
        _changes(case, dossiers)
        symptoms = {service: dossier.symptom for service, dossier in dossiers.items()}
        scored = []
        for service, dossier in dossiers.items():
            explained, by = _explained(service, symptoms, case.topology)
            own = SYMPTOM_WEIGHT * dossier.symptom * (1 - EXPLAINED_AWAY * explained)
            score = dossier.saturation + own + dossier.network + dossier.change
            scored.append((-score, dossier.first, service, dossier, by))
        scored.sort(key=lambda row: row[:3])
        return tuple(
            _suspect(service, -score, dossier, by)
            for score, _, service, dossier, by in scored[:SUSPECTS]
        )


def weight(anomaly: Anomaly) -> float:
    """Return log(1 + evidence in alarm lines), at most that of 50 of them."""
    return log1p(min(anomaly.evidence / anomaly.alarm_line, MAX_RATIO))


def _local(evidence: Iterable[Evidence]) -> dict[str, _Dossier]:
    dossiers: dict[str, _Dossier] = {}
    for piece in evidence:
        peak = piece.peak
        dossier = dossiers.setdefault(peak.service, _Dossier())
        dossier.first = min(dossier.first, piece.first)
        if peak.edge is not None:
            for end in peak.edge:
                dossiers.setdefault(end, _Dossier())
            continue
        said = weight(peak)
        if peak.role == "saturation":
            dossier.saturation = max(dossier.saturation, said)
            dossier.said.append((said, peak.metric, peak.reason))
        else:
            dossier.symptom = max(dossier.symptom, said)
            dossier.said.append((SYMPTOM_WEIGHT * said, peak.metric, peak.reason))
    return dossiers


def _network(case: Case, dossiers: dict[str, _Dossier]) -> None:
    """Note, per service, how much slower its calls got for clients than for servers: the median."""
    client: dict[tuple[str, str], Anomaly] = {}
    server: dict[tuple[str, str], Anomaly] = {}
    for piece in case.evidence:
        if piece.peak.edge is not None:
            side = server if piece.peak.role == "edge_server" else client
            side[piece.peak.edge] = piece.peak
    excess = {edge: _excess(seen, server.get(edge)) for edge, seen in client.items()}
    for service, dossier in dossiers.items():
        edges = {(c, service) for c in case.topology.callers(service)}
        edges |= {(service, s) for s in case.topology.callees(service)}
        edges |= {edge for edge in excess if service in edge}
        if not edges:
            continue
        dossier.network = median(excess.get(edge, 0.0) for edge in edges)
        if dossier.network > 0:
            worst = max(edges, key=lambda edge: (excess.get(edge, 0.0), edge))
            dossier.said.append(
                (
                    dossier.network,
                    client[worst].metric,
                    f"calls {worst[0]} to {worst[1]} got slower for the client than for the server",
                )
            )


def _excess(client: Anomaly, server: Anomaly | None) -> float:
    """Return the weight of what the client saw and the server did not."""
    grown = client.value - client.expected
    inside = 0.0 if server is None else max(0.0, server.value - server.expected)
    if grown <= 0:
        return 0.0
    return weight(client) * max(0.0, 1 - inside / grown)


def _changes(case: Case, dossiers: dict[str, _Dossier]) -> None:
    """Note changes of a service shortly before its first anomaly, the last one first."""
    for change in case.changes:
        dossier = dossiers.get(change.service)
        if dossier is None or change.observed_at > dossier.first:
            continue
        dossier.change = CHANGE_WEIGHT
        dossier.said.append((CHANGE_WEIGHT, "", _change_words(change, dossier.first)))


def _change_words(change: ChangeObserved, first: int) -> str:
    minutes = (first - change.observed_at) / 60_000
    what = f"{change.kind} ({change.summary})" if change.summary else change.kind
    return f"{what} {minutes:.0f} min before its first anomaly"


def _explained(
    service: str, symptoms: dict[str, float], topology: Topology
) -> tuple[float, str | None]:
    """Return how far a service's symptoms are those of one it calls, 0 to 1, and of which."""
    own = symptoms[service]
    if not own:
        return 0.0, None
    shares = [
        (min(1.0, symptoms[callee] / own), callee)
        for callee in topology.callees(service)
        if symptoms.get(callee)
    ]
    return max(shares, default=(0.0, None))


def _suspect(service: str, score: float, dossier: _Dossier, by: str | None) -> Suspect:
    said = sorted(dossier.said, key=lambda row: (-row[0], row[1], row[2]))
    reasons = [reason for _, _, reason in said[:4]]
    if by is not None:
        reasons.append(f"its symptoms may come from {by}, which it calls")
    metric = next((metric for _, metric, _ in said if metric), "")
    return Suspect(service=service, metric=metric, score=round(score, 4), reasons=tuple(reasons))
