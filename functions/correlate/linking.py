"""What links two cells: correlators look, and what they find is combined."""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from math import prod
from typing import Protocol

from aiops.cell import Cell, Site
from aiops.topology import Topology
from functions.correlate.recent import NO_CHANGES, NONE, Changes, Touches

REMEMBERED = 1 << 16
"""Links remembered, so that the same two sites are not compared again every minute."""


@dataclass(frozen=True, slots=True)
class Link:
    """Something that two cells have in common.

    Attributes:
        weight: How much it speaks for one cause, 0 to 1.
        reason: What it is, in words.
    """

    weight: float
    reason: str


@dataclass(frozen=True, slots=True)
class Around:
    """What is known around two cells, besides the cells.

    Attributes:
        topology: Who called whom at the later of the two.
        one: The changes that touch the first; for a site alone, those that ever do.
        other: The changes that touch the second.
    """

    topology: Topology
    one: Touches = NONE
    other: Touches = NONE


class Correlator(Protocol):
    """One way in which two cells may belong together.

    Attributes:
        gate: Its weight scales what the others find; where it finds nothing there is no link.
    """

    gate: bool

    def keys(self, site: Site, around: Around) -> Iterable[Hashable]:
        """Return what another site must have one of in common for this correlator to matter.

        Two sites that share no key of any correlator are never compared. What cannot reach the
        threshold together with other such things needs none.
        """

    def link(self, a: Site, b: Site, apart: int, around: Around) -> Link | None:
        """Return what it finds, the same for both orders of the two; None for nothing.

        More changes never make it find less.

        Args:
            a: The site of one cell.
            b: The site of the other.
            apart: Milliseconds between the two cells.
            around: What is known around the two.
        """


class Linker:
    """Combines what the correlators find; a pure, symmetric function of two cells."""

    def __init__(
        self, correlators: Sequence[Correlator], threshold: float, for_nothing: float = 0.0
    ) -> None:
        """Set what combines.

        Args:
            correlators: Those that look.
            threshold: The weight from which two cells are linked, above 0.
            for_nothing: The weight of two cells of which nothing is found but that they pass the
                gates.
        """
        self._correlators = tuple(correlators)
        self._threshold = threshold
        self._for_nothing = for_nothing
        self._known: dict[tuple[Hashable, ...], Link | None] = {}
        self._keys: dict[tuple[Hashable, ...], tuple[Hashable, ...]] = {}

    def keys(
        self, site: Site, topology: Topology, changes: Changes = NO_CHANGES
    ) -> tuple[Hashable, ...]:
        """Return what another site must share one of to be compared with this one, in order."""
        touches = changes.of(site)
        name = (site.key, topology.version, touches)
        try:
            return self._keys[name]
        except KeyError:
            if len(self._keys) >= REMEMBERED:
                self._keys.clear()
            around = Around(topology, touches)
            found = (correlator.keys(site, around) for correlator in self._correlators)
            self._keys[name] = keys = tuple(dict.fromkeys((site.key, *chain(*found))))
            return keys

    def link(
        self, a: Cell, b: Cell, topology: Topology, changes: Changes = NO_CHANGES
    ) -> Link | None:
        """Return the link between two cells; None where too little speaks for one."""
        one, other = (a, b) if a.site.key <= b.site.key else (b, a)
        apart = abs(a.time - b.time)
        touches = changes.touching(one), changes.touching(other)
        name = (one.site.key, other.site.key, apart, topology.version, *touches)
        try:
            return self._known[name]
        except KeyError:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            around = Around(topology, *touches)
            self._known[name] = found = self._combine(one.site, other.site, apart, around)
            return found

    def _combine(self, a: Site, b: Site, apart: int, around: Around) -> Link | None:
        """Return 1 - the product of (1 - weight), times what the gates let through.

        The first is the chance that not all of what was found is mistaken.
        """
        found: list[Link] = []
        passed: list[Link] = []
        for correlator in self._correlators:
            link = correlator.link(a, b, apart, around)
            if link is not None:
                (passed if correlator.gate else found).append(link)
            elif correlator.gate:
                return None
        evidence = 1 - (1 - self._for_nothing) * prod(1 - link.weight for link in found)
        weight = evidence * prod(link.weight for link in passed)
        if weight < self._threshold:
            return None
        strongest = [*sorted(found, key=lambda link: -link.weight), *passed]
        return Link(weight, ", ".join(link.reason for link in strongest))
