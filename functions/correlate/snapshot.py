"""An incident as the world is told of it."""

from collections.abc import Mapping

from aiops import topics
from aiops.events import Incident
from aiops.evidence_json import json_of
from aiops.ids import derive
from aiops.incident_store import Held, Record
from aiops.ports import Event, Message
from functions.correlate.actors import acknowledged_by, resolved_by
from functions.correlate.incident import strength

MAX_EVIDENCE = 50
LESS_EVIDENCE = (20, 8, 3, 1)
"""What is tried where that makes too large a snapshot."""

MAX_BYTES = 512 * 1024
"""Half of what a broker takes: a snapshot that it refused would be tried for ever."""

FEW = 20
SOURCE = "/aiops/correlate"


def bounded(record: Record) -> tuple[Incident, bytes]:
    """Return the snapshot of a record and its JSON, with less in it where it would be too large."""
    for evidence in (MAX_EVIDENCE, *LESS_EVIDENCE):
        snapshot = incident_of(record, evidence)
        data = json_of(snapshot)
        if len(data) <= MAX_BYTES:
            return snapshot, data
    least = incident_of(record, 0)
    few = {
        "services": least.services[:FEW],
        "blast_radius": least.blast_radius[:FEW],
        "joins": (),
    }
    least = least.model_copy(update=few)
    return least, json_of(least)


def incident_of(record: Record, evidence: int = MAX_EVIDENCE) -> Incident:
    """Return the snapshot of a record, with the strongest of its evidence."""
    strongest = sorted(record.evidence, key=strength, reverse=True)
    return Incident(
        id=record.id,
        domain=record.domain,
        version=record.version,
        generation=record.generation,
        status=record.status,
        title=title(record),
        severity=record.severity,
        severity_reasons=record.severity_reasons,
        opened_at=record.opened_at,
        updated_at=updated_at(record),
        resolved_at=record.resolved_at,
        notified_at=record.notified_at,
        services=services(record),
        anomalies=record.anomalies,
        evidence=tuple(strongest[:evidence]),
        joins=record.joins,
        root_cause=record.root_cause,
        root_cause_at_notification=record.root_cause_at_notification,
        blast_radius=record.blast_radius,
        merged_into=record.merged_into,
        silences=record.silences,
        flapping=record.flapping,
        similar=record.similar,
        acknowledged_by=acknowledged_by(record),
        resolved_by=resolved_by(record),
    )


def message_of(held: Held, extensions: Mapping[str, str]) -> Message:
    """Return the snapshot as an event; published again it has the same id."""
    record = held.record
    snapshot, data = bounded(record)
    return Message(
        topics.INCIDENTS,
        record.id,
        Event(
            id=derive("incident", record.id, record.version),
            source=SOURCE,
            type=f"dev.aiops.incident.{word(held)}.v1",
            time=max(snapshot.updated_at, record.notified_at or 0),
            data=data,
            subject=record.id,
            extensions={
                "correlationid": record.id,
                "severitynumber": str(snapshot.severity),
                **extensions,
            },
        ),
    )


def word(held: Held) -> str:
    """Return what the snapshot says: opened until its generation was told, then updated."""
    status = held.record.status
    if status in {"merged", "resolved"}:
        return status
    return "updated" if held.told >= held.record.generation else "opened"


def services(record: Record) -> tuple[str, ...]:
    """Return the services its anomalies speak of, sorted."""
    return tuple(sorted({piece.peak.service for piece in record.evidence}))


def updated_at(record: Record) -> int:
    """Return the time of its last anomaly, command or resolution."""
    ended = (alert.ended_at or 0 for alert in record.alerts)
    return max(record.last, record.resolved_at or 0, *(o.given_at for o in record.orders), *ended)


def title(record: Record) -> str:
    """Return one line for people: the likely cause, what is wrong there, how far it reaches."""
    affected = services(record)
    if record.root_cause:
        suspect = record.root_cause[0]
        what = f"{suspect.service}: {suspect.metric}" if suspect.metric else suspect.service
    else:
        strongest = max(record.evidence, key=strength).peak
        what = f"{strongest.service}: {strongest.metric}"
    others = len(affected) - 1
    return f"{what}, {others} more service{'s' if others > 1 else ''}" if others > 0 else what
