"""Whom a fault affects: closure, distances and shares of traffic agree with the plain way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiops.blast import NEGLIGIBLE
from aiops.seen import Seen
from aiops.topology import Topology

SERVICES = [f"s{n}" for n in range(9)]
SERVICE = st.sampled_from(SERVICES)
PAIRS = st.lists(st.tuples(SERVICE, SERVICE), max_size=30)
RATE = st.none() | st.floats(0, 1_000)


def steps_to(graph: Topology, service: str) -> dict[str, int]:
    """Return how many calls lead from each service to one, found one call at a time."""
    found, edge, step = {service: 0}, {service}, 0
    while edge:
        step += 1
        edge = {client for client, server in graph.calls if server in edge} - found.keys()
        found |= dict.fromkeys(edge, step)
    return found


def measured(rates: dict[tuple[str, str], float | None]) -> Topology:
    return Topology.of(rates, {pair: Seen(traffic=rate) for pair, rate in rates.items()})


@given(PAIRS, SERVICE)
def test_the_closure_is_whoever_a_walk_along_calls_reaches(pairs, service):
    graph = Topology.of(pairs)
    reached = steps_to(graph, service)
    assert {one for one in SERVICES if graph.reaches(one, service)} == set(reached)
    assert graph.dependents(service) == len(reached) - 1
    assert graph.dependencies(service) == sum(
        service in steps_to(graph, other) for other in SERVICES if other != service
    )


@given(PAIRS, SERVICE, st.integers(0, 5))
def test_hops_in_a_blast_radius_are_those_of_a_walk_near_first_then_by_name(pairs, service, hops):
    graph = Topology.of(pairs)
    expected = sorted(
        (steps, name) for name, steps in steps_to(graph, service).items() if 0 < steps <= hops
    )
    assert [(one.hops, one.service) for one in graph.affected(service, hops)] == expected
    assert all(one.share is None for one in graph.affected(service, hops))


@given(st.dictionaries(st.tuples(SERVICE, SERVICE), RATE, max_size=30), SERVICE)
def test_shares_are_shares_of_services_within_reach_the_largest_first(rates, service):
    graph = measured(rates)
    found = graph.affected(service)
    near = steps_to(graph, service)
    shares = [one.share for one in found]
    if any(rate is not None for pair, rate in rates.items() if pair in graph.calls):
        assert all(NEGLIGIBLE <= share <= 1 for share in shares)
        assert shares == sorted(shares, reverse=True)
    assert all(near[one.service] <= one.hops <= 3 for one in found)
    assert service not in graph.blast_radius(service)
    assert len({one.service for one in found}) == len(found)


def test_a_deep_chain_and_a_large_ring_are_no_matter():
    chain = [(f"c{n}", f"c{n + 1}") for n in range(5_000)]
    ring = Topology.of([*chain, ("c5000", "c2500")])
    assert ring.dependents("c5000") == 5_000
    assert ring.dependencies("c2500") == 2_500
    assert ring.reaches("c5000", "c2500")
    assert not ring.reaches("c2500", "c2499")


def test_whoever_needs_it_for_most_of_its_requests_comes_first():
    graph = measured(
        {
            ("user", "web"): 100.0,
            ("web", "cart"): 100.0,
            ("web", "ads"): 5.0,
            ("cart", "db"): 50.0,
            ("ads", "db"): 5.0,
        }
    )
    assert [(one.service, one.hops, pytest.approx(one.share)) for one in graph.affected("db")] == [
        ("ads", 1, 1.0),
        ("web", 2, 1 - (1 - 0.5) * (1 - 0.05)),
        ("user", 3, 1 - (1 - 0.5) * (1 - 0.05)),
        ("cart", 1, 0.5),
    ]


def test_a_service_that_hardly_ever_needs_it_is_left_out():
    graph = measured({("user", "web"): 1_000.0, ("web", "admin"): 1.0, ("tool", "admin"): 1.0})
    assert graph.blast_radius("admin") == ("tool",)


def test_a_call_of_which_nothing_is_known_counts_as_needed():
    graph = measured({("user", "web"): 10.0, ("web", "db"): None})
    assert graph.blast_radius("db") == ("web", "user")


def test_those_that_say_nothing_of_themselves_are_told_by_their_connections():
    kinds = {
        ("user", "web"): "virtual_node",
        ("web", "cart"): None,
        ("cart", "redis"): "database",
        ("cart", "orders-db"): "database",
        ("batch", "orders-db"): None,
        ("cart", "payments.example.com"): "virtual_node",
        ("cart", "mailer"): "messaging_system",
    }
    graph = Topology.of(kinds, {pair: Seen(connection=kind) for pair, kind in kinds.items()})
    assert graph.uninstrumented == {"user", "redis", "payments.example.com"}
    assert Topology.of(kinds).uninstrumented == frozenset()


def test_traffic_makes_no_other_version_and_goes_where_the_call_goes():
    plain = Topology.of([("a", "b")])
    graph = plain.weighted({("a", "b"): Seen(traffic=3.0), ("x", "y"): Seen(traffic=1.0)})
    assert graph == plain
    assert graph.version == plain.version
    assert graph.traffic("a", "b") == 3.0
    assert graph.traffic("x", "y") is None
    assert plain.traffic("a", "b") is None
