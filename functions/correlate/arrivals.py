"""A batch of anomalies arriving: looked up, linked, committed."""

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

from aiops.cell import Cell, Site
from aiops.events import Anomaly
from aiops.incident_store import View
from aiops.ports import Counts
from functions.correlate import incident
from functions.correlate.atlas import Atlas
from functions.correlate.components import Linking
from functions.correlate.domain import MEMORY, Change, Domain
from functions.correlate.intake import closed_to, destination, grouped, span_of, take_in, way
from functions.correlate.linking import Link, Linker


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of a batch: how many of each kind, and the incidents to bring up to date."""

    counts: Counts
    incidents: frozenset[str]


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Takes anomalies into the domain's incidents."""

    domain: Domain
    linker: Linker
    atlas: Atlas

    def take(self, anomalies: Sequence[Anomaly], now: int) -> Taken | None:
        """Take a batch in; None where the domain changed meanwhile."""
        config = self.domain.config
        span = span_of(anomalies, config) if anomalies else None
        view = self.domain.look(now, tuple(anomaly.id for anomaly in anomalies), span)
        unseen = [anomaly for anomaly in anomalies if anomaly.id not in view.placed]
        fresh = [anomaly for anomaly in unseen if anomaly.time >= view.watermark - MEMORY]
        moved = self.domain.store.moved(
            {*view.placed.values(), *(placed.incident for placed in view.cells)}
        )
        counts: Counts = Counter(
            duplicate=len(anomalies) - len(unseen),
            too_old=len(unseen) - len(fresh),
            accepted=len(fresh),
        )
        concerned = {*view.waiting, *view.overdue}
        concerned |= {name for known in view.placed.values() for name in way(known, moved)}
        if fresh:
            change = self._intake(fresh, view, moved)
            if self.domain.commit(view, change) is None:
                return None
            concerned |= {record.id for record in change.records}
        return Taken(counts, frozenset(concerned))

    def _intake(self, anomalies: Sequence[Anomaly], view: View, moved: Mapping[str, str]) -> Change:
        """Return what new anomalies change, given all cells near them."""
        config = self.domain.config
        placed = [(p.cell, destination(p.incident, moved)) for p in view.cells]
        closed: frozenset[str] = frozenset()
        while True:
            open_to = [(cell, name) for cell, name in placed if name not in closed]
            components = grouped(anomalies, open_to, self._linking(view), config)
            records = self.domain.records({n for part in components for n in part.incidents})
            found = closed_to(components, records, config)
            if not found:
                break
            closed |= found
        intake = take_in(self.domain.name, anomalies, components, records, config)
        known = frozenset(view.cells)
        cells = tuple(place for place in intake.cells if place not in known)
        settled = tuple(
            record
            if record.status == "merged"
            else incident.settle(record, view.processed_until, config)
            for record in intake.records
        )
        watermark = max(anomaly.time for anomaly in anomalies)
        return Change(settled, intake.sightings, cells, watermark)

    def _linking(self, view: View) -> Linking:
        """Return how cells are linked: under the topology valid at the later of two."""

        def link(a: Cell, b: Cell) -> Link | None:
            topology = self.atlas.at(view.topologies, max(a.time, b.time))
            return self.linker.link(a, b, topology)

        def keys(site: Site) -> frozenset[Hashable]:
            return frozenset().union(*(self.linker.keys(site, t) for t in known))

        known = self.atlas.all(view.topologies)
        return Linking(link, keys)
