"""Connected components: which cells and incidents are one."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from aiops.cell import Cell, Site
from aiops.events import Join
from functions.correlate.linking import Link

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
    """

    link: Callable[[Cell, Cell], Link | None]
    keys: Callable[[Site], Iterable[Hashable]]


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
    cells: Iterable[Cell], placed: Sequence[tuple[Cell, str]], linking: Linking
) -> tuple[Component, ...]:
    """Return the components of new cells, each with the incidents it is linked to.

    Args:
        cells: New cells; one that is placed already belongs to the incident it is placed in.
        placed: Cells placed before, with the incident each belongs to now.
        linking: How they are linked.
    """
    new = sorted(set(cells), key=lambda cell: (cell.time, cell.site.key))
    forest = Forest[str | int]()
    index = _Index(linking.keys)
    joins: dict[int, list[Join]] = {number: [] for number in range(len(new))}
    for cell, incident in placed:
        index.add(cell, incident)
    for number, cell in enumerate(new):
        forest.root(number)
        for other, node in index.near(cell.site):
            if forest.root(node) == forest.root(number):
                continue
            same = cell.key == other.key
            found = None if same else linking.link(cell, other)
            if same or found is not None:
                forest.join(node, number)
            if found is not None and cell.site.service != other.site.service:
                joins[number].append(_join(cell, other, found))
        index.add(cell, number)
    return tuple(_components(forest, new, joins))


class _Index:
    """Finds the cells that share a key with a site, in the order they were added."""

    def __init__(self, keys: Callable[[Site], Iterable[Hashable]]) -> None:
        self._keys = keys
        self._cells: list[tuple[Cell, str | int]] = []
        self._by_key: dict[Hashable, list[int]] = {}

    def add(self, cell: Cell, node: str | int) -> None:
        for key in self._keys(cell.site):
            self._by_key.setdefault(key, []).append(len(self._cells))
        self._cells.append((cell, node))

    def near(self, site: Site) -> Iterable[tuple[Cell, str | int]]:
        found = {place for key in self._keys(site) for place in self._by_key.get(key, ())}
        return (self._cells[place] for place in sorted(found))


def _components(
    forest: Forest[str | int], new: Sequence[Cell], joins: dict[int, list[Join]]
) -> Iterable[Component]:
    for nodes in forest.components():
        numbers = [node for node in nodes if isinstance(node, int)]
        if numbers:
            yield Component(
                tuple(new[number] for number in numbers),
                tuple(sorted(node for node in nodes if isinstance(node, str))),
                tuple(join for number in numbers for join in joins[number]),
            )


def _join(cell: Cell, other: Cell, link: Link) -> Join:
    return Join(
        service=cell.site.service,
        linked_to=other.site.service,
        time=cell.time,
        weight=round(link.weight, 3),
        reason=link.reason,
    )
