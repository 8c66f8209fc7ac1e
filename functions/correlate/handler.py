"""Anomalies into incidents: what each event changes, committed before anything is said of it."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from aiops.adapters.cloudevent import read_fact
from aiops.adapters.serve import child_trace
from aiops.call_table import calls_of, charted
from aiops.errors import Rejected
from aiops.events import (
    AnomaliesDetected,
    Anomaly,
    CauseJudged,
    ChangeObserved,
    CommandGiven,
    SilenceGiven,
    SilenceLifted,
    TopologyObserved,
    WorkDue,
)
from aiops.incident_store import LISTED
from aiops.ports import Counts, Event
from aiops.silences import Silence
from aiops.topology import Topology
from functions.correlate import incident
from functions.correlate.arrivals import Arrivals
from functions.correlate.atlas import finding
from functions.correlate.confidence import cause_given
from functions.correlate.domain import Change, Domain, until_committed
from functions.correlate.intake import destination
from functions.correlate.outbox import Outbox
from functions.correlate.silence_book import SilenceBook

ROUNDS = 16
"""Batches resolved in one tick, so that it ends in time; the rest is the next tick's."""

PAGE = 256
"""Incidents brought up to date in one commit."""

BATCH = 64
"""Incidents resolved in one commit."""


@dataclass(frozen=True, slots=True)
class Correlate:
    """Handles the events of one domain."""

    domain: Domain
    arrivals: Arrivals
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
            CauseJudged.type: self._cause,
            SilenceGiven.type: self._silence,
            SilenceLifted.type: self._lift,
        }
        if event.type not in handlers:
            raise Rejected(f"type: correlate takes no {event.type[:200]!r}")
        return +handlers[event.type](event)

    def _anomalies(self, event: Event) -> Counts:
        fact = read_fact(event, AnomaliesDetected)
        for index, anomaly in enumerate(fact.anomalies):
            self._check_domain(anomaly.domain, f"anomalies.{index}.domain")
        limit = self._latest(event)
        believed = [anomaly for anomaly in fact.anomalies if _told_of(anomaly) <= limit]
        distinct = tuple({anomaly.id: anomaly for anomaly in believed}.values())
        taken = until_committed(lambda: self.arrivals.take(distinct, event.time))
        retold = until_committed(lambda: self.arrivals.retell(believed, event.time))
        counts = taken.counts
        counts["future"] += len(fact.anomalies) - len(believed)
        counts["retold"] += len(retold)
        extensions = self._extensions(event)
        current = [one for one in taken.changed if one.record.id not in retold]
        counts["published"] += self.outbox.publish(current, extensions)
        counts["published"] += self.outbox.send(taken.others | retold, event.time, extensions)
        return counts

    def _tick(self, event: Event) -> Counts:
        due = read_fact(event, WorkDue)
        if due.stage != "correlate":
            raise Rejected(f"stage: correlate does no work of {due.stage!r}")
        self._check_time(due.now, "now", event)
        sent, resolved = self._catch_up(due.now, event), 0
        for _ in range(ROUNDS):
            over = until_committed(lambda: self._resolve(due))
            # At once: what a tick that is given up later has resolved is told by then.
            sent += self._send(over, due.now, event)
            resolved += len(over)
            if len(over) < BATCH:
                break
        return Counter(resolved=resolved, published=sent)

    def _catch_up(self, now: int, event: Event) -> int:
        """Send what people are to be told by now and what others left unpublished."""
        sent = 0
        for _ in range(ROUNDS):
            view = self.domain.look(now)
            due = {*view.waiting, *view.overdue}
            sent += self._send(due, now, event)
            if len(due) < LISTED:
                break
        return sent

    def _resolve(self, due: WorkDue) -> frozenset[str] | None:
        """Resolve incidents that were quiet for long enough, the longest quiet first."""
        view = self.domain.look(due.now)
        processed = max(view.processed_until, min(due.processed_until or 0, due.now))
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
        self._check_time(command.given_at, "given_at", event)
        name = until_committed(lambda: self._order(command, event.time))
        if not name:
            return self._sent(event, (), "unknown_incident")
        return self._sent(event, {name}, "commands")

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
        self._check_time(observed.observed_at, "observed_at", event)
        topology = charted(calls_of(observed))
        outcome = until_committed(lambda: self._chart(observed, topology, event.time))
        return self._sent(event, (), outcome)

    def _chart(self, observed: TopologyObserved, topology: Topology, now: int) -> str | None:
        """Keep a topology; return what became of it."""
        if not topology.calls:
            return "empty_topology"
        view = self.domain.look(now)
        delay = self.domain.config.topology_delay * 1000
        found = finding(observed, topology, view, delay)
        if found is None:
            return "known_topology"
        change = Change(topology=found.topology, survey=found.survey)
        if self.domain.commit(view, change) is None:
            return None
        return "unchanged_topology" if found.topology is None else "topology"

    def _change(self, event: Event) -> Counts:
        change = read_fact(event, ChangeObserved)
        self._check_time(change.observed_at, "observed_at", event)
        united = until_committed(lambda: self.arrivals.relink(change, event.time))
        concerned = united | self._changed(change)
        window = self.domain.config.maintenance.get(change.kind, 0) * 1000
        if window:
            concerned |= self.domain.living(change.observed_at, change.observed_at + window)
        return self._brought(concerned, "changes", event)

    def _cause(self, event: Event) -> Counts:
        judged = read_fact(event, CauseJudged)
        self._check_time(judged.given_at, "given_at", event)
        name = until_committed(lambda: self._learn(judged, event.time))
        if not name:
            return self._sent(event, (), "unknown_incident")
        return self._sent(event, {name}, "causes")

    def _learn(self, judged: CauseJudged, now: int) -> str | None:
        """Keep a verdict with the suspects it is on; return the incident, empty for none."""
        view = self.domain.look(now)
        name = destination(judged.incident, self.domain.store.moved({judged.incident}))
        record = self.domain.records({name}).get(name)
        if record is None:
            return ""
        given = cause_given(record, judged, self.domain.config.ranker)
        return None if self.domain.commit(view, Change(causes=(given,))) is None else name

    def _silence(self, event: Event) -> Counts:
        given = read_fact(event, SilenceGiven)
        self._check_domain(given.domain, "domain")
        self._check_time(given.given_at, "given_at", event)
        return self._note(Silence(given=given), "silences", event)

    def _lift(self, event: Event) -> Counts:
        lifted = read_fact(event, SilenceLifted)
        self._check_domain(lifted.domain, "domain")
        self._check_time(lifted.lifted_at, "lifted_at", event)
        return self._note(Silence(lifted=lifted), "silences_lifted", event)

    def _note(self, silence: Silence, outcome: str, event: Event) -> Counts:
        """Keep what was told of a silence, and bring what it may concern up to date."""
        book = SilenceBook(self.domain)
        return self._brought(
            until_committed(lambda: book.note(silence, event.time)), outcome, event
        )

    def _brought(self, incidents: Collection[str], outcome: str, event: Event) -> Counts:
        """Bring many incidents up to date, page by page."""
        names = sorted(incidents)
        sent = sum(
            self._send(names[first : first + PAGE], event.time, event)
            for first in range(0, len(names), PAGE)
        )
        return self._sent(event, (), outcome) + Counter(published=sent)

    def _changed(self, change: ChangeObserved) -> frozenset[str]:
        """Return the incidents whose suspects a change may alter: those going on or soon after."""
        config = self.domain.config
        reach = max(config.change_window, config.recurrence) * 1000
        since = change.observed_at - config.bucket * 1000
        near = self.domain.store.cells(((since, change.observed_at + reach),))
        names = {placed.incident for placed in near}
        moved = self.domain.store.moved(names)
        return frozenset(destination(name, moved) for name in names)

    def _sent(self, event: Event, incidents: Collection[str], outcome: str) -> Counts:
        """Bring incidents up to date, and whatever is due besides; count what became of it."""
        view = self.domain.look(event.time)
        due = {*incidents, *view.waiting, *view.overdue}
        return Counter({outcome: 1, "published": self._send(due, event.time, event)})

    def _send(self, incidents: Collection[str], now: int, cause: Event) -> int:
        return self.outbox.send(incidents, now, self._extensions(cause))

    def _extensions(self, cause: Event) -> dict[str, str]:
        return {"causationid": cause.id, **child_trace(cause, "correlate")}

    def _latest(self, event: Event) -> int:
        """Return the latest time that is believed of what an event says."""
        return event.time + self.domain.config.future_tolerance * 1000

    def _check_time(self, time: int, field: str, event: Event) -> None:
        """Refuse what would hold for good, because nothing later could ever replace it."""
        if time > self._latest(event):
            raise Rejected(f"{field}: too long after the event's own time")

    def _check_domain(self, domain: str, field: str) -> None:
        if domain != self.domain.name:
            raise Rejected(f"{field}: not {self.domain.name!r}, whose events are taken here")


def _told_of(anomaly: Anomaly) -> int:
    """Return the latest time an anomaly speaks of as having come."""
    ended = anomaly.alert.ended_at if anomaly.alert is not None else None
    return max(anomaly.time, ended or 0)
