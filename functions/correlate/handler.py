"""Anomalies into incidents: what each event changes, committed before anything is said of it."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from aiops.adapters.cloudevent import read_fact
from aiops.adapters.serve import child_trace
from aiops.cell import Cell
from aiops.errors import Rejected
from aiops.events import (
    AnomaliesDetected,
    Anomaly,
    ChangeObserved,
    CommandGiven,
    FeedbackGiven,
    TopologyObserved,
    WorkDue,
)
from aiops.incident_store import View
from aiops.ports import Counts, Event
from aiops.topology import Topology
from functions.correlate import incident
from functions.correlate.atlas import Atlas, valid_from
from functions.correlate.domain import MEMORY, Change, Domain, until_committed
from functions.correlate.intake import closed_to, destination, grouped, span_of, take_in, way
from functions.correlate.linking import Link, Linker
from functions.correlate.outbox import Outbox

BATCH = 64
"""Incidents resolved in one commit."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of a batch: how many of each kind, and the incidents to bring up to date."""

    counts: Counts
    incidents: frozenset[str]


@dataclass(frozen=True, slots=True)
class Correlate:
    """Handles the events of one domain."""

    domain: Domain
    linker: Linker
    atlas: Atlas
    outbox: Outbox

    def __call__(self, event: Event) -> Counts:
        """Handle an event.

        Raises:
            Rejected: its type is not one of ours, or its data is wrong.
            Unavailable: it is to be delivered again.
        """
        handlers: Mapping[str, Callable[[Event], Counts]] = {
            AnomaliesDetected.type: self._anomalies,
            WorkDue.type: self._tick,
            CommandGiven.type: self._command,
            TopologyObserved.type: self._topology,
            ChangeObserved.type: self._change,
            FeedbackGiven.type: self._feedback,
        }
        if event.type not in handlers:
            raise Rejected(f"type: correlate takes no {event.type[:200]!r}")
        return +handlers[event.type](event)

    def _anomalies(self, event: Event) -> Counts:
        fact = read_fact(event, AnomaliesDetected)
        for index, anomaly in enumerate(fact.anomalies):
            self._check_domain(anomaly.domain, f"anomalies.{index}.domain")
        limit = event.time + self.domain.config.future_tolerance * 1000
        believed = {anomaly.id: anomaly for anomaly in fact.anomalies if anomaly.time <= limit}
        taken = until_committed(lambda: self._take(tuple(believed.values()), event.time))
        counts = taken.counts
        counts["future"] += sum(anomaly.time > limit for anomaly in fact.anomalies)
        counts["published"] += self._send(taken.incidents, event.time, event)
        return counts

    def _take(self, anomalies: Sequence[Anomaly], now: int) -> Taken | None:
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
            components = grouped(anomalies, open_to, self._link(view), config)
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

    def _link(self, view: View) -> Callable[[Cell, Cell], Link | None]:
        """Return what links two cells under the topology valid at the later of them."""

        def link(a: Cell, b: Cell) -> Link | None:
            topology = self.atlas.at(view.topologies, max(a.time, b.time))
            return self.linker.link(a, b, topology)

        return link

    def _tick(self, event: Event) -> Counts:
        due = read_fact(event, WorkDue)
        if due.stage != "correlate":
            raise Rejected(f"stage: correlate does no work of {due.stage!r}")
        view = self.domain.look(due.now)
        sent = self._send({*view.waiting, *view.overdue}, due.now, event)
        resolved: set[str] = set()
        more = True
        while more:
            over = until_committed(lambda: self._resolve(due))
            resolved |= over
            more = len(over) == BATCH
        sent += self._send(resolved, due.now, event)
        return Counter(resolved=len(resolved), published=sent)

    def _resolve(self, due: WorkDue) -> frozenset[str] | None:
        """Resolve incidents that were quiet for long enough, the longest quiet first."""
        view = self.domain.look(due.now)
        processed = max(view.processed_until, due.processed_until or 0)
        quiet = processed - self.domain.config.resolve_after * 1000
        over = self.domain.records(self.domain.store.quiet(quiet, BATCH))
        settled = tuple(
            incident.settle(record, processed, self.domain.config) for record in over.values()
        )
        if not settled and processed == view.processed_until:
            return frozenset()
        done = self.domain.commit(view, Change(records=settled, processed_until=processed))
        return None if done is None else frozenset(over)

    def _command(self, event: Event) -> Counts:
        command = read_fact(event, CommandGiven)
        name = until_committed(lambda: self._order(command, event.time))
        if not name:
            return Counter(unknown_incident=1)
        return Counter(commands=1, published=self._send({name}, event.time, event))

    def _order(self, command: CommandGiven, now: int) -> str | None:
        """Note a command; return the incident it concerns by now, empty where there is none."""
        view = self.domain.look(now)
        name = destination(command.incident, self.domain.store.moved({command.incident}))
        record = self.domain.records({name}).get(name)
        if record is None:
            return ""
        ordered = incident.order(record, command)
        if ordered == record:
            return name
        settled = incident.settle(ordered, view.processed_until, self.domain.config)
        return None if self.domain.commit(view, Change(records=(settled,))) is None else name

    def _topology(self, event: Event) -> Counts:
        observed = read_fact(event, TopologyObserved)
        self._check_domain(observed.domain, "domain")
        topology = Topology.of((call.client, call.server) for call in observed.calls)
        return Counter({until_committed(lambda: self._chart(observed, topology, event.time)): 1})

    def _chart(self, observed: TopologyObserved, topology: Topology, now: int) -> str | None:
        """Keep a topology; return what became of it."""
        if not topology.calls:
            return "empty_topology"
        view = self.domain.look(now)
        delay = self.domain.config.topology_delay * 1000
        since = valid_from(observed, topology.version, view, delay)
        if since is None:
            return "unchanged_topology"
        done = self.domain.commit(view, Change(topology=(since, topology)))
        return None if done is None else "topology"

    def _change(self, event: Event) -> Counts:
        change = read_fact(event, ChangeObserved)
        until_committed(
            lambda: self.domain.commit(self.domain.look(event.time), Change(changes=(change,)))
        )
        return Counter(
            changes=1, published=self._send(self._changed(change, event.time), event.time, event)
        )

    def _changed(self, change: ChangeObserved, now: int) -> frozenset[str]:
        """Return the incidents whose suspects a change may alter: those going on or soon after."""
        config = self.domain.config
        reach = max(config.change_window, config.recurrence) * 1000
        since = change.observed_at - config.bucket * 1000
        view = self.domain.look(now, cells=(since, change.observed_at + reach))
        names = {placed.incident for placed in view.cells}
        moved = self.domain.store.moved(names)
        return frozenset(destination(name, moved) for name in names)

    def _feedback(self, event: Event) -> Counts:
        read_fact(event, FeedbackGiven)
        return Counter(feedback=1)

    def _send(self, incidents: Collection[str], now: int, cause: Event) -> int:
        extensions = {"causationid": cause.id, **child_trace(cause, "correlate")}
        return self.outbox.send(incidents, now, extensions)

    def _check_domain(self, domain: str, field: str) -> None:
        if domain != self.domain.name:
            raise Rejected(f"{field}: not {self.domain.name!r}, whose events are taken here")
