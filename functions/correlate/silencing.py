"""Which silences cover an incident: a pure function of the silences there are and of its record."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from fnmatch import fnmatchcase

from aiops.events import Anomaly, ChangeObserved, Silenced, SilenceGiven
from aiops.ids import derive
from aiops.incident_store import Record
from aiops.silences import Silence

LISTED = 8
"""Silences an incident lists at most: those that end last."""


def silences_of(
    record: Record,
    silences: Iterable[Silence],
    changes: Iterable[ChangeObserved],
    maintenance: Mapping[str, int],
) -> tuple[Silenced, ...]:
    """Return the silences that cover an incident at any time of its life, the last to end first.

    Args:
        record: With its suspects and its status.
        silences: All there are.
        changes: Those that may have opened a maintenance window.
        maintenance: For how many seconds a change of a kind does so.
    """
    known = {each.id: each for each in silences}
    for opened in opened_by(changes, maintenance, record.domain):
        known[opened.silence] = Silence(given=opened).joined(known.get(opened.silence, Silence()))
    given = (one for each in known.values() if (one := each.in_force()) is not None)
    found = {
        _listed(one)
        for one in given
        if _meets(record, one.starts, one.ends) and covers(one, record)
    }
    found |= {one for one in _commanded(record) if _meets(record, one.starts, one.ends)}
    return tuple(sorted(found, key=lambda one: (-one.ends, one.starts, one.silence))[:LISTED])


def opened_by(
    changes: Iterable[ChangeObserved], maintenance: Mapping[str, int], domain: str
) -> Iterator[SilenceGiven]:
    """Yield the maintenance windows that changes open for the service that is changed."""
    for change in changes if maintenance else ():
        seconds = maintenance.get(change.kind, 0)
        if seconds > 0 and change.service:
            yield SilenceGiven(
                silence=derive("maintenance", change.service, change.kind, change.observed_at),
                domain=domain,
                service=_literal(change.service),
                starts=change.observed_at,
                ends=change.observed_at + seconds * 1000,
                given_by=f"a {change.kind}",
                given_at=change.observed_at,
                reason=change.summary[:2_048],
            )


def covers(given: SilenceGiven, record: Record) -> bool:
    """Return whether a silence names an incident's likeliest cause, or all of its evidence.

    A suspect that has no evidence of its own is named by its service alone.
    """
    peaks = [piece.peak for piece in record.evidence]
    if all(_names(given, peak) for peak in peaks):
        return True
    if not record.root_cause:
        return False
    cause = record.root_cause[0]
    own = [p for p in peaks if cause.service in _services(p) and p.metric == cause.metric]
    if own:
        named = fnmatchcase(cause.service, given.service)
        return named and any(_names(given, peak) for peak in own)
    anything = given.metric == "*" and not given.labels
    return anything and fnmatchcase(cause.service, given.service)


def _meets(record: Record, starts: int, ends: int) -> bool:
    over = record.resolved_at
    return ends > record.opened_at and (over is None or starts < over)


def _names(given: SilenceGiven, peak: Anomaly) -> bool:
    return (
        any(fnmatchcase(service, given.service) for service in _services(peak))
        and fnmatchcase(peak.metric, given.metric)
        and all(fnmatchcase(peak.labels.get(k, ""), glob) for k, glob in given.labels.items())
    )


def _services(peak: Anomaly) -> Collection[str]:
    return (peak.service,) if peak.edge is None else (peak.service, *peak.edge)


def _commanded(record: Record) -> Iterator[Silenced]:
    """Yield the silence that was given for this incident alone."""
    for order in record.orders:
        if order.command == "silence" and order.until is not None and order.until > order.given_at:
            yield Silenced(
                silence=record.id,
                starts=order.given_at,
                ends=order.until,
                given_by=order.given_by,
                reason=order.reason,
            )


def _listed(given: SilenceGiven) -> Silenced:
    return Silenced(
        silence=given.silence,
        starts=given.starts,
        ends=given.ends,
        given_by=given.given_by,
        reason=given.reason,
    )


def _literal(name: str) -> str:
    """Return a pattern that stands for this name alone."""
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)[:2_048]
