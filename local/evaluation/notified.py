"""Incidents as people were told of them: merged ones folded into their survivors."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from aiops.events import Incident, Suspect


@dataclass(frozen=True, slots=True)
class Notified:
    """An incident people were told of, together with those merged into it.

    Attributes:
        opened_at: Time of the first anomaly.
        last_at: Time of the last anomaly.
        notified_at: When people were first told.
        told: Services suspected then, the first suspect first.
        final: Services suspected in the end.
    """

    id: str
    opened_at: int
    last_at: int
    notified_at: int
    told: tuple[str, ...]
    final: tuple[str, ...]


def notified(incidents: Iterable[Incident]) -> list[Notified]:
    """Fold merged incidents into their survivors; by the time people were first told."""
    by_id = {incident.id: incident for incident in incidents}
    groups: dict[str, list[Incident]] = {}
    for incident in by_id.values():
        survivor = _survivor(incident, by_id)
        if survivor is not None:
            groups.setdefault(survivor.id, []).append(incident)
    folded = (_fold(by_id[id_], group) for id_, group in groups.items())
    return sorted((one for one in folded if one), key=lambda one: (one.notified_at, one.id))


def _survivor(incident: Incident, by_id: Mapping[str, Incident]) -> Incident | None:
    """Follow redirects to the end; None where they lead out of what is known or in a circle."""
    seen: set[str] = set()
    current: Incident | None = incident
    while current is not None and current.status == "merged":
        if current.id in seen or current.merged_into is None:
            return None
        seen.add(current.id)
        current = by_id.get(current.merged_into)
    return current


def _fold(survivor: Incident, group: Collection[Incident]) -> Notified | None:
    told = [(one.notified_at, one.id, one) for one in group if one.notified_at is not None]
    if not told:
        return None
    notified_at, _, first = min(told)
    return Notified(
        id=survivor.id,
        opened_at=survivor.opened_at,
        last_at=max((item.last for item in survivor.evidence), default=survivor.updated_at),
        notified_at=notified_at,
        told=_names(first.root_cause_at_notification),
        final=_names(survivor.root_cause),
    )


def _names(suspects: Iterable[Suspect]) -> tuple[str, ...]:
    return tuple(suspect.service for suspect in suspects)
