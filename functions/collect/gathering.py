"""Who calls whom, gathered from service graphs that Prometheus knows."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite

from aiops import topics
from aiops.adapters.prometheus import Sample
from aiops.call_sightings import SeenCall
from aiops.call_table import listed, tabled
from aiops.events import Call, TopologyObserved
from aiops.ids import derive
from aiops.incident_store import IncidentStore
from aiops.incident_store import Query as IncidentQuery
from aiops.ports import Counts, Event, Message
from aiops.queries import ServiceGraph
from aiops.seen import UNSEEN, Pair, Seen
from aiops.topology import EMPTY, Topology
from functions.collect.asking import SOURCE
from functions.collect.config import CollectConfig

SPANS = "spans"
"""The source of calls that spans told of."""

MINUTE = 60_000
LONGEST_NAME = 2_048
MOST_BYTES = 900_000
"""Of an event; what a broker takes by default is 1 MB."""


@dataclass(frozen=True, slots=True)
class Gathering:
    """Makes one observation of what service graphs say.

    Attributes:
        incidents: Knows what was observed before.
    """

    incidents: IncidentStore
    domain: str
    config: CollectConfig

    def due(self, now: int) -> bool:
        """Return whether a tick is one with which service graphs are asked for."""
        minute = (now + MINUTE // 2) // MINUTE
        return minute % self.config.topology_minutes == 0

    def observation(
        self,
        answers: Mapping[str, Sequence[Sample]],
        spans: Iterable[tuple[SeenCall, int]],
        now: int,
        counts: Counts,
    ) -> Message | None:
        """Return who calls whom as of a tick, the same where it is delivered twice.

        Args:
            answers: By the name of the service graph; none of one that failed.
            spans: Calls that spans told of lately, with when last.
            now: The tick's time.
            counts: Counts the graphs that say nothing, the calls that were seen, those kept from
                before, and those there is no room for.

        Returns:
            None where neither a graph nor a span says anything: what was known stays.
        """
        graphs = [one for one in self.config.service_graphs if one.name in answers]
        found = {graph.name: read(graph, answers[graph.name], now) for graph in graphs}
        counts["empty_service_graphs"] += sum(not seen for seen in found.values())
        found[SPANS] = told(spans, now)
        present = union(found)
        if not present:
            return None
        known = [SPANS, *(graph.name for graph in self.config.service_graphs)]
        before = remembered(self._before(), present, known, now, self.config.keep_calls * 1000)
        counts["calls"] += len(present)
        counts["calls_kept"] += len(before)
        calls = listed(Topology.of({**before, **present}, {**before, **present}))
        return self._message(calls, now, counts)

    def _before(self) -> Topology:
        """Return what was observed last, each call with when it was seen."""
        view = self.incidents.look(IncidentQuery(now=0, dirty_before=0))
        if not view.topologies or not view.surveys:
            return EMPTY
        last = view.surveys[-1]
        plain = self.incidents.topology(view.topologies[-1][1])
        topology = self.incidents.surveyed(plain, last)
        seen = {pair: topology.seen.get(pair, UNSEEN) for pair in topology.calls}
        return topology.weighted(
            {
                pair: one if one.last_seen is not None else replace(one, last_seen=last.observed_at)
                for pair, one in seen.items()
            }
        )

    def _message(self, calls: Sequence[Call], now: int, counts: Counts) -> Message:
        fitting = sorted(calls, key=lambda one: -(one.traffic or 0.0))[: self.config.max_calls]
        while len(data := self._data(fitting, now)) > MOST_BYTES:
            fitting = fitting[: len(fitting) * 9 // 10]
        counts["calls_over_max"] += len(calls) - len(fitting)
        event = Event(
            id=derive("topology", self.domain, now),
            source=SOURCE,
            type=TopologyObserved.type,
            time=now,
            data=data,
            subject=self.domain,
        )
        return Message(topics.CONTROL, self.domain, event)

    def _data(self, calls: Iterable[Call], now: int) -> bytes:
        table = tabled(sorted(calls, key=lambda one: (one.client, one.server)), now)
        fact = TopologyObserved(domain=self.domain, observed_at=now, table=table)
        return fact.model_dump_json().encode()


def told(spans: Iterable[tuple[SeenCall, int]], now: int) -> dict[Pair, Seen]:
    """Return the calls that spans told of; how busy they are is not known."""
    found: dict[Pair, Seen] = {}
    for (client, server, connection), at in spans:
        if all(0 < len(name) <= LONGEST_NAME for name in (client, server)) and client != server:
            found[client, server] = Seen(None, min(at, now), connection or None, SPANS)
    return found


def read(graph: ServiceGraph, samples: Iterable[Sample], now: int) -> dict[Pair, Seen]:
    """Return the calls a service graph lists; several rows of a call are one.

    A call without requests, without a name at either end, or to itself is none.
    """
    found: dict[Pair, Seen] = {}
    for sample in samples:
        pair = sample.labels.get(graph.client, ""), sample.labels.get(graph.server, "")
        if not all(0 < len(name) <= LONGEST_NAME for name in pair) or pair[0] == pair[1]:
            continue
        if not isfinite(sample.value) or sample.value <= 0:
            continue
        connection = sample.labels.get(graph.connection, "")[:LONGEST_NAME]
        before = found.get(pair, Seen(0.0, None, connection))
        traffic = sample.value + (before.traffic or 0.0)
        least = min(connection, before.connection or "") or None  # plain, if it is so at all
        found[pair] = Seen(traffic, now, least, graph.name)
    return found


def union(found: Mapping[str, Mapping[Pair, Seen]]) -> dict[Pair, Seen]:
    """Return the calls of all graphs; one that several know is as busy as the busiest says.

    They count the same requests, each as far as it sees them. What is between the two is told by
    the first that knows the call.
    """
    merged: dict[Pair, Seen] = {}
    for seen in found.values():
        for pair, one in seen.items():
            known = merged.get(pair)
            busiest = max(one.traffic or 0.0, known.traffic or 0.0) if known else one.traffic
            merged[pair] = replace(known or one, traffic=busiest or None)
    return merged


def remembered(
    before: Topology, present: Mapping[Pair, Seen], sources: Sequence[str], now: int, keep: int
) -> dict[Pair, Seen]:
    """Return the calls that were seen before and are kept though they are not seen now.

    Each is kept for some time after it was last seen, by the clock of its source: while that says
    nothing, its time stands still, so that a source that fails forgets nothing. One that is not
    asked any more is forgotten by the real clock.

    Args:
        before: What was observed last.
        present: What is seen now.
        sources: Those that are asked.
        now: The tick's time.
        keep: For how many milliseconds.
    """
    newest: dict[str | None, int] = {}
    for one in (*before.seen.values(), *present.values()):
        if one.source in sources and one.last_seen is not None:
            newest[one.source] = max(newest.get(one.source, 0), one.last_seen)
    return {
        pair: one
        for pair, one in before.seen.items()
        if pair not in present and (one.last_seen or 0) >= newest.get(one.source, now) - keep
    }
