"""The life of an incident: pure decisions on its record.

What anomalies and commands make of a record does not depend on the order they arrive in: evidence
and spans merge like sets, and the status follows from them.
"""

from collections.abc import Iterable
from operator import attrgetter

from aiops.events import Anomaly, CommandGiven, Evidence, Join, Status
from aiops.incident_store import Record
from functions.correlate.config import CorrelateConfig
from functions.correlate.firing import firing, merged_alerts, stateless

MAX_SPANS = 64
MAX_JOINS = 50

Spans = tuple[tuple[int, int], ...]

strength = attrgetter("peak.score", "peak.id")
"""Returns what orders evidence by how much it says, without ties: its peak's score and id."""


def of_anomalies(
    incident: str,
    domain: str,
    anomalies: Iterable[Anomaly],
    joins: Iterable[Join],
    config: CorrelateConfig,
) -> Record:
    """Return the record of an incident that consists of these distinct anomalies, at least one."""
    taken = list(anomalies)
    pieces = (
        Evidence(first=found.time, last=found.time, count=1, peak=stateless(found))
        for found in taken
    )
    evidence = merged_evidence(pieces, config.max_series)
    return Record(
        id=incident,
        domain=domain,
        spans=merged_spans(((a.time, a.time) for a in taken), config.resolve_after * 1000),
        anomalies=len(taken),
        evidence=evidence,
        joins=merged_joins(joins),
        alerts=merged_alerts(firing(a, config) for a in taken if a.alert is not None),
        severity=max(piece.peak.severity for piece in evidence),
    )


def absorb(record: Record, other: Record, config: CorrelateConfig) -> Record:
    """Return the record with everything of another one taken in; their anomalies are distinct."""
    told = [(r.notified_at, r.id, r) for r in (record, other) if r.notified_at is not None]
    first = min(told)[2] if told else record
    return record.model_copy(
        update={
            "spans": merged_spans((*record.spans, *other.spans), config.resolve_after * 1000),
            "anomalies": record.anomalies + other.anomalies,
            "evidence": merged_evidence((*record.evidence, *other.evidence), config.max_series),
            "joins": merged_joins((*record.joins, *other.joins)),
            "alerts": merged_alerts((*record.alerts, *other.alerts)),
            "orders": merged_orders((*record.orders, *other.orders)),
            "severity": max(record.severity, other.severity),
            "notified_at": first.notified_at,
            "root_cause_at_notification": first.root_cause_at_notification,
        }
    )


def merge(records: Iterable[Record], config: CorrelateConfig) -> tuple[Record, tuple[Record, ...]]:
    """Return the survivor with everything in it, and the others as merged into it.

    The survivor is the one that opened first, of several the one with the smallest id.
    """
    survivor, *losers = sorted(records, key=lambda record: (record.opened_at, record.id))
    for loser in losers:
        survivor = absorb(survivor, loser, config)
    gone = {"status": "merged", "merged_into": survivor.id, "notify_from": None}
    return survivor, tuple(loser.model_copy(update=gone) for loser in losers)


def settle(record: Record, processed_until: int, config: CorrelateConfig) -> Record:
    """Return the record with the status and the time of notification that follow from it.

    Args:
        record: Not a merged one.
        processed_until: Every sample up to this time was processed; what was quiet by then for
            long enough is over.
        config: How long is long enough.
    """
    flaps = flapping(record, config)
    patience = max(0, config.flap_calm - config.resolve_after) * 1000 if flaps else 0
    quiet = config.resolve_after * 1000 + patience
    resolved_at = resolution(record, processed_until, quiet)
    notify_from = _notify_from(record, config)
    if resolved_at is not None and _missed(record, notify_from, resolved_at):
        resolved_at = None
    status: Status = "resolved"
    if resolved_at is None:
        status = "acknowledged" if acknowledged(record) else "open"
    reopened = record.status == "resolved" and resolved_at is None
    return record.model_copy(
        update={
            "status": status,
            "resolved_at": resolved_at,
            "generation": record.generation + reopened,
            "notify_from": notify_from if resolved_at is None else None,
            "flapping": flaps,
            "patience": patience,
        }
    )


def flapping(record: Record, config: CorrelateConfig) -> bool:
    """Return whether it came back often enough of late: quiet, and then something new."""
    since = record.last - config.flap_within * 1000
    returns = sum(first > since for first, _ in record.spans[1:])
    return 0 < config.flap_returns <= returns


