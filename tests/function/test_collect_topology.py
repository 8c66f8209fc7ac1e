"""Who calls whom, gathered from service graphs with every fifth minute."""

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from aiops.adapters.memory_broker import MemoryPublisher
from aiops.adapters.memory_incidents import MemoryIncidents
from aiops.adapters.prometheus import Answer, Sample
from aiops.call_table import calls_of, charted
from aiops.clock import ManualClock
from aiops.errors import Rejected, Unavailable
from aiops.events import CallTable, TopologyObserved
from aiops.ports import Event
from aiops.queries import ServiceGraph
from functions.collect.config import CollectConfig
from functions.collect.gathering import MOST_BYTES, Gathering, read, union
from functions.collect.handler import TICK, CollectHandler
from functions.correlate.assembly import assemble
from functions.correlate.config import CorrelateConfig
from tests.function.test_collect import NOW, make

MINUTE = 60_000
TRACES, ISTIO = CollectConfig().service_graphs
Rows = dict[tuple[str, str], float]


class Graphs:
    """Answers each service graph with its calls; None fails."""

    def __init__(self, traces: Rows | None = None, istio: Rows | None = None) -> None:
        self.rows: dict[str, Rows | None] = {"traces": traces or {}, "istio": istio or {}}

    def query(self, promql: str, at: int) -> Answer:
        for graph in (TRACES, ISTIO):
            if promql == graph.promql:
                rows = self.rows[graph.name]
                if rows is None:
                    raise Unavailable("Prometheus: timeout")
                return Answer(tuple(samples(graph, rows, at)))
        return Answer(())

    def query_range(self, promql: str, since: int, until: int, step: int) -> Answer:
        return self.query(promql, until)


def samples(graph: ServiceGraph, rows: Rows, at: int = NOW, **labels: str):
    for (client, server), value in rows.items():
        yield Sample({graph.client: client, graph.server: server, **labels}, at, value)


