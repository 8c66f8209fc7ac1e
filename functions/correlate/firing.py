"""External alerts of an incident: how long they go on, in whatever order that is told."""

from collections.abc import Iterable
from operator import attrgetter

from aiops.events import Alert, Anomaly
from aiops.incident_store import Firing, Record
from functions.correlate.config import CorrelateConfig

MAX_ALERTS = 200
"""External alerts whose ends an incident keeps; those that are over first go."""


def retell(record: Record, told: Iterable[Anomaly], config: CorrelateConfig) -> Record:
    """Return the record with what is told again of alerts that are part of it.

    In whatever order an alert's notifications come, and however often, the record is the same.
    """
    variants = {found.id: found for found in sorted(told, key=_words, reverse=True)}
    evidence = tuple(
        piece.model_copy(update={"peak": min(piece.peak, stateless(other), key=_words)})
        if (other := variants.get(piece.peak.id)) is not None
        else piece
        for piece in record.evidence
    )
    states = (firing(found, config) for found in told)
    alerts = merged_alerts((*record.alerts, *states))
    return record.model_copy(update={"alerts": alerts, "evidence": evidence})


def firing(found: Anomaly, config: CorrelateConfig) -> Firing:
    """Return how long an external alert goes on, as far as one notification says."""
    said = found.alert or Alert()
    latest = found.time + config.alert_hold * 1000
    expires_at = latest if said.expires_at is None else min(said.expires_at, latest)
    return Firing(anomaly=found.id, expires_at=expires_at, ended_at=said.ended_at)


def stateless(found: Anomaly) -> Anomaly:
    """Return an anomaly, of an alert what all its notifications have in common."""
    return found if found.alert is None else found.model_copy(update={"alert": Alert()})


def merged_alerts(alerts: Iterable[Firing]) -> tuple[Firing, ...]:
    """Return one of each alert, sorted by id: what was said last of its end, however it came."""
    by_id: dict[str, Firing] = {}
    for one in alerts:
        known = by_id.get(one.anomaly, one)
        ends = [end for end in (one.ended_at, known.ended_at) if end is not None]
        by_id[one.anomaly] = Firing(
            anomaly=one.anomaly,
            expires_at=max(one.expires_at, known.expires_at),
            ended_at=max(ends, default=None),
        )
    kept = sorted(by_id.values(), key=lambda one: (one.until, one.anomaly))[-MAX_ALERTS:]
    return tuple(sorted(kept, key=attrgetter("anomaly")))


def _words(found: Anomaly) -> str:
    return found.reason
