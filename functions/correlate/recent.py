"""Changes shortly before a cell: what they are of, and what they share with others."""

from collections import defaultdict
from collections.abc import Iterable

from aiops.cell import Cell, Site
from aiops.events import ChangeObserved

Touches = frozenset[tuple[str, str]]
"""Services that were changed, each with what names the change; empty where nothing does."""

NONE: Touches = frozenset()


class Changes:
    """The changes a domain knows, by service.

    A change touches a cell of its service that begins within `reach` after it, or that it falls
    into. More changes only touch more, so what is linked by some of them stays linked.

    Args:
        observed: All that are known.
        reach: Milliseconds.
        bucket: Milliseconds of a cell.
    """

    def __init__(self, observed: Iterable[ChangeObserved], reach: int, bucket: int) -> None:
        self.observed = tuple(observed)
        self._reach, self._bucket = reach, bucket
        self._by_service: defaultdict[str, list[tuple[int, str]]] = defaultdict(list)
        for one in self.observed:
            release = f"{one.kind} {one.summary}" if one.summary else ""
            self._by_service[one.service].append((one.observed_at, release))

    def touching(self, cell: Cell) -> Touches:
        """Return the changes that touch a cell."""
        if not self._by_service:
            return NONE
        first, last = cell.time - self._reach, cell.time + self._bucket
        return frozenset(
            (service, release)
            for service in cell.site.ends
            for at, release in self._by_service.get(service, ())
            if first <= at < last
        )

    def of(self, site: Site) -> Touches:
        """Return the changes that touch a site at any time."""
        if not self._by_service:
            return NONE
        return frozenset(
            (service, release)
            for service in site.ends
            for _, release in self._by_service.get(service, ())
        )


NO_CHANGES = Changes((), 0, 0)