def _notify_from(record: Record, config: CorrelateConfig) -> int | None:
    """Return from when people are to be told; None where they were, or need not be."""
    if record.notified_at is not None or not worth_telling(record, config):
        return None
    wait = 0 if len(record.evidence) >= config.group_series else config.group_wait
    return record.opened_at + wait * 1000


def _missed(record: Record, notify_from: int | None, resolved_at: int) -> bool:
    """Return whether people should have been told before it was quiet for long enough.

    Anomalies that waited longer than that on their way are not over before anybody knows of them:
    people are told first, and of the end by the tick after. Whoever said that it is over, knows.
    """
    return notify_from is not None and notify_from <= resolved_at and not _said_over(record)


def _said_over(record: Record) -> bool:
    said = _given_at(record, "resolve")
    return said is not None and said >= record.last_sign


def resolution(record: Record, processed_until: int, quiet: int) -> int | None:
    """Return when the incident ended: a person said so, or it was quiet; None where it goes on."""
    said = _given_at(record, "resolve")
    ends = []
    if said is not None and _said_over(record):
        ends.append(said)
    if record.active_until + quiet < processed_until:
        ends.append(record.active_until + quiet)
    return min(ends, default=None)


def acknowledged(record: Record) -> bool:
    """Return whether somebody has taken on what is going on now, not something before it."""
    said = _given_at(record, "acknowledge")
    if said is None:
        return False
    ended = max(_given_at(record, "resolve") or 0, _given_at(record, "reopen") or 0)
    return said >= record.spans[-1][0] and said > ended


def worth_telling(record: Record, config: CorrelateConfig) -> bool:
    """Return whether people are to be told: several series agree, one lasts, or one is severe."""
    lasting = max(evidence.count for evidence in record.evidence) >= config.notify_repeats
    several = (
        record.anomalies >= config.notify_anomalies and len(record.evidence) >= config.notify_series
    )
    return several or lasting or record.severity >= config.notify_severity


def order(record: Record, command: CommandGiven) -> Record:
    """Return the record with a command noted; of each kind the newest counts."""
    return record.model_copy(update={"orders": merged_orders((*record.orders, command))})


def merged_spans(spans: Iterable[tuple[int, int]], quiet: int) -> Spans:
    """Return spans sorted, those at most `quiet` apart made one; the oldest ones beyond a bound."""
    merged: list[tuple[int, int]] = []
    for first, last in sorted(spans):
        if merged and first - merged[-1][1] <= quiet:
            merged[-1] = (merged[-1][0], max(merged[-1][1], last))
        else:
            merged.append((first, last))
    surplus = len(merged) - MAX_SPANS
    if surplus > 0:
        merged[: surplus + 1] = [(merged[0][0], merged[surplus][1])]
    return tuple(merged)


def merged_evidence(evidence: Iterable[Evidence], limit: int) -> tuple[Evidence, ...]:
    """Return one piece of evidence per series, sorted by series; the strongest of too many."""
    pieces = tuple(evidence)
    by_series = {piece.peak.series: piece for piece in pieces}
    if len(by_series) < len(pieces):
        by_series = _united(pieces)
    kept = list(by_series.values())
    if len(kept) > limit:
        kept = sorted(kept, key=strength)[-limit:]
    return tuple(sorted(kept, key=attrgetter("peak.series")))


def _united(pieces: Iterable[Evidence]) -> dict[str, Evidence]:
    by_series: dict[str, Evidence] = {}
    for piece in pieces:
        known = by_series.get(piece.peak.series)
        by_series[piece.peak.series] = piece if known is None else _union(known, piece)
    return by_series


def merged_orders(orders: Iterable[CommandGiven]) -> tuple[CommandGiven, ...]:
    """Return the newest command of each kind, sorted by kind."""
    newest: dict[str, CommandGiven] = {}
    for given in sorted(orders, key=lambda given: (given.given_at, given.given_by)):
        newest[given.command] = given
    return tuple(newest[kind] for kind in sorted(newest))


def merged_joins(joins: Iterable[Join]) -> tuple[Join, ...]:
    """Return distinct joins, the earliest ones of too many."""
    distinct = {(join.time, join.service, join.linked_to): join for join in joins}
    return tuple(distinct[name] for name in sorted(distinct)[:MAX_JOINS])


def _union(a: Evidence, b: Evidence) -> Evidence:
    return Evidence(
        first=min(a.first, b.first),
        last=max(a.last, b.last),
        count=a.count + b.count,
        peak=max(a, b, key=strength).peak,
    )


def _given_at(record: Record, command: str) -> int | None:
    return next((given.given_at for given in record.orders if given.command == command), None)
