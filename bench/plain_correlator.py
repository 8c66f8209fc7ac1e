"""The correlator that is often written first, to compare with.

An anomaly joins the first open incident with an anomaly of the last five minutes, or of the same
service or one that calls it or is called by it, or with a similar text; incidents are never
merged, and end only when something arrives. The root cause is the first saturation metric, or the
first anomaly, and people are told at once.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from aiops.events import Anomaly, Evidence, Incident, Suspect
from aiops.topology import Topology
from functions.correlate.correlators.text import jaccard, shingles

WINDOW_MS = 300_000
ALIKE = 0.6
CONFIDENCE = 0.7


@dataclass(slots=True)
class _Open:
    anomalies: list[Anomaly]
    told_at: int
    told: tuple[Suspect, ...]


def incidents(
    arrivals: Iterable[tuple[int, Sequence[Anomaly]]], topology: Topology
) -> tuple[Incident, ...]:
    """Return what it makes of anomalies.

    Args:
        arrivals: When they arrived, unix milliseconds, and what.
        topology: Who calls whom.
    """
    going: list[_Open] = []
    over: list[_Open] = []
    for now, anomalies in arrivals:
        for anomaly in anomalies:
            ended = [one for one in going if now - one.anomalies[-1].time > WINDOW_MS]
            going = [one for one in going if one not in ended]
            over += ended
            found = next((one for one in going if _belongs(anomaly, one, topology)), None)
            if found is None:
                going.append(_Open([anomaly], now, _suspects([anomaly])))
            else:
                found.anomalies.append(anomaly)
    return tuple(_incident(number, one) for number, one in enumerate([*over, *going]))


def _belongs(anomaly: Anomaly, incident: _Open, topology: Topology) -> bool:
    return any(_matches(anomaly, other, topology) for other in reversed(incident.anomalies))


def _matches(anomaly: Anomaly, other: Anomaly, topology: Topology) -> bool:
    if abs(anomaly.time - other.time) <= WINDOW_MS:
        return True
    near = topology.neighbours(anomaly.service) | {anomaly.service}
    texts = (shingles(anomaly.metric), shingles(other.metric))
    return other.service in near or jaccard(*texts) >= ALIKE


def _suspects(anomalies: Sequence[Anomaly]) -> tuple[Suspect, ...]:
    saturated = (one for one in anomalies if one.role == "saturation")
    first = next(saturated, anomalies[0])
    return (Suspect(service=first.service, metric=first.metric, score=CONFIDENCE, reasons=()),)


def _incident(number: int, one: _Open) -> Incident:
    first, last = one.anomalies[0], one.anomalies[-1]
    return Incident(
        id=f"{number:06}",
        domain=first.domain,
        version=1,
        status="resolved",
        title=first.service,
        severity=max(anomaly.severity for anomaly in one.anomalies),
        opened_at=first.time,
        updated_at=last.time,
        notified_at=one.told_at,
        services=tuple(sorted({anomaly.service for anomaly in one.anomalies})),
        anomalies=len(one.anomalies),
        evidence=(Evidence(first=first.time, last=last.time, count=1, peak=last),),
        root_cause=_suspects(one.anomalies),
        root_cause_at_notification=one.told,
    )
