"""What a batch of new anomalies changes: pure, from what was read to what is to be committed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from aiops.cell import Cell
from aiops.events import Anomaly
from aiops.ids import derive
from aiops.incident_store import Placed, Record, Sighting
from functions.correlate import incident
from functions.correlate.components import Component
from functions.correlate.config import CorrelateConfig

Sighted = tuple[Anomaly, Cell]
"""An anomaly and where it belongs."""


Spans = tuple[tuple[int, int], ...]
"""From when to when, both included; disjoint, sorted."""


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


def spans_of(cells: Iterable[Cell], reach: int) -> Spans:
    """Return the times of all cells that may be linked to one of these, as disjoint spans.

    An anomaly that comes late adds the times around it, not all between it and the others.
    """
    spans: list[tuple[int, int]] = []
    for time in sorted({cell.time for cell in cells}):
        if spans and time - reach <= spans[-1][1]:
            spans[-1] = (spans[-1][0], time + reach)
        else:
            spans.append((time - reach, time + reach))
    return tuple(spans)


def bound_cells(sighted: Iterable[Sighted]) -> tuple[tuple[Cell, ...], ...]:
    """Return the cells of each anomaly that has several."""
    cells: dict[str, list[Cell]] = {}
    for anomaly, cell in sighted:
        cells.setdefault(anomaly.id, []).append(cell)
    return tuple(tuple(several) for several in cells.values() if len(several) > 1)


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
    sighted: Sequence[Sighted],
    components: Sequence[Component],
    records: Mapping[str, Record],
    config: CorrelateConfig,
) -> Intake:
    """Return what the components of new anomalies make of the incidents they are linked to.

    Args:
        domain: Part of the name of a new incident.
        sighted: New ones, one with several cells as often.
        components: What their cells are linked to.
        records: The incidents named there.
        config: What was configured.
    """
    by_cell: dict[tuple[str, int], list[Anomaly]] = {}
    for anomaly, cell in sighted:
        by_cell.setdefault(cell.key, []).append(anomaly)
    sightings: list[Sighting] = []
    cells: list[Placed] = []
    changed: list[Record] = []
    for component in components:
        within = (a for cell in component.cells for a in by_cell[cell.key])
        members = list({anomaly.id: anomaly for anomaly in within}.values())
        survivor, losers = _united(domain, component, members, records, config)
        changed.extend((survivor, *losers))
        sightings.extend(Sighting(a.id, a.time, survivor.id) for a in members)
        cells.extend(Placed(cell, survivor.id) for cell in component.cells)
    return Intake(tuple(sightings), tuple(cells), tuple(changed))


def unite(
    components: Sequence[Component], records: Mapping[str, Record], config: CorrelateConfig
) -> tuple[Record, ...]:
    """Return what becomes of incidents that are linked now though nothing new came to them."""
    changed: list[Record] = []
    for component in components:
        if len(component.incidents) > 1:
            survivor, losers = incident.merge((records[i] for i in component.incidents), config)
            joins = incident.merged_joins((*survivor.joins, *component.joins))
            changed.extend((survivor.model_copy(update={"joins": joins}), *losers))
    return tuple(changed)


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
