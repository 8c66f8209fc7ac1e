"""Connected components: which cells and incidents are one."""

from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from aiops.cell import Cell
from aiops.events import Join
from functions.correlate.linking import Link
from functions.correlate.neighbourhood import Keys, Neighbourhood

Node = TypeVar("Node", bound=Hashable)


class Forest(Generic[Node]):
    """Union-find: which of the nodes seen so far are connected."""

    def __init__(self) -> None:
        self._parent: dict[Node, Node] = {}

    def root(self, node: Node) -> Node:
        """Return what stands for the node's component; a new node stands for itself."""
        parent = self._parent
        root = node
        while (above := parent.setdefault(root, root)) != root:
            root = above
        while parent[node] != root:
            parent[node], node = root, parent[node]
        return root

    def join(self, a: Node, b: Node) -> None:
        """Connect two nodes."""
        self._parent[self.root(b)] = self.root(a)

    def components(self) -> tuple[tuple[Node, ...], ...]:
        """Return the components, in the order in which their first node was seen."""
        found: dict[Node, list[Node]] = {}
        for node in tuple(self._parent):
            found.setdefault(self.root(node), []).append(node)
        return tuple(tuple(nodes) for nodes in found.values())


@dataclass(frozen=True, slots=True)
class Linking:
    """How cells are linked.

    Attributes:
        link: What links two cells; None for nothing.
        keys: What two cells must have one of in common to be compared at all.
        reach: Milliseconds that may lie between two cells that are compared.
    """

    link: Callable[[Cell, Cell], Link | None]
    keys: Keys
    reach: int


@dataclass(frozen=True, slots=True)
class Component:
    """Cells and incidents that are one incident.

    Attributes:
        cells: The new cells among them.
        incidents: Those they were linked to, none for a new incident.
        joins: The links that made them one, where they connect different services.
    """

    cells: tuple[Cell, ...]
    incidents: tuple[str, ...]
    joins: tuple[Join, ...]


def gather(
    cells: Iterable[Cell],
    placed: Neighbourhood,
    linking: Linking,
    closed: Collection[str] = frozenset(),
    bound: Iterable[Sequence[Cell]] = (),
) -> tuple[Component, ...]:
    """Return the components of new cells, each with the incidents it is linked to.

    Args:
        cells: New cells; one that is placed already belongs to the incident it is placed in.
        placed: Cells placed before, with the incident each belongs to now.
        linking: How they are linked.
        closed: Incidents that take no more.
        bound: New cells that belong together whatever links them: those of one anomaly.
    """
    gathering = _Gathering(placed, linking, closed)
    for cell in sorted(set(cells), key=lambda cell: (cell.time, cell.site.key)):
        gathering.add(cell)
    for together in bound:
        gathering.bind(together)
    return tuple(gathering.components())


class _Gathering:
    """Takes one new cell after the other and links it to all that came before it."""

    def __init__(self, placed: Neighbourhood, linking: Linking, closed: Collection[str]) -> None:
        self._placed, self._linking, self._closed = placed, linking, closed
        self._forest = Forest[str | int]()
        self._cells: list[Cell] = []
        self._numbers: dict[tuple[str, int], int] = {}
        self._by_key: dict[Hashable, list[int]] = {}
        self._joins: list[list[Join]] = []

    def add(self, cell: Cell) -> None:
        number = len(self._cells)
        self._forest.root(number)
        self._cells.append(cell)
        self._numbers[cell.key] = number
        self._joins.append([])
        self._link_to_placed(number, cell)
        self._link_to_new(number, cell)

    def bind(self, cells: Sequence[Cell]) -> None:
        first, *others = (self._numbers[cell.key] for cell in cells)
        for other in others:
            self._forest.join(other, first)

    def _link_to_placed(self, number: int, cell: Cell) -> None:
        span = (cell.time - self._linking.reach, cell.time + self._linking.reach)
        for incident, other in self._placed.near(
            cell.site, span, lambda incident: self._apart(number, incident)
        ):
            self._compare(number, other, incident)

    def _link_to_new(self, number: int, cell: Cell) -> None:
        keys = list(self._linking.keys(cell.site))
        for other in sorted({place for key in keys for place in self._by_key.get(key, ())}):
            near = cell.time - self._cells[other].time <= self._linking.reach
            if near and self._forest.root(other) != self._forest.root(number):
                self._compare(number, self._cells[other], other)
        for key in keys:
            self._by_key.setdefault(key, []).append(number)

    def _apart(self, number: int, incident: str) -> bool:
        """Return whether an incident takes more and is not connected with a new cell yet."""
        return incident not in self._closed and self._forest.root(incident) != self._forest.root(
            number
        )

    def _compare(self, number: int, other: Cell, node: str | int) -> None:
        cell = self._cells[number]
        if cell.key == other.key:
            self._forest.join(node, number)
            return
        found = self._linking.link(cell, other)
        if found is None:
            return
        self._forest.join(node, number)
        if cell.site.service != other.site.service:
            self._joins[number].append(_join(cell, other, found))

    def components(self) -> Iterable[Component]:
        for nodes in self._forest.components():
            numbers = [node for node in nodes if isinstance(node, int)]
            if numbers:
                yield Component(
                    tuple(self._cells[number] for number in numbers),
                    tuple(sorted(node for node in nodes if isinstance(node, str))),
                    tuple(join for number in numbers for join in self._joins[number]),
                )


def _join(cell: Cell, other: Cell, link: Link) -> Join:
    return Join(
        service=cell.site.service,
        linked_to=other.site.service,
        time=cell.time,
        weight=round(link.weight, 3),
        reason=link.reason,
    )
