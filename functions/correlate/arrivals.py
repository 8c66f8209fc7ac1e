"""A batch of anomalies arriving: looked up, linked, judged, committed."""

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field

from aiops.cell import Cell, Site
from aiops.events import Anomaly, ChangeObserved
from aiops.incident_store import Held, Record, View
from aiops.ports import Counts
from functions.correlate import firing
from functions.correlate.atlas import Atlas, version_at
from functions.correlate.components import Component, Linking, gather
from functions.correlate.domain import MEMORY, Applied, Change, Domain
from functions.correlate.intake import (
    Sighted,
    bound_cells,
    closed_to,
    destination,
    spans_of,
    take_in,
    unite,
    way,
)
from functions.correlate.judging import Judge
from functions.correlate.known import Known, Memory, read
from functions.correlate.linking import Link, Linker
from functions.correlate.recent import Changes
from functions.correlate.sites import cells_of


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of a batch.

    Attributes:
        counts: How many anomalies of each kind.
        changed: Incidents that changed, up to date, to be published.
        others: Incidents to bring up to date besides.
    """

    counts: Counts
    changed: tuple[Held, ...]
    others: frozenset[str]


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Takes anomalies into the domain's incidents."""

    domain: Domain
    linker: Linker
    atlas: Atlas
    judge: Judge
    memory: Memory = field(default_factory=Memory)

    def take(self, anomalies: Sequence[Anomaly], now: int) -> Taken | None:
        """Take a batch in; None where the domain changed meanwhile."""
        view = self.domain.look(now, tuple(anomaly.id for anomaly in anomalies))
        unseen = [anomaly for anomaly in anomalies if anomaly.id not in view.placed]
        fresh = [anomaly for anomaly in unseen if anomaly.time >= view.watermark - MEMORY]
        counts: Counts = Counter(
            duplicate=len(anomalies) - len(unseen),
            too_old=len(unseen) - len(fresh),
            accepted=len(fresh),
        )
        others = {*view.waiting, *view.overdue}
        if view.placed:
            moved = self.domain.store.moved(set(view.placed.values()))
            others |= {name for known in view.placed.values() for name in way(known, moved)}
        if not fresh:
            return Taken(counts, (), frozenset(others))
        applied = self._take_in(fresh, view, now)
        if applied is None:
            return None
        done = {one.record.id for one in applied.held}
        return Taken(counts, applied.held, frozenset(others - done))

    def retell(self, anomalies: Sequence[Anomaly], now: int) -> frozenset[str] | None:
        """Note what is told again of alerts taken in before; return the incidents it changed.

        None where the domain changed meanwhile.
        """
        alerts = {anomaly.id for anomaly in anomalies if anomaly.alert is not None}
        if not alerts:
            return frozenset()
        view = self.domain.look(now, tuple(sorted(alerts)))
        moved = self.domain.store.moved(set(view.placed.values()))
        told: dict[str, list[Anomaly]] = {}
        for anomaly in anomalies:
            if anomaly.id in alerts & view.placed.keys():
                told.setdefault(destination(view.placed[anomaly.id], moved), []).append(anomaly)
        known = self.domain.records(told.keys())
        retold = {name: self._retold(known[name], told[name]) for name in known}
        changed = [record for name, record in retold.items() if record != known[name]]
        if not changed:
            return frozenset()
        judged = tuple(self.judge.judge(record, view, now) for record in changed)
        if self.domain.commit(view, Change(records=judged)) is None:
            return None
        return frozenset(record.id for record in judged)

    def _retold(self, record: Record, told: Sequence[Anomaly]) -> Record:
        return firing.retell(record, told, self.domain.config)

    def _take_in(self, fresh: Sequence[Anomaly], view: View, now: int) -> Applied | None:
        """Commit what new anomalies change."""
        config = self.domain.config
        sighted = [(anomaly, cell) for anomaly in fresh for cell in cells_of(anomaly, config)]
        spans = spans_of((cell for _, cell in sighted), config.recurrence * 1000)
        linking = self._linking(view, self.judge.changes(view))
        before = self.memory.take()
        known = before
        if known is None or not known.holds(view, spans):
            known = read(self.domain.store, view, spans, linking.keys, before)
        change = self._change(sighted, view, known, linking, now)
        applied = self.domain.commit(view, change)
        if applied is not None:
            known.learn(change, applied)
            known.trim(spans)
        self.memory.leave(known if known.since is not None or before is None else before)
        return applied

    def relink(self, change: ChangeObserved, now: int) -> frozenset[str] | None:
        """Take in a change, and merge what it links: as if it had been known before all that came.

        Return the incidents that are one now; None where the domain changed meanwhile.
        """
        config = self.domain.config
        view = self.domain.look(now)
        changes = self.judge.with_changes((*self.judge.changes(view).observed, change))
        linking = self._linking(view, changes)
        since = change.observed_at - config.bucket * 1000
        until = change.observed_at + config.change_reach * 1000
        reach = linking.reach
        spans = ((since - reach, until + reach),)
        known = read(self.domain.store, view, spans, linking.keys, None)
        touched = [
            cell
            for cell, _ in known.cells
            if since < cell.time <= until and change.service in cell.site.ends
        ]
        components, records = self._components(touched, (), known, linking)
        united = unite(components, records, config)
        judged = tuple(self.judge.judge(record, view, now) for record in united)
        if self.domain.commit(view, Change(records=judged, changes=(change,))) is None:
            return None
        return frozenset(record.id for record in judged)

    def _change(
        self, sighted: Sequence[Sighted], view: View, known: Known, linking: Linking, now: int
    ) -> Change:
        """Return what new anomalies change, given all cells near them."""
        config = self.domain.config
        cells = [cell for _, cell in sighted]
        components, records = self._components(cells, bound_cells(sighted), known, linking)
        intake = take_in(self.domain.name, sighted, components, records, config)
        return Change(
            records=tuple(self.judge.judge(record, view, now) for record in intake.records),
            sightings=intake.sightings,
            cells=tuple(p for p in intake.cells if (p.cell, p.incident) not in known.cells),
            watermark=max(anomaly.time for anomaly, _ in sighted),
        )

    def _components(
        self,
        cells: Sequence[Cell],
        bound: Sequence[Sequence[Cell]],
        known: Known,
        linking: Linking,
    ) -> tuple[Sequence[Component], Mapping[str, Record]]:
        """Return what cells are linked to, and the incidents among it that take more."""
        closed: frozenset[str] = frozenset()
        while True:
            components = gather(cells, known.cells, linking, closed, bound)
            names = {name for part in components for name in part.incidents}
            records: Mapping[str, Record] = known.incidents(names, self.domain.store)
            found = closed_to(components, records, self.domain.config)
            if not found:
                return components, records
            closed |= found

    def _linking(self, view: View, changes: Changes) -> Linking:
        """Return how cells are linked: under the topology valid at the later of two."""
        versions = view.topologies
        known = self.atlas.all(versions)
        if len(known) == 1:
            (only,) = known
            return Linking(
                lambda a, b: self.linker.link(a, b, only, changes),
                lambda site: self.linker.keys(site, only, changes),
                self.domain.config.recurrence * 1000,
            )
        held = {version: topology for (_, version), topology in zip(versions, known, strict=True)}

        def link(a: Cell, b: Cell) -> Link | None:
            version = version_at(versions, max(a.time, b.time))
            return None if version is None else self.linker.link(a, b, held[version], changes)

        def keys(site: Site) -> tuple[Hashable, ...]:
            found = (key for t in known for key in self.linker.keys(site, t, changes))
            return tuple(dict.fromkeys(found))

        return Linking(link, keys, self.domain.config.recurrence * 1000)
