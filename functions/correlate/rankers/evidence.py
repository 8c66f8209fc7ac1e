"""What speaks against each service, by the role of its metrics.

Running out of something is direct, local evidence; less so on a whole node. Latency and errors are
symptoms, and count less the more a service that is called shows trouble too. Doing less than usual
is neither: a service whose callers are well was asked less, which points at who calls it; one whose
callers suffer may be dead. Being asked more comes from callers that are asked more. A call that got
slower for its client than for its server points at the network of the service that most such calls
have in common.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from math import log1p

from aiops.events import Anomaly, ChangeObserved, Evidence, Suspect
from aiops.topology import Topology
from functions.correlate.ranking import SUSPECTS, Case

MAX_RATIO = 50.0
SYMPTOM_WEIGHT = 0.5
EXPLAINED_AWAY = 0.8
NODE_WEIGHT = 0.5
DEMAND_WEIGHT = 0.5
CHANGE_WEIGHT = 0.5

NODE_METRICS = ("node_", "host_", "machine_")
"""How metrics of a whole node begin; many services share it."""


@dataclass(slots=True)
class _Dossier:
    """What speaks against one service: the strongest of each kind, and in what words."""

    saturation: float = 0.0
    symptom: float = 0.0
    demand: float = 0.0
    load: float = 0.0
    network: float = 0.0
    other: float = 0.0
    first: int = 1 << 62
    said: list[tuple[float, str, str]] = field(default_factory=list)

    @property
    def suffers(self) -> bool:
        """Whether it is in trouble itself, more than doing less than usual."""
        return self.symptom > 0 or self.saturation > 0

    @property
    def trouble(self) -> float:
        """What its callers may suffer from."""
        return max(self.symptom, self.demand, self.network)

    def note(self, weight: float, metric: str, reason: str) -> None:
        """Note something that is neither its saturation nor its symptom."""
        self.other += weight
        self.said.append((weight, metric, reason))


class Ranker:
    """Adds up, per service, what its own series and the calls it takes part in say."""

    def rank(self, case: Case) -> tuple[Suspect, ...]:
        """Return the services against which most speaks; none but the first without a reason."""
        dossiers = _local(case.evidence)
        _lost_demand(case.topology, dossiers)
        _added_load(case.topology, dossiers)
        _network(case, dossiers)
        _changes(case.changes, dossiers)
        scored = []
        for service, dossier in dossiers.items():
            share, by = _explained(service, dossiers, case.topology)
            own = SYMPTOM_WEIGHT * dossier.symptom * (1 - EXPLAINED_AWAY * share)
            score = dossier.saturation + own + dossier.other
            scored.append((-score, dossier.first, service, dossier, by))
        scored.sort(key=lambda row: row[:3])
        return tuple(
            _suspect(service, -score, dossier, by)
            for place, (score, _, service, dossier, by) in enumerate(scored[:SUSPECTS])
            if score < 0 or place == 0
        )


def weight(anomaly: Anomaly) -> float:
    """Return log(1 + evidence in alarm lines), at most that of 50 of them."""
    return log1p(min(anomaly.evidence / anomaly.alarm_line, MAX_RATIO))


def fell(anomaly: Anomaly) -> bool:
    """Return whether an anomaly says that a service does less, not that it does worse."""
    return anomaly.role in {"saturation", "traffic"} and anomaly.value < anomaly.expected


def _local(evidence: Iterable[Evidence]) -> dict[str, _Dossier]:
    """Return a dossier for each service there is evidence of, calls only opening theirs."""
    dossiers: dict[str, _Dossier] = {}
    for piece in evidence:
        peak = piece.peak
        services = (peak.service,) if peak.edge is None else {peak.service, *peak.edge}
        for service in services:
            dossier = dossiers.get(service)
            if dossier is None:
                dossier = dossiers[service] = _Dossier()
            dossier.first = min(dossier.first, piece.first)
        if peak.edge is None:
            _own(dossiers[peak.service], peak)
        elif peak.role != "edge_client":
            _own(dossiers[peak.edge[1]], peak)
    return dossiers


def _own(dossier: _Dossier, peak: Anomaly) -> None:
    said, role = weight(peak), peak.role
    if fell(peak):
        dossier.demand = max(dossier.demand, said)
        said *= DEMAND_WEIGHT
    elif role == "traffic":
        dossier.load = max(dossier.load, said)
        said *= DEMAND_WEIGHT
    elif role == "saturation":
        said *= NODE_WEIGHT if peak.metric.startswith(NODE_METRICS) else 1.0
        dossier.saturation = max(dossier.saturation, said)
    else:
        dossier.symptom = max(dossier.symptom, said)
        said *= SYMPTOM_WEIGHT
    dossier.said.append((said, peak.metric, f"{peak.metric}: {peak.reason}"))


def _lost_demand(topology: Topology, dossiers: dict[str, _Dossier]) -> None:
    """Give what services do less to who calls them, where those are well; else to themselves."""
    fallen = [(service, dossier.demand) for service, dossier in dossiers.items() if dossier.demand]
    suffering = {service for service, dossier in dossiers.items() if dossier.suffers}
    for service, demand in fallen:
        callers = topology.callers(service)
        well = sorted(callers - suffering)
        if not well or suffering & callers:
            dossiers[service].other += DEMAND_WEIGHT * demand
            continue
        dossiers[service].other += DEMAND_WEIGHT * demand / 2
        for caller in well:
            first = dossiers[service].first
            asked = dossiers.setdefault(caller, _Dossier(first=first))
            share = DEMAND_WEIGHT * demand / len(well) ** 0.5
            asked.note(share, "", f"{service}, which it calls, is asked less than usual")


def _added_load(topology: Topology, dossiers: dict[str, _Dossier]) -> None:
    """Give what services are asked more to those whose callers are not asked more, too."""
    for service, dossier in dossiers.items():
        if dossier.load:
            above = [dossiers[c].load for c in topology.callers(service) if c in dossiers]
            dossier.other += DEMAND_WEIGHT * max(0.0, dossier.load - max(above, default=0.0))


def _network(case: Case, dossiers: dict[str, _Dossier]) -> None:
    """Give calls that got slower only for the client to the service they have in common.

    Per service, the mean of its slow calls, times the share of all slow calls that are its own,
    times the share of its own calls that are slow.
    """
    client = _calls(case.evidence, "edge_client")
    server = _calls(case.evidence, "edge_server")
    excess = {edge: _excess(seen, server.get(edge)) for edge, seen in client.items()}
    slow = {edge: more for edge, more in excess.items() if more > 0}
    by_service: dict[str, list[tuple[str, str]]] = {}
    for edge in slow:
        for service in dict.fromkeys(edge):
            by_service.setdefault(service, []).append(edge)
    for service, dossier in dossiers.items():
        mine = by_service.get(service)
        if mine:
            known = {(caller, service) for caller in case.topology.callers(service)}
            known |= {(service, callee) for callee in case.topology.callees(service)}
            said = sum(slow[edge] for edge in mine)
            score = said / len(known.union(mine)) * said / sum(slow.values())
            worst = max(mine, key=lambda edge: (slow[edge], edge))
            words = f"calls of {worst[0]} to {worst[1]} got slower for the client than the server"
            dossier.network = score
            dossier.note(score, client[worst].metric, words)


def _calls(evidence: Iterable[Evidence], role: str) -> dict[tuple[str, str], Anomaly]:
    """Return the strongest anomaly of each call as one side measured it."""
    strongest: dict[tuple[str, str], Anomaly] = {}
    for piece in evidence:
        peak = piece.peak
        if peak.edge is not None and peak.role == role:
            known = strongest.get(peak.edge, peak)
            strongest[peak.edge] = max(known, peak, key=lambda one: (weight(one), one.id))
    return strongest


def _excess(client: Anomaly, server: Anomaly | None) -> float:
    """Return the weight of what the client saw and the server did not."""
    grown = client.value - client.expected
    inside = 0.0 if server is None else max(0.0, server.value - server.expected)
    return weight(client) * max(0.0, 1 - inside / grown) if grown > 0 else 0.0


def _changes(changes: Iterable[ChangeObserved], dossiers: dict[str, _Dossier]) -> None:
    """Note, per service, the last change before its first anomaly."""
    latest = {
        change.service: change
        for change in changes
        if change.service in dossiers and change.observed_at <= dossiers[change.service].first
    }
    for service, change in latest.items():
        minutes = (dossiers[service].first - change.observed_at) / 60_000
        what = f"{change.kind} ({change.summary})" if change.summary else change.kind
        words = f"{what} {minutes:.0f} min before its first anomaly"
        dossiers[service].note(CHANGE_WEIGHT, "", words)


def _explained(
    service: str, dossiers: dict[str, _Dossier], topology: Topology
) -> tuple[float, str | None]:
    """Return how far a service's symptoms are those of one it calls, 0 to 1, and of which."""
    own = dossiers[service].symptom
    if not own:
        return 0.0, None
    shares = [
        (min(1.0, trouble / own), callee)
        for callee in topology.callees(service)
        if callee in dossiers and (trouble := dossiers[callee].trouble)
    ]
    return max(shares, default=(0.0, None))


def _suspect(service: str, score: float, dossier: _Dossier, by: str | None) -> Suspect:
    said = sorted(dossier.said, key=lambda row: (-row[0], row[1], row[2]))
    reasons = [reason for _, _, reason in said[:4]]
    if by is not None:
        reasons.append(f"its symptoms may come from {by}, which it calls")
    metric = next((metric for _, metric, _ in said if metric), "")
    return Suspect(service=service, metric=metric, score=round(score, 4), reasons=tuple(reasons))