class Rig:
    """`collect` and `correlate` over one store."""

    def __init__(self, graphs: Graphs, **config) -> None:
        self.graphs, self.store = graphs, MemoryIncidents()
        self.collect = make(
            graphs, incidents=self.store, config=CollectConfig(queries=(), **config)
        )
        self.correlate = assemble(
            "default", self.store, MemoryPublisher(), ManualClock(NOW), CorrelateConfig()
        )

    def tick(self, at: int) -> Counter:
        """Deliver a tick, and what it publishes."""
        counts = self.collect(Event(f"tick-{at}", "ping", TICK, at, b""))
        for message in self.collect.publisher.take("control"):
            counts[next(iter(self.correlate(message.event)))] += 1
        return counts

    @property
    def calls(self):
        survey = max(self.store.surveys)
        return {
            pair: (one.traffic, (one.last_seen - NOW) // MINUTE, one.source)
            for pair, one in self.store.surveys[survey].seen.items()
        }


def observed(handler: CollectHandler) -> list[TopologyObserved]:
    messages = handler.publisher.take("control")
    return [TopologyObserved.model_validate_json(m.event.data) for m in messages]


def test_service_graphs_are_asked_for_with_every_fifth_minute() -> None:
    handler = make(Graphs({("web", "cart"): 2.0}))
    asked = []
    for minute in range(12):
        # A tick may come a little before or after its minute.
        handler(Event("t", "ping", TICK, NOW + minute * MINUTE + (-400, 400)[minute % 2], b""))
        asked += [minute] * len(observed(handler))
    assert asked == [0, 5, 10]


def test_the_union_of_all_graphs_is_published_with_traffic_and_time() -> None:
    graphs = Graphs({("web", "cart"): 2.0, ("cart", "db"): 1.0}, {("web", "cart"): 3.0})
    handler = make(graphs)
    handler(Event("t", "ping", TICK, NOW, b""))
    (fact,) = observed(handler)
    assert (fact.domain, fact.observed_at) == ("default", NOW)
    assert [(c.client, c.server, c.traffic, c.last_seen, c.source) for c in calls_of(fact)] == [
        ("cart", "db", 1.0, NOW, "traces"),
        ("web", "cart", 3.0, NOW, "traces"),
    ]


def test_a_tick_delivered_twice_publishes_the_same_event() -> None:
    rig = Rig(Graphs({("web", "cart"): 2.0, ("old", "cart"): 1.0}))
    rig.tick(NOW)
    rig.graphs.rows["traces"] = {("web", "cart"): 2.0}
    tick = Event("t", "ping", TICK, NOW + 5 * MINUTE, b"")
    rig.collect(tick)
    (first,) = rig.collect.publisher.take("control")
    rig.correlate(first.event)
    rig.collect(tick)
    (again,) = rig.collect.publisher.take("control")
    assert again == first
    assert rig.correlate(again.event) == {"known_topology": 1}


def test_a_call_not_seen_for_a_while_is_kept_with_its_time_and_then_forgotten() -> None:
    rig = Rig(Graphs({("web", "cart"): 2.0, ("cron", "db"): 0.5}), keep_calls=600)
    rig.tick(NOW)
    rig.graphs.rows["traces"] = {("web", "cart"): 2.0}
    assert rig.tick(NOW + 5 * MINUTE)["calls_kept"] == 1
    rig.tick(NOW + 10 * MINUTE)
    assert rig.calls == {("web", "cart"): (2.0, 10, "traces"), ("cron", "db"): (0.5, 0, "traces")}
    assert rig.tick(NOW + 15 * MINUTE)["topology"] == 1
    assert set(rig.calls) == {("web", "cart")}


@pytest.mark.parametrize("silence", [None, {}])
def test_a_source_that_fails_or_says_nothing_forgets_nothing_however_long(silence) -> None:
    rig = Rig(Graphs({("web", "cart"): 2.0}, {("cart", "db"): 1.0}), keep_calls=600)
    rig.tick(NOW)
    rig.graphs.rows["istio"] = silence
    for minute in range(5, 65, 5):
        if silence is None:
            with pytest.raises(Unavailable, match="istio: Prometheus: timeout"):
                rig.tick(NOW + minute * MINUTE)
            for message in rig.collect.publisher.take("control"):
                rig.correlate(message.event)
        else:
            assert rig.tick(NOW + minute * MINUTE)["empty_service_graphs"] == 1
    assert rig.calls == {("web", "cart"): (2.0, 60, "traces"), ("cart", "db"): (1.0, 0, "istio")}


def test_nothing_is_published_where_no_source_says_anything() -> None:
    rig = Rig(Graphs({("web", "cart"): 2.0}))
    rig.tick(NOW)
    rig.graphs.rows["traces"] = {}
    counts = rig.tick(NOW + 5 * MINUTE)
    assert counts["empty_service_graphs"] == 2
    assert counts["topology"] == counts["unchanged_topology"] == 0
    assert set(rig.calls) == {("web", "cart")}


def test_what_a_source_saw_that_is_asked_no_more_is_forgotten_in_time() -> None:
    rig = Rig(Graphs({("web", "cart"): 2.0}, {("cart", "db"): 1.0}), keep_calls=600)
    rig.tick(NOW)
    rig.collect.config = CollectConfig(queries=(), service_graphs=(TRACES,), keep_calls=600)
    for minute in (5, 10, 15):
        rig.tick(NOW + minute * MINUTE)
    assert set(rig.calls) == {("web", "cart")}


def test_changing_traffic_makes_no_new_version() -> None:
    rig = Rig(Graphs({("web", "cart"): 2.0}))
    outcomes = Counter()
    for step in range(12):
        rig.graphs.rows["traces"] = {("web", "cart"): 2.0 + step}
        outcomes += rig.tick(NOW + 5 * step * MINUTE)
    assert (outcomes["topology"], outcomes["unchanged_topology"]) == (1, 11)
    assert len(rig.store.topologies) == 1


def test_rows_of_one_call_add_up_and_rubbish_is_no_call() -> None:
    rows: Rows = {("web", "cart"): 2.0, ("", "cart"): 1.0, ("a", "a"): 1.0, ("a", "b"): 0.0}
    nan: Rows = {("c", "d"): float("nan"), ("e" * 3_000, "d"): 1.0}
    more = samples(TRACES, {("web", "cart"): 1.0}, connection_type="database")
    found = read(TRACES, [*samples(TRACES, rows), *samples(TRACES, nan), *more], NOW)
    assert {pair: (one.traffic, one.connection) for pair, one in found.items()} == {
        ("web", "cart"): (3.0, None)
    }
    table = samples(TRACES, {("web", "db"): 1.0}, connection_type="database")
    assert read(TRACES, table, NOW)["web", "db"].connection == "database"


def test_of_a_call_that_several_know_the_busiest_counts_and_the_first_names_it() -> None:
    both = {
        graph.name: read(graph, samples(graph, {("a", "b"): rate}), NOW)
        for graph, rate in ((TRACES, 1.0), (ISTIO, 9.0))
    }
    assert (union(both)["a", "b"].traffic, union(both)["a", "b"].source) == (9.0, "traces")


def test_an_observation_never_outgrows_what_a_broker_takes() -> None:
    names = [f"{'long-' * 60}{n}" for n in range(4_000)]
    graph = {pair: float(n + 1) for n, pair in enumerate(pairwise(names))}
    counts: Counter = Counter()
    gathering = Gathering(MemoryIncidents(), "default", CollectConfig(max_calls=3_500))
    message = gathering.observation({"traces": tuple(samples(TRACES, graph))}, (), NOW, counts)
    assert message is not None
    assert len(message.event.data) <= MOST_BYTES
    kept = charted(calls_of(TopologyObserved.model_validate_json(message.event.data))).calls
    assert counts["calls_over_max"] == len(graph) - len(kept) > 500
    assert (names[-2], names[-1]) in kept


@given(st.integers(0, 3), st.integers(0, 3), st.integers(0, 3))
def test_a_table_that_names_what_it_does_not_list_is_rejected(client, server, word) -> None:
    table = CallTable(
        services=("a", "b"), words=("w",), rows=((client, server, 1.0, 0, word, None),)
    )
    fact = TopologyObserved(domain="d", observed_at=5, table=table)
    if max(client, server) < 2 and word < 1:
        assert calls_of(fact)[0].last_seen == 5
    else:
        with pytest.raises(Rejected, match=r"table\.rows\.0"):
            calls_of(fact)


def test_two_service_graphs_of_one_name_stop_the_start() -> None:
    with pytest.raises(ValidationError, match="two have the same name"):
        CollectConfig(service_graphs=(TRACES, TRACES))
