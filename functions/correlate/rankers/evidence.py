"""What speaks against each service, of its own and along the calls.

Running out of something is direct, local evidence; less so on a whole node. Latency and errors are
symptoms, and count less the more a service that is called shows trouble too. Doing less than usual
is neither: it is traced to where it began, as being asked more is. A call that got slower for its
client than for its server points at the network of the service that most such calls have in
common. A change shortly before speaks against whom it changed. Of equals the first to move comes
first. Where that names fewer than three, those follow that the symptoms may come from, or meet in,
although they say nothing of themselves.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations

from aiops.events import ChangeObserved, Suspect
from aiops.topology import Topology
from functions.correlate.dossier import NEVER, SYMPTOM_WEIGHT, Dossier, Dossiers, opened
from functions.correlate.ranking import SUSPECTS, Case
from functions.correlate.spreading import (
    EXPLAINED_AWAY,
    NAMELESS,
    added_load,
    explained,
    lost_demand,
    slow_network,
)

CHANGE_WEIGHT = 0.5

ROLLING = 900_000
"""Milliseconds for which a service may be scaled because of another change of it.

Source: Kubernetes, Deployment, `progressDeadlineSeconds`: a rollout makes progress within 600 s.
"""

SILENT = 0.1
"""What suspects say against a neighbour that says nothing of itself, as a part of their score."""

REASONS = 4


@dataclass(frozen=True, slots=True)
class _Scored:
    service: str
    score: float
    dossier: Dossier
    by: str | None

    @property
    def order(self) -> tuple[float, int, str]:
        return -self.score, self.dossier.first, self.service


class Ranker:
    """Adds up, per service, what its own series and the calls it takes part in say."""

    def rank(self, case: Case) -> tuple[Suspect, ...]:
        """Return the services against which most speaks; none but the first without a reason."""
        dossiers = opened(case.evidence)
        lost_demand(case.topology, dossiers)
        added_load(case.topology, dossiers)
        slow_network(case.evidence, case.topology, dossiers)
        _changes(case.changes, dossiers)
        scored = sorted(_scored(dossiers, case.topology), key=lambda one: one.order)
        named = [one for one in scored if one.score > 0 and one.service != NAMELESS]
        named = named[:SUSPECTS] or scored[:1]
        named += _silent(named, dossiers, case.topology)
        return tuple(map(_suspect, named[:SUSPECTS]))


def _scored(dossiers: Dossiers, topology: Topology) -> Iterator[_Scored]:
    for service, dossier in dossiers.items():
        share, by = explained(service, dossiers, topology)
        own = SYMPTOM_WEIGHT * dossier.symptom * (1 - EXPLAINED_AWAY * share)
        yield _Scored(service, dossier.saturation + own + dossier.other, dossier, by)


def _silent(named: Sequence[_Scored], dossiers: Dossiers, topology: Topology) -> list[_Scored]:
    """Return whom else the symptoms of suspects may come from, the likeliest first.

    Who is called by one that suffers: the more it calls itself, the more can go wrong in it and
    behind it. And who is called by one suspect and calls another: their trouble may meet in it.
    """
    found: dict[str, _Scored] = {}
    for one in (*_called(named, topology), *_between(named, topology)):
        if one.service not in dossiers and one.service != NAMELESS:
            known = found.get(one.service, one)
            found[one.service] = min(known, one, key=lambda each: each.order)
    return sorted(found.values(), key=lambda one: one.order)


def _called(named: Iterable[_Scored], topology: Topology) -> Iterator[_Scored]:
    for suspect in named:
        if suspect.dossier.symptom:
            for callee in topology.callees(suspect.service):
                below = len(topology.callees(callee))
                score = SILENT * suspect.score * (1 - 1 / (2 + below))
                yield _mute(callee, score, f"{suspect.service}, which calls it, may suffer from it")


def _between(named: Iterable[_Scored], topology: Topology) -> Iterator[_Scored]:
    for client, server in permutations(named, 2):
        for service in topology.callees(client.service) & topology.callers(server.service):
            words = f"{client.service}, which calls it, and {server.service}, which it calls, "
            yield _mute(service, SILENT * min(client.score, server.score), words + "show anomalies")


def _mute(service: str, score: float, words: str) -> _Scored:
    return _Scored(service, score, Dossier(said=[(score, "", words)]), None)


def _changes(changes: Iterable[ChangeObserved], dossiers: Dossiers) -> None:
    """Note, per service, the last change before its first anomaly.

    A rollout scales one set of pods up and another down: that is a part of it, and not the change.
    """
    latest: dict[str, ChangeObserved] = {}
    for change in sorted(changes, key=lambda one: (one.observed_at, one.kind, one.summary)):
        dossier = dossiers.get(change.service)
        if dossier is not None and change.observed_at <= dossier.first < NEVER:
            before = latest.get(change.service)
            if before is None or not _part_of(change, before):
                latest[change.service] = change
    for service, change in latest.items():
        minutes = (dossiers[service].first - change.observed_at) / 60_000
        what = f"{change.kind} ({change.summary})" if change.summary else change.kind
        words = f"{what} {minutes:.0f} min before its first anomaly"
        dossiers[service].note(CHANGE_WEIGHT, "", words)


def _part_of(change: ChangeObserved, before: ChangeObserved) -> bool:
    """Return whether a service is scaled by a change of another kind."""
    soon = change.observed_at - before.observed_at <= ROLLING
    return change.kind == "scale" != before.kind and soon


def _suspect(one: _Scored) -> Suspect:
    said = sorted(one.dossier.said, key=lambda row: (-row[0], row[1], row[2]))
    reasons = [reason for _, _, reason in said[:REASONS]]
    if one.by is not None:
        reasons.append(f"its symptoms may come from {one.by}, which it calls")
    metric = next((metric for _, metric, _ in said if metric), "")
    return Suspect(
        service=one.service, metric=metric, score=round(one.score, 4), reasons=tuple(reasons)
    )
