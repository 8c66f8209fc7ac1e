"""What speaks against a service because of how trouble travels along calls.

Demand and load travel from callers to callees, latency and errors from callees to callers. What a
service shows is taken from it as far as somebody it depends on shows it too.
"""

from collections.abc import Collection, Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cache
from math import log1p

from aiops.events import Anomaly, Evidence
from aiops.topology import Topology
from functions.correlate.dossier import DEMAND_WEIGHT, Dossier, Dossiers, weight

EXPLAINED_AWAY = 0.8

CLEAR = log1p(3.0)
"""The weight from which trouble is beyond doubt, and explains whatever it may have caused.

How strong trouble looks says how far a series left its usual range, which is not comparable
between a service and its callers.
"""

CLIENT_ONLY = 0.5
"""What slow calls count against a service that nobody calls and that says nothing of itself."""

NAMELESS = "unknown"


def explained(service: str, dossiers: Dossiers, topology: Topology) -> tuple[float, str | None]:
    """Return how far a service's symptoms are those of one it calls, 0 to 1, and of which."""
    own = dossiers[service].symptom
    if not own:
        return 0.0, None
    callees = topology.callees(service) & dossiers.keys()
    asked_less = len(_fallen(callees, dossiers)) > 1
    found = [
        (min(1.0, trouble / min(own, CLEAR)), trouble, callee)
        for callee in callees
        if (trouble := _felt(dossiers[callee], asked_less=asked_less)) > 0
    ]
    share, _, by = max(found, default=(0.0, 0.0, None))
    return share, by


def _felt(callee: Dossier, *, asked_less: bool) -> float:
    """Return the trouble of a callee that its caller may suffer from.

    That it does less is none where others its caller calls do less, too: then it is asked less.
    """
    if callee.demand and asked_less:
        return max(callee.saturation, callee.symptom, callee.network)
    return callee.trouble


def _fallen(services: Iterable[str], dossiers: Dossiers) -> list[str]:
    return sorted(service for service in services if dossiers[service].demand > 0)


def lost_demand(topology: Topology, dossiers: Dossiers) -> None:
    """Give what services do less to where it began.

    That is a caller that does less as well; else the service itself where callers suffer, as they
    do from one that is dead; else its callers, which ask for less while nothing ails them.
    """
    suffering = {service for service, dossier in dossiers.items() if dossier.suffers}
    fallen = _fallen(list(dossiers), dossiers)
    fell, known = frozenset(fallen), frozenset(dossiers)

    @cache
    def waits(caller: str) -> bool:
        return _waits(caller, topology, fell, known, suffering)

    @cache
    def follows(caller: str) -> bool:
        return not fell.isdisjoint(topology.callers(caller))

    for service in fallen:
        dossier = dossiers[service]
        callers = topology.callers(service)
        above = sorted(callers & fell)
        sources = [caller for caller in above if not follows(caller)]
        if above:
            dossier.other += DEMAND_WEIGHT * dossier.demand / 4
        elif any(map(waits, callers)):
            dossier.other += 2 * DEMAND_WEIGHT * dossier.demand
        else:
            sources = sorted(callers)
            dossier.other += DEMAND_WEIGHT * dossier.demand / (2 if sources else 1)
        _trace(service, sources, dossiers)


def _waits(
    caller: str,
    topology: Topology,
    fell: AbstractSet[str],
    known: AbstractSet[str],
    suffering: AbstractSet[str],
) -> bool:
    """Return whether a caller, or one of a silent caller, suffers from one it calls doing less.

    One that asks several for less fails before it calls them.
    """
    if len(topology.callees(caller) & fell) > 1:
        return False
    silent = caller not in known
    return caller in suffering or (silent and bool(suffering & topology.callers(caller)))


def _trace(service: str, sources: list[str], dossiers: Dossiers) -> None:
    lost = dossiers[service]
    for caller in sources:
        asked = dossiers.setdefault(caller, Dossier(first=lost.first))
        share = DEMAND_WEIGHT * lost.demand / len(sources) ** 0.5
        asked.note(share, "", f"{service}, which it calls, is asked less than usual")


def added_load(topology: Topology, dossiers: Dossiers) -> None:
    """Give what services are asked more to those whose callers are not asked more, too."""
    for service, dossier in dossiers.items():
        if dossier.load:
            above = [dossiers[c].load for c in topology.callers(service) if c in dossiers]
            dossier.other += DEMAND_WEIGHT * max(0.0, dossier.load - max(above, default=0.0))


@dataclass(frozen=True, slots=True)
class SlowCall:
    """A call that takes its client longer than its server.

    Attributes:
        excess: The weight of what the client saw and the server did not.
    """

    edge: tuple[str, str]
    excess: float
    metric: str


def slow_network(evidence: Iterable[Evidence], topology: Topology, dossiers: Dossiers) -> None:
    """Give calls that got slower only for the client to the service they have in common.

    Per service, the most that one of its calls got slower, times the square of the share of all
    slow calls that are its own, times the root of the share of its own calls that are slow.
    """
    slow = _slow_calls(evidence)
    total = sum(call.excess for call in slow)
    for service, dossier in dossiers.items():
        mine = [call for call in slow if service in call.edge]
        if not mine or service == NAMELESS:
            continue
        known = {(caller, service) for caller in topology.callers(service)}
        known |= {(service, callee) for callee in topology.callees(service)}
        known |= {call.edge for call in mine}
        worst = max(mine, key=lambda call: (call.excess, call.edge))
        share = sum(call.excess for call in mine) / total
        score = worst.excess * share**2 * (len(mine) / len(known)) ** 0.5
        if not topology.callers(service) and not dossier.suffers and not _serves(service, known):
            score *= CLIENT_ONLY
        client, server = worst.edge
        words = f"calls of {client} to {server} got slower for the client than the server"
        dossier.network = score
        dossier.note(score, worst.metric, words)


def _serves(service: str, known: Collection[tuple[str, str]]) -> bool:
    return any(server == service for _, server in known)


def _slow_calls(evidence: Iterable[Evidence]) -> list[SlowCall]:
    pieces = [piece for piece in evidence if piece.peak.edge is not None]
    client, server = _strongest(pieces, "edge_client"), _strongest(pieces, "edge_server")
    calls = (SlowCall(e, _excess(seen, server.get(e)), seen.metric) for e, seen in client.items())
    return [call for call in calls if call.excess > 0]


def _strongest(evidence: Iterable[Evidence], role: str) -> dict[tuple[str, str], Anomaly]:
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
