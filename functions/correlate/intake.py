"""What a batch of new anomalies changes: pure, from what was read to what is to be committed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aiops.cell import Cell
from aiops.events import Anomaly
from aiops.ids import derive
from aiops.incident_store import Placed, Record, Sighting
from functions.correlate import incident
from functions.correlate.components import Component, Linking, gather
from functions.correlate.config import CorrelateConfig
from functions.correlate.sites import cell_of


@dataclass(frozen=True, slots=True)
class Intake:
    """What new anomalies change, without versions."""

    sightings: tuple[Sighting, ...]
    cells: tuple[Placed, ...]
    records: tuple[Record, ...]


def way(name: str, moved: Mapping[str, str]) -> tuple[str, ...]:
    """Return an incident, the one it was merged into, and so on to the one that is left."""
    names = [name]
    while names[-1] in moved:
        names.append(moved[names[-1]])
    return tuple(names)


def destination(name: str, moved: Mapping[str, str]) -> str:
    """Return the incident that an incident has become part of by now, itself where it has not."""
    return way(name, moved)[-1]


def span_of(anomalies: Sequence[Anomaly], config: CorrelateConfig) -> tuple[int, int]:
    """Return the times of all cells that may be linked to one of these anomalies."""
    times = [cell_of(anomaly, config).time for anomaly in anomalies]
    reach = config.recurrence * 1000
    return min(times) - reach, max(times) + reach


def grouped(
    anomalies: Sequence[Anomaly],
    placed: Sequence[tuple[Cell, str]],
    linking: Linking,
    config: CorrelateConfig,
) -> tuple[Component, ...]:
    """Return which of the anomalies' cells belong together and to which incidents."""
    return gather((cell_of(anomaly, config) for anomaly in anomalies), placed, linking)


def closed_to(
    components: Sequence[Component], records: Mapping[str, Record], config: CorrelateConfig
) -> frozenset[str]:
    """Return the incidents that take no more: too old for the cells linked to them, or gone."""
    oldest = config.max_age * 1000
    return frozenset(
        name
        for component in components
        for name in component.incidents
        if name not in records
        or max(cell.time for cell in component.cells) - records[name].opened_at > oldest
    )


def take_in(
    domain: str,
    anomalies: Sequence[Anomaly],
    components: Sequence[Component],
    records: Mapping[str, Record],
    config: CorrelateConfig,
) -> Intake:
    """Return what the components of new anomalies make of the incidents they are linked to.

    Args:
        domain: Part of the name of a new incident.
        anomalies: New and distinct.
        components: What their cells are linked to.
        records: The incidents named there.
        config: What was configured.
    """
    by_cell: dict[Cell, list[Anomaly]] = {}
    for anomaly in anomalies:
        by_cell.setdefault(cell_of(anomaly, config), []).append(anomaly)
    sightings: list[Sighting] = []
    cells: list[Placed] = []
    changed: list[Record] = []
    for component in components:
        members = [a for cell in component.cells for a in by_cell[cell]]
        survivor, losers = _united(domain, component, members, records, config)
        changed.extend((survivor, *losers))
        sightings.extend(Sighting(a.id, a.time, survivor.id) for a in members)
        cells.extend(Placed(cell, survivor.id) for cell in component.cells)
    return Intake(tuple(sightings), tuple(cells), tuple(changed))


def _united(
    domain: str,
    component: Component,
    members: Sequence[Anomaly],
    records: Mapping[str, Record],
    config: CorrelateConfig,
) -> tuple[Record, tuple[Record, ...]]:
    """Return the incident that a component is, and those that were merged into it."""
    founding = min(members, key=lambda anomaly: (anomaly.time, anomaly.id))
    name = derive("incident", domain, founding.id)
    new = incident.of_anomalies(name, domain, members, component.joins, config)
    if not component.incidents:
        return new, ()
    survivor, losers = incident.merge((records[i] for i in component.incidents), config)
    return incident.absorb(survivor, new, config), losers
