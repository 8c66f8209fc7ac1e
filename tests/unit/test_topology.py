from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiops.topology import EMPTY, Topology

SHOP = Topology.of(
    [("web", "cart"), ("web", "pay"), ("cart", "db"), ("pay", "db"), ("job", "pay"), ("x", "y")]
)
SERVICES = st.sampled_from("abcdef")
GRAPHS = st.lists(st.tuples(SERVICES, SERVICES), max_size=12).map(Topology.of)


def test_callers_and_callees_are_the_direct_ones():
    assert SHOP.callers("db") == {"cart", "pay"}
    assert SHOP.callees("web") == {"cart", "pay"}
    assert SHOP.callers("unheard of") == SHOP.callees("unheard of") == frozenset()


def test_a_service_that_calls_itself_is_not_its_own_neighbour():
    assert Topology.of([("a", "a"), ("a", "b")]).neighbours("a") == {"b"}


def test_the_version_is_that_of_the_calls_whatever_their_order():
    calls = [("a", "b"), ("b", "c")]
    assert Topology.of(calls).version == Topology.of(calls[::-1] * 2).version
    assert Topology.of(calls).version != Topology.of([("b", "a"), ("b", "c")]).version
    assert EMPTY.version == Topology.of([("a", "a")]).version


@pytest.mark.parametrize(
    ("a", "b", "limit", "hops"),
    [
        ("web", "web", 0, 0),
        ("nowhere", "nowhere", 2, 0),
        ("web", "cart", 0, None),
        ("web", "cart", 1, 1),
        ("cart", "web", 1, 1),
        ("web", "db", 1, None),
        ("web", "db", 2, 2),
        ("job", "cart", 2, None),
        ("job", "cart", 3, 3),
        ("web", "x", 9, None),
        ("web", "nowhere", 9, None),
    ],
)
def test_hops_count_calls_in_either_direction(a, b, limit, hops):
    assert SHOP.hops(a, b, limit) == hops


def test_no_way_leads_through_a_hub_but_a_hub_is_reached():
    assert SHOP.hops("cart", "job", 4, hub_degree=2) is None
    assert SHOP.hops("cart", "pay", 2, hub_degree=2) == 2
    assert SHOP.hops("job", "pay", 1, hub_degree=1) == 1


@given(GRAPHS, SERVICES, SERVICES, st.integers(0, 4), st.none() | st.integers(0, 4))
def test_hops_are_the_same_both_ways(graph, a, b, limit, hub_degree):
    assert graph.hops(a, b, limit, hub_degree) == graph.hops(b, a, limit, hub_degree)


@given(GRAPHS, SERVICES, SERVICES)
def test_a_longer_limit_never_finds_a_shorter_way(graph, a, b):
    found = graph.hops(a, b, 6)
    for limit in range(6):
        assert graph.hops(a, b, limit) == (found if found is not None and found <= limit else None)


def test_the_blast_radius_is_who_calls_near_first():
    chain = Topology.of([("d", "c"), ("c", "b"), ("b", "a"), ("e", "d"), ("z", "b"), ("a", "e")])
    assert chain.blast_radius("a") == ("b", "c", "z", "d")
    assert chain.blast_radius("a", hops=1) == ("b",)
    assert chain.blast_radius("z") == ()


@given(GRAPHS, SERVICES)
def test_a_service_is_never_in_its_own_blast_radius(graph, service):
    radius = graph.blast_radius(service)
    assert service not in radius
    assert len(set(radius)) == len(radius)


def test_thousands_of_services_are_answered_in_microseconds():
    large = Topology.of((f"s{k % 4_000}", f"s{k * k % 3_989}") for k in range(16_000))
    started = perf_counter()
    for k in range(1_000):
        large.hops(f"s{k}", f"s{k * 7 % 3_989}", 2, 20)
        large.blast_radius(f"s{k}")
    assert perf_counter() - started < 2
