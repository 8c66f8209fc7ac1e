"""Connected components: which cells and incidents are one."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from aiops.cell import Cell
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

    def join(self, a: Node, b: Node) -> bool:
        """Connect two nodes; tell whether they were apart."""
        one, other = self.root(a), self.root(b)
        self._parent[other] = one
        return one != other

    def components(self) -> tuple[tuple[Node, ...], ...]:
        """Return the components, in the order in which their first node was seen."""
        found: dict[Node, list[Node]] = {}
        for node in tuple(self._parent):
            found.setdefault(self.root(node), []).append(node)
        return tuple(tuple(nodes) for nodes in found.values())


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
    placed: Sequence[tuple[Cell, str]],
    link: Callable[[Cell, Cell], Link | None],
) -> tuple[Component, ...]:
    """Return the components of new cells, each with the incidents it is linked to.

    Args:
        cells: New cells; one that is placed already belongs to the incident it is placed in.
        placed: Cells placed before, with the incident each belongs to now.
        link: What links two cells.
    """
    forest = Forest[Cell | str]()
    joins: list[tuple[Cell, Join]] = []
    new = sorted(set(cells), key=lambda cell: (cell.time, cell.site.key))
    for position, cell in enumerate(new):
        forest.root(cell)
        fresh: list[tuple[Cell, Cell | str]] = [(earlier, earlier) for earlier in new[:position]]
        for other, node in (*placed, *fresh):
            if forest.root(node) == forest.root(cell):
                continue
            if cell.key == other.key:
                forest.join(node, cell)
            elif (found := link(cell, other)) is not None:
                forest.join(node, cell)
                joins.extend(_told(cell, other, found))
    return tuple(_component(nodes, joins) for nodes in _with_new(forest.components()))


def _with_new(
    components: Iterable[tuple[Cell | str, ...]],
) -> Iterable[tuple[Cell | str, ...]]:
    return (nodes for nodes in components if any(isinstance(node, Cell) for node in nodes))


def _component(nodes: tuple[Cell | str, ...], joins: Sequence[tuple[Cell, Join]]) -> Component:
    cells = tuple(node for node in nodes if isinstance(node, Cell))
    return Component(
        cells,
        tuple(sorted(node for node in nodes if isinstance(node, str))),
        tuple(join for cell, join in joins if cell in set(cells)),
    )


def _told(cell: Cell, other: Cell, link: Link) -> tuple[tuple[Cell, Join], ...]:
    if cell.site.service == other.site.service:
        return ()
    join = Join(
        service=cell.site.service,
        linked_to=other.site.service,
        time=cell.time,
        weight=round(link.weight, 3),
        reason=link.reason,
    )
    return ((cell, join),)
