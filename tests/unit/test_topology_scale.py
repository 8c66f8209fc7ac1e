"""A topology in which most services reach everything, and what is still said of it."""

import statistics

import pytest

from aiops.adapters.packed_topology import (
    packed_calls,
    packed_seen,
    unpacked_calls,
    unpacked_seen,
)
from aiops.topology import Topology
from bench import topology as bench
from bench.entangled import entangled


@pytest.fixture(scope="module")
def mesh() -> Topology:
    seen = entangled(4_000, 16_000)
    return Topology.of(seen, seen)


def test_most_services_reach_half_of_all_there_are(mesh):
    half = len(mesh.services) / 2
    assert sum(mesh.dependencies(service) > half for service in mesh.services) > half


def test_a_blast_radius_is_small_there_all_the_same_and_whoever_needs_it_is_in_it(mesh):
    radii = {service: mesh.affected(service) for service in mesh.services}
    assert statistics.median(len(radius) for radius in radii.values()) < 30
    assert max(len(radius) for radius in radii.values()) < len(mesh.services) / 2
    for server, radius in radii.items():
        needed = {
            client
            for client in mesh.callers(server)
            if not mesh.callers(client) and mesh.callees(client) == {server}
        }
        assert needed <= {one.service for one in radius if one.share == 1.0}


def test_faults_that_have_nothing_to_do_with_each_other_stay_apart_there(mesh):
    found = bench.correlated(mesh)
    assert found["topology_fault_incidents"] >= 0.8 * found["topology_faults"]
    assert found["topology_largest_incident_services"] <= 3 * (1 + bench.CALLERS)


def test_every_call_and_all_that_was_seen_of_it_comes_back_from_the_store(mesh):
    again = unpacked_calls(packed_calls(mesh))
    assert again == mesh
    assert again.weighted(unpacked_seen(packed_seen(mesh), again)).seen == mesh.seen


def test_the_bench_measures_all_it_is_to_show(monkeypatch):
    monkeypatch.setattr(bench, "SERVICES", 200)
    monkeypatch.setattr(bench, "CALLS", 800)
    monkeypatch.setattr(bench, "PAIRS", 50)
    found = bench.measure()
    assert found["topology_services"] == 200
    assert all(figure > 0 for figure in found.values())
    assert found["topology_redis_kilobytes_per_version"] < 20
