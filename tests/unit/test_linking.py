"""What links two cells, and the components they form."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiops import plugins
from aiops.cell import Cell, Site
from aiops.topology import Topology
from functions.correlate.components import Forest, Linking, gather
from functions.correlate.config import CorrelateConfig
from functions.correlate.correlators.labels import telling
from functions.correlate.correlators.text import jaccard, shingles
from functions.correlate.linking import REMEMBERED, Link, Linker
from functions.correlate.neighbourhood import Neighbourhood

SHOP = Topology.of(
    [("web", "cart"), ("cart", "db"), ("pay", "db"), *((f"c{k}", "hub") for k in range(30))]
)
CONFIG = CorrelateConfig(window=60, recur_within=150)


def linker(**config) -> Linker:
    chosen = CONFIG.model_copy(update=config)
    package = "functions.correlate.correlators"
    found = [plugins.load(package, name, "Correlator")(chosen) for name in chosen.correlators]
    return Linker(found, chosen.threshold, chosen.time_weight)


def cell(service="web", second=0, **site) -> Cell:
    return Cell(Site(service, **site), second * 1000)


def link(a: Cell, b: Cell, **config) -> Link | None:
    return linker(**config).link(a, b, SHOP)


@pytest.mark.parametrize(
    ("a", "b", "weight", "reason"),
    [
        (cell("web"), cell("web", 30, role="errors"), 0.75, "both on web, 30 s apart"),
        (cell("web"), cell("cart"), 0.8, "web calls cart, at the same time"),
        (cell("cart"), cell("web"), 0.8, "web calls cart, at the same time"),
        (cell("web"), cell("db"), 0.5, "db and web are 2 calls apart, at the same time"),
        (
            cell("x", labels=(("pod", "p"),)),
            cell("y", 30, labels=(("pod", "p"),)),
            0.675,
            "both on pod p, 30 s apart",
        ),
        (
            cell("x", edge=("web", "cart")),
            cell("y", edge=("cart", "db")),
            1.0,
            "both on cart, at the same time",
        ),
        (cell("x", template="t"), cell("y", template="t"), 0.8, "the same log template"),
        (
            cell("x", text="disk of node 7 is full"),
            cell("y", text="Disk of node 7 is full"),
            0.8,
            "texts 100% alike, at the same time",
        ),
        (
            cell("web", labels=(("node", "n"),)),
            cell("db", labels=(("node", "n"),)),
            0.7,
            "db and web are 2 calls apart, both on node n",
        ),
        (cell("hub"), cell("c1"), 0.8 / 1.5**0.5, "c1 calls hub, at the same time"),
    ],
)
def test_cells_are_linked_with_a_reason(a, b, weight, reason):
    found = link(a, b)
    assert found.weight == pytest.approx(weight)
    assert found.reason.startswith(reason)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (cell("web"), cell("pay")),
        (cell("web"), cell("web", 61, role="errors")),
        (cell("web"), cell("cart", 60)),
        (cell("web"), cell("db", 30)),
        (cell("c1"), cell("c2")),
        (cell("unknown"), cell("unknown", role="errors")),
        (cell("x", labels=(("node", "n"),)), cell("y", labels=(("node", "n"),))),
        (cell("x", labels=(("pod", "p"),)), cell("y", labels=(("pod", "q"),))),
        (cell("x", template="t"), cell("y", template="u")),
        (cell("x", text="disk full"), cell("y", text="disk empty")),
        (cell("x", text="full"), cell("y")),
        (cell("web"), cell("web", 151)),
    ],
)
def test_cells_are_not_linked_without_evidence_or_too_far_apart(a, b):
    assert link(a, b) is None


def test_the_same_symptom_at_the_same_place_comes_back_within_the_time_to_recur():
    assert link(cell("web"), cell("web", 150)).reason == "both on web, came back after 150 s"


def test_the_nearer_in_time_the_weaker_the_evidence_may_be():
    assert link(cell("web"), cell("web", 60, role="errors")).weight == pytest.approx(0.5)
    assert link(cell("web"), cell("cart", 30)).weight == pytest.approx(0.6)
    assert link(cell("web"), cell("cart", 60)) is None


def test_what_a_server_measures_of_a_call_says_little_of_its_client():
    server, client = (
        cell("cart", edge=("web", "cart"), role=role) for role in ("edge_server", "edge_client")
    )
    assert link(server, cell("web")).weight == pytest.approx(0.8)
    assert link(client, cell("web")).weight == pytest.approx(1.0)


def test_that_two_services_have_users_does_not_link_them():
    fronts = Topology.of([("user", "shop"), ("user", "blog"), ("shop", "db")])
    asked = linker()
    assert asked.link(cell("shop"), cell("blog"), fronts) is None
    calls = (cell("shop", edge=("user", "shop")), cell("blog", edge=("user", "blog")))
    assert asked.link(*calls, fronts) is None
    assert asked.link(calls[0], cell("db"), fronts).reason.startswith("shop calls db")
    assert linker(virtual_clients=()).link(*calls, fronts).reason.startswith("both on user")


def test_in_a_crowd_two_calls_apart_say_nothing_alone():
    # 81 services are two calls away from the top, nine from one below.
    mesh = Topology.of(
        [("top", f"m{k}") for k in range(9)]
        + [(f"m{k}", f"x{k}{n}") for k in range(9) for n in range(9)]
    )
    asked = linker()
    assert asked.link(cell("top"), cell("x00"), mesh) is None
    assert asked.link(cell("x01"), cell("x00"), mesh).weight == pytest.approx(0.5)
    here = (("node", "n"),)
    both = asked.link(cell("top", labels=here), cell("x00", labels=here), mesh)
    assert both.weight == pytest.approx(1 - 0.6 * (1 - 0.5 / (81 / 30) ** 0.5))


def test_time_alone_joins_only_where_configured():
    assert link(cell("x"), cell("y"), time_weight=0.4) is None
    assert link(cell("x"), cell("y"), time_weight=0.5).weight == pytest.approx(0.5)


def test_without_correlators_nothing_is_linked():
    assert linker(correlators=()).link(cell(), cell(), SHOP) is None


def test_a_link_asked_for_again_is_the_same_one_and_the_memory_is_bounded(monkeypatch):
    monkeypatch.setattr("functions.correlate.linking.REMEMBERED", 2)
    asked = linker()
    first = asked.link(cell("web"), cell("cart"), SHOP)
    for second in range(1, 9):
        asked.link(cell("web"), cell("cart", second), SHOP)
        asked.keys(Site(f"s{second}"), SHOP)
    assert asked.link(cell("web"), cell("cart"), SHOP) == first
    assert REMEMBERED > 2


LABELS = st.dictionaries(
    st.sampled_from(("pod", "node", "namespace")), st.sampled_from("12"), max_size=3
)
SERVICE = st.sampled_from(["web", "cart", "db", "pay", "hub", "c1", "unknown"])
CELLS = st.builds(
    lambda service, role, labels, edge, template, text, second: cell(
        service,
        second,
        role=role,
        labels=tuple(sorted(labels.items())),
        edge=edge,
        template=template,
        text=text,
    ),
    SERVICE,
    st.sampled_from(["errors", "latency"]),
    LABELS,
    st.none() | st.tuples(SERVICE, SERVICE),
    st.none() | st.sampled_from(("t1", "t2")),
    st.sampled_from(("", "full", "disk is full", "disk is full again")),
    st.integers(0, 10).map(lambda n: n * 30),
)


@given(CELLS, CELLS, st.sampled_from((0.0, 0.3, 0.6)))
def test_a_link_is_symmetric_and_what_shares_no_key_has_none(a, b, time_weight):
    asked = linker(time_weight=time_weight)
    found = asked.link(a, b, SHOP)
    assert found == linker(time_weight=time_weight).link(b, a, SHOP)
    if found is not None:
        assert {*asked.keys(a.site, SHOP)} & {*asked.keys(b.site, SHOP)}


def test_labels_too_weak_together_need_not_be_compared():
    assert telling(CorrelateConfig()) == {"pod", "instance", "deployment", "statefulset"}
    weak = CorrelateConfig(labels={"a": 0.3, "b": 0.35})
    assert telling(weak) == {"b"}


def test_shingles_are_pairs_of_words():
    assert shingles("a b c") == {("a", "b"), ("b", "c")}
    assert shingles("one") == {("one",)}
    assert jaccard(shingles("a b c"), shingles("a b d")) == pytest.approx(1 / 3)
    assert jaccard(frozenset(), frozenset()) == 0


def anything(_):
    return ("any",)


def together(new, placed, link, reach=60_000, closed=frozenset()):
    """Return the components of new cells, every two of which are compared."""
    return gather(new, Neighbourhood(anything, placed), Linking(link, anything, reach), closed)


def near(a: Cell, b: Cell) -> Link:
    return Link(1.0, "near")


def by_service(a: Cell, b: Cell) -> Link | None:
    return Link(1.0, "alike") if a.site.service[0] == b.site.service[0] else None


def test_new_cells_form_components_with_the_incidents_they_are_linked_to():
    placed = [(cell("a1"), "i1"), (cell("b1"), "i2"), (cell("c1"), "i3")]
    new = [cell("a2"), cell("d1"), cell("a3", 5), cell("d1"), cell("e1")]
    parts = together(new, placed, by_service)
    assert {(part.cells, part.incidents) for part in parts} == {
        ((cell("a2"), cell("a3", 5)), ("i1",)),
        ((cell("d1"),), ()),
        ((cell("e1"),), ()),
    }


def test_a_cell_between_two_incidents_makes_them_one():
    (part,) = together([cell("m")], [(cell("a"), "i1"), (cell("b"), "i2")], near)
    assert part.incidents == ("i1", "i2")
    assert [(join.service, join.linked_to, join.reason) for join in part.joins] == [
        ("m", "a", "near"),
        ("m", "b", "near"),
    ]


def test_a_cell_placed_before_belongs_where_it_was_placed_and_says_nothing_of_it():
    (part,) = together([cell("a")], [(cell("a"), "i1")], lambda a, b: None)
    assert (part.incidents, part.joins) == (("i1",), ())


def test_only_joins_between_services_are_told():
    (part,) = together([cell("a", 5)], [(cell("a"), "i1")], near)
    assert (part.incidents, part.joins) == (("i1",), ())


def test_the_nearest_in_time_tells_the_reason():
    placed = [(cell("a", 1), "i1"), (cell("b", 9), "i1"), (cell("c", 5), "i1")]
    (part,) = together([cell("m", 10)], placed, near)
    assert [join.linked_to for join in part.joins] == ["b"]


def test_what_takes_no_more_is_not_linked_to():
    (part,) = together([cell("m")], [(cell("a"), "i1")], near, closed={"i1"})
    assert part.incidents == ()


@pytest.mark.parametrize(("second", "incidents"), [(60, ("i1",)), (61, ())])
def test_cells_out_of_reach_are_not_compared(second, incidents):
    (part,) = together([cell("m", second)], [(cell("a"), "i1")], near)
    assert part.incidents == incidents
    assert len(together([cell("m", second), cell("n")], [], near)) == 2 - len(incidents)


def keys_of(site: Site) -> tuple[str, ...]:
    return tuple(site.service)


def found(cells: Neighbourhood, service: str, span=(0, 1 << 52), wanted=lambda _: True):
    got = cells.near(Site(service), span, wanted)
    return [(incident, one.site.service, one.time) for incident, one in got]


def test_a_neighbourhood_is_asked_by_what_is_shared_newest_first():
    cells = Neighbourhood(
        keys_of, [(cell("ab", 5), "i1"), (cell("bc", 2), "i1"), (cell("c"), "i2")]
    )
    assert found(cells, "b") == [("i1", "ab", 5_000), ("i1", "bc", 2_000)]
    assert found(cells, "b", (0, 4_999)) == [("i1", "bc", 2_000)]
    assert found(cells, "c", wanted=lambda incident: incident == "i2") == [("i2", "c", 0)]
    assert found(cells, "d") == []


def test_a_neighbourhood_takes_a_cell_once_and_follows_merges():
    cells = Neighbourhood(
        keys_of, [(cell("a", 1), "i1"), (cell("a", 1), "i1"), (cell("a", 2), "i2")]
    )
    cells.move({"i1": "i2", "i2": "i3"})
    assert found(cells, "a") == [("i3", "a", 2_000), ("i3", "a", 1_000)]
    assert cells.incidents == {"i3"}
    assert (cell("a", 1), "i3") in cells
    assert (cell("a", 1), "i1") not in cells


def test_a_neighbourhood_forgets_what_is_older():
    cells = Neighbourhood(keys_of, [(cell("a", at), "i1") for at in (1, 2, 3)])
    assert (cells.oldest, cells.count(1_000, 2_000)) == (1_000, 2)
    assert found(cells.since(2_000), "a") == [("i1", "a", 3_000), ("i1", "a", 2_000)]


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=15))
def test_a_forest_connects_exactly_what_edges_connect(edges):
    forest = Forest[int]()
    for node in range(10):
        forest.root(node)
    for a, b in edges:
        forest.join(a, b)
    reached = {node: {node} for node in range(10)}
    for _ in range(10):
        for a, b in edges:
            union = reached[a] | reached[b]
            for node in union:
                reached[node] = union
    assert {frozenset(nodes) for nodes in forest.components()} == {
        frozenset(nodes) for nodes in reached.values()
    }
