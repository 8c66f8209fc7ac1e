"""What a change just before says of two cells."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiops import plugins
from aiops.cell import Cell, Site
from aiops.events import ChangeObserved
from aiops.topology import Topology
from functions.correlate.config import CorrelateConfig
from functions.correlate.linking import Linker
from functions.correlate.recent import Changes

CONFIG = CorrelateConfig(window=60, bucket=30, change_reach=300)
SHOP = Topology.of([("web", "cart"), ("cart", "db"), ("pay", "db")])


def linker(**config) -> Linker:
    chosen = CONFIG.model_copy(update=config)
    package = "functions.correlate.correlators"
    found = [plugins.load(package, name, "Correlator")(chosen) for name in chosen.correlators]
    return Linker(found, chosen.threshold, chosen.time_weight)


def cell(service, second=0, **site) -> Cell:
    return Cell(Site(service, **site), second * 1000)


def known(*changes) -> Changes:
    facts = [
        ChangeObserved(service=service, kind="deploy", summary=summary, observed_at=at * 1000)
        for service, at, summary in changes
    ]
    return Changes(facts, CONFIG.change_reach * 1000, CONFIG.bucket * 1000)


def link(a, b, *changes, **config):
    return linker(**config).link(a, b, SHOP, known(*changes))


def test_services_changed_together_are_linked_without_any_call():
    found = link(cell("x", 60), cell("y", 60), ("x", 0, "v7"), ("y", 40, "v7"))
    assert found.weight == pytest.approx(0.7)
    assert found.reason == "both changed just before by deploy v7, at the same time"


def test_a_change_names_nothing_by_its_kind_alone():
    assert link(cell("x", 60), cell("y", 60), ("x", 0, ""), ("y", 0, "")) is None
    assert link(cell("x", 60), cell("y", 60), ("x", 0, "v7"), ("y", 0, "v8")) is None
    assert link(cell("x", 60), cell("y", 60), ("x", 0, "v7")) is None


@pytest.mark.parametrize(("second", "linked"), [(0, True), (-30, False), (300, True), (330, False)])
def test_only_a_change_in_the_cell_or_within_reach_before_it_counts(second, linked):
    changes = (("x", 0, "v7"), ("y", 0, "v7"))
    assert (link(cell("x", second), cell("y", second), *changes) is not None) is linked


def test_near_a_changed_service_weaker_evidence_is_enough():
    web, db = cell("web", 60), cell("db", 90)
    assert link(web, db) is None
    found = link(web, db, ("db", 50, ""))
    assert found.weight == pytest.approx((1 - 0.5 * 0.6) * 0.75)
    assert found.reason == "db and web are 2 calls apart, db was changed just before, 30 s apart"


def test_a_changed_service_alone_links_nothing_that_is_far_from_it():
    assert link(cell("web", 60), cell("pay", 60), ("web", 50, "")) is None
    assert link(cell("unknown", 60), cell("pay", 60), ("unknown", 50, "v")) is None


SERVICES = st.sampled_from(("web", "cart", "db", "pay", "x", "y"))
CELLS = st.builds(cell, SERVICES, st.sampled_from((0, 30, 60, 300, 330)))
CHANGES = st.lists(
    st.tuples(SERVICES, st.sampled_from((0, 20, 200)), st.sampled_from(("", "v1", "v2"))),
    max_size=5,
)


@given(CELLS, CELLS, CHANGES)
def test_more_changes_never_unlink_and_links_are_symmetric_and_found_by_a_shared_key(a, b, changes):
    asked = linker()
    found = [asked.link(a, b, SHOP, known(*changes[:n])) for n in range(len(changes) + 1)]
    for fewer, more in pairwise(found):
        assert fewer is None or more.weight >= fewer.weight
    every = known(*changes)
    assert found[-1] == asked.link(b, a, SHOP, every)
    if found[-1] is not None:
        keys = [set(asked.keys(one.site, SHOP, every)) for one in (a, b)]
        assert keys[0] & keys[1]
