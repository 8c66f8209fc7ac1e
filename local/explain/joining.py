"""Why each series is part of an incident: what links it to those before it. Pure."""

from collections.abc import Iterable, Iterator, Sequence

from aiops import plugins
from aiops.cell import Cell
from aiops.events import Evidence, Join
from aiops.topology import Topology
from functions.correlate.config import CorrelateConfig
from functions.correlate.linking import Link, Linker
from functions.correlate.sites import cells_of
from local.explain.model import Joined, Material
from local.explain.words import line, name, place

MOST_JOINS = 50

UNKNOWN = (
    "by anomalies between its first and its strongest, which the incident does not keep one by one"
)


def joins(material: Material) -> tuple[Joined, ...]:
    """Return why each series is part of the incident, the first to join first.

    Links are a function of two anomalies, so they are found again among those that are known.

    Raises:
        Misconfigured: there is no such correlator.
    """
    pieces = sorted(material.evidence, key=lambda one: (one.first, -one.peak.score))[:MOST_JOINS]
    linker = _linker(material.config)
    return tuple(
        Joined(
            piece.first,
            place(piece.peak),
            name(piece.peak.metric),
            piece.count,
            _why(piece, pieces[:number], material, linker) if number else "it opened the incident",
        )
        for number, piece in enumerate(pieces)
    )


def _linker(config: CorrelateConfig) -> Linker:
    correlators = [
        plugins.load("functions.correlate.correlators", one, "Correlator")(config)
        for one in config.correlators
    ]
    return Linker(correlators, config.threshold, config.time_weight)


def _why(piece: Evidence, before: Sequence[Evidence], material: Material, linker: Linker) -> str:
    config, topology = material.config, material.topology
    found = [
        (link.weight, -number, link, other)
        for number, other in enumerate(before)
        if (link := _link(piece, other, config, linker, topology)) is not None
    ]
    if found:
        _, _, link, other = max(found, key=lambda one: one[:2])
        whom = f"{name(other.peak.metric)} of {place(other.peak)}"
        return line(f"{link.reason}: to {whom} (weight {link.weight:.2f})")
    return _recorded(piece.peak.service, piece.first, material.incident.joins)


def _link(
    piece: Evidence, other: Evidence, config: CorrelateConfig, linker: Linker, topology: Topology
) -> Link | None:
    """Return the strongest link between a series' first anomaly and those known of another."""
    links = (
        linker.link(mine, theirs, topology)
        for mine in _cells(piece, (piece.first,), config)
        for theirs in _cells(other, (other.first, other.peak.time, other.last), config)
    )
    return max((one for one in links if one), key=lambda one: one.weight, default=None)


def _cells(piece: Evidence, times: Iterable[int], config: CorrelateConfig) -> Iterator[Cell]:
    for time in dict.fromkeys(times):
        yield from cells_of(piece.peak.model_copy(update={"time": time}), config)


def _recorded(service: str, time: int, links: Iterable[Join]) -> str:
    """Return the link that the incident keeps of a service, as near as possible to a time."""
    fitting = [one for one in links if service in {one.service, one.linked_to}]
    if not fitting:
        return UNKNOWN
    best = min(fitting, key=lambda one: (abs(one.time - time), -one.weight))
    other = best.linked_to if best.service == service else best.service
    return line(f"{best.reason}: to an anomaly of {name(other)} (weight {best.weight:.2f})")
