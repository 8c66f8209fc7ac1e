"""Cells in incidents, found by what a link needs two of them to have in common."""

from bisect import bisect_right, insort
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping

from aiops.cell import Cell, Site

Keys = Callable[[Site], Iterable[Hashable]]
"""Returns what another site must have one of in common with a site to be compared with it."""

Row = tuple[int, str, Cell]
"""A cell behind its time and the key of its site, by which rows are sorted."""


class Neighbourhood:
    """Knows in which incident each cell is, and which cells may be linked to a new one.

    Args:
        keys: What two sites must share one of.
        placed: Cells, each with its incident.

    Attributes:
        oldest: Time of the oldest cell.
    """

    def __init__(self, keys: Keys, placed: Iterable[tuple[Cell, str]] = ()) -> None:
        self._keys = keys
        self._rows: dict[Hashable, dict[str, list[Row]]] = {}
        self._cells: dict[str, dict[tuple[str, int], Cell]] = {}
        self.oldest = 1 << 62
        for cell, incident in placed:
            self.add(cell, incident)

    def __contains__(self, placed: tuple[Cell, str]) -> bool:
        """Return whether a cell is in an incident."""
        cell, incident = placed
        return cell.key in self._cells.get(incident, {})

    def count(self, first: int, last: int) -> int:
        """Return how many cells lie between two times, one in two incidents counted twice."""
        return sum(first <= time <= last for cells in self._cells.values() for _, time in cells)

    def __iter__(self) -> Iterator[tuple[Cell, str]]:
        """Yield every cell with its incident."""
        for incident, cells in self._cells.items():
            for cell in cells.values():
                yield cell, incident

    @property
    def incidents(self) -> frozenset[str]:
        """The incidents that have cells here."""
        return frozenset(self._cells)

    def add(self, cell: Cell, incident: str) -> None:
        """Place a cell."""
        cells = self._cells.setdefault(incident, {})
        if cell.key in cells:
            return
        cells[cell.key] = cell
        self.oldest = min(self.oldest, cell.time)
        row = (cell.time, cell.site.key, cell)
        for key in self._keys(cell.site):
            rows = self._rows.setdefault(key, {}).setdefault(incident, [])
            if rows and rows[-1][:2] > row[:2]:
                insort(rows, row)
            else:
                rows.append(row)

    def move(self, moved: Mapping[str, str]) -> None:
        """Place the cells of incidents that were merged in those that took them over."""
        for incident in [name for name in self._cells if name in moved]:
            cells = self._cells.pop(incident).values()
            for key in {key for cell in cells for key in self._keys(cell.site)}:
                del self._rows[key][incident]
            while incident in moved:
                incident = moved[incident]  # noqa: PLW2901 - followed to the end
            for cell in cells:
                self.add(cell, incident)

    def since(self, time: int) -> "Neighbourhood":
        """Return those of the cells that are not older."""
        return Neighbourhood(self._keys, ((cell, i) for cell, i in self if cell.time >= time))

    def near(
        self, site: Site, span: tuple[int, int], wanted: Callable[[str], bool]
    ) -> Iterator[tuple[str, Cell]]:
        """Yield the cells in a span of time that share a key with a site, the newest first.

        Args:
            site: Of the cell that may be linked to them.
            span: From when to when, both ends included.
            wanted: Asked before each cell of an incident; after a no, the next incident's follow.
        """
        first, last = span
        for key in self._keys(site):
            for incident, rows in self._rows.get(key, {}).items():
                if not wanted(incident):
                    continue
                for place in range(bisect_right(rows, last, key=_time) - 1, -1, -1):
                    time, _, cell = rows[place]
                    if time < first or not wanted(incident):
                        break
                    yield incident, cell


def _time(row: Row) -> int:
    return row[0]
