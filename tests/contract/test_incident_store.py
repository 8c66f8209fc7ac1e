"""What every incident store does, in memory and on Redis."""

from dataclasses import replace
from uuid import uuid4

import pytest

from aiops.adapters.keys import Keys
from aiops.adapters.memory_incidents import MemoryIncidents
from aiops.adapters.redis_client import connect
from aiops.adapters.redis_incidents import RedisIncidents
from aiops.cell import Cell, Site
from aiops.events import ChangeObserved, CommandGiven, Join, SilenceGiven
from aiops.incident_store import (
    KEPT_PAST,
    KEPT_TOPOLOGIES,
    Commit,
    Held,
    Horizon,
    Past,
    Placed,
    Query,
    Record,
    Sighting,
    Survey,
    View,
)
from aiops.seen import Seen
from aiops.silences import Silence
from aiops.topology import EMPTY, Topology
from aiops.verdicts import MOST_CAUSES, CauseGiven
from functions.correlate.incident import of_anomalies
from tests.property import correlate_world as world
from tests.redis_kinds import STORES, client_of

NOTHING = Horizon(0, 0, 0, 0)
NOW = Query(now=0, dirty_before=-1)


@pytest.fixture(params=STORES)
def store(request):
    if request.param == "memory":
        return MemoryIncidents()
    client = client_of(request)
    return RedisIncidents(client, Keys(f"t{uuid4().hex}:"), "a domain: 1")


def commit(store, **parts) -> bool:
    """Commit on whatever the revision is."""
    given = {"now": 1, "watermark": 0, "processed_until": 0, "horizon": NOTHING} | parts
    given.setdefault("revision", store.look(NOW).revision)
    return store.commit(Commit(**given))


def record(name="i1", *, at=(10, 20), **parts) -> Record:
    anomalies = [world.anomaly("a", second) for second in at]
    return of_anomalies(name, "test", anomalies, (), world.CONFIG).model_copy(
        update={"version": 5, **parts}
    )


def second(number: int) -> int:
    return world.START + number * 1000


def test_an_empty_domain_is_empty(store):
    assert store.look(Query(1 << 52, 1 << 52, ("x",))) == View()
    assert store.cells([(0, 1 << 52)]) == ()
    assert store.cells([]) == ()
    assert store.incidents({"x"}) == {}
    assert store.incidents(()) == {}
    assert store.moved({"x"}) == {}
    assert store.moved(()) == {}
    assert store.quiet(1 << 52, 9) == ()
    assert store.changes(0, 1 << 52) == ()
    assert store.topology("none") == EMPTY


def test_every_commit_raises_the_revision(store):
    before = store.look(NOW).revision
    assert commit(store)
    assert store.look(NOW).revision == before + 1


def test_the_revision_follows_the_clock_and_never_falls(store):
    assert commit(store, now=500).revision == 500
    assert commit(store, now=500).revision == 501
    assert commit(store, now=3).revision == 502
    assert store.look(NOW).revision == 502


def test_a_commit_tells_what_was_published_of_each_incident(store):
    commit(store, records=(record("i1", generation=3),))
    store.published([record("i1", generation=3)])
    done = commit(store, records=(record("i2"), record("i1", version=6)))
    assert done.told == {"i2": 0, "i1": 3}


def test_a_view_tells_when_the_changes_last_changed(store):
    commit(store)
    assert store.look(NOW).changed == 0
    done = commit(store, changes=(ChangeObserved(service="a", kind="deploy", observed_at=5),))
    commit(store)
    assert store.look(NOW).changed == done.revision


def test_a_commit_on_an_old_revision_changes_nothing(store):
    commit(store)
    view = store.look(NOW)
    done = commit(
        store,
        revision=view.revision - 1,
        watermark=7,
        processed_until=7,
        sightings=(Sighting("a1", 3, "i1"),),
        cells=(Placed(Cell(Site("a"), 3), "i1"),),
        records=(record(),),
        topology=(1, world.TOPOLOGY),
        survey=surveyed(1, 1, traffic=1.0),
        changes=(ChangeObserved(service="a", kind="deploy", observed_at=5),),
    )
    assert not done
    assert store.look(Query(1 << 52, 1 << 52, ("a1",))) == view
    assert store.cells([(0, 9)]) == ()
    assert store.incidents({"i1"}) == {}
    assert store.changes(0, 9) == ()


def test_the_watermark_and_the_processed_time_only_rise(store):
    commit(store, watermark=9, processed_until=8)
    commit(store, watermark=3, processed_until=10)
    view = store.look(NOW)
    assert (view.watermark, view.processed_until) == (9, 10)


def test_an_anomaly_stays_where_it_was_first_put(store):
    commit(store, sightings=(Sighting("a1", 3, "i1"), Sighting("a2", 4, "i2")))
    commit(store, sightings=(Sighting("a1", 3, "i9"),))
    assert store.look(replace(NOW, anomalies=("a1", "a3", "a2"))).placed == {"a1": "i1", "a2": "i2"}


def test_cells_are_found_by_time_with_everything_that_makes_them(store):
    site = Site(
        "a", "edge_client", (("node", "n1"), ("pod", "p1")), ("a", "b"), "t1", "über 12 % {x}"
    )
    places = tuple(Placed(Cell(s, t), "i1") for s in (site, Site("b")) for t in (10, 20, 30))
    commit(store, cells=places)
    commit(store, cells=places)
    commit(store, cells=(Placed(Cell(site, 20), "i2"),))
    found = store.cells([(20, 30)])
    expected = {p for p in places if p.cell.time >= 20} | {Placed(Cell(site, 20), "i2")}
    assert set(found) == expected
    assert len(found) == len(expected)
    apart = store.cells([(0, 10), (25, 30)])
    assert {placed.cell.time for placed in apart} == {10, 30}
    assert len(apart) == 4


def test_a_record_comes_back_as_it_was(store):
    order = CommandGiven(incident="i1", command="acknowledge", given_by="Zoë", given_at=4)
    join = Join(service="a", linked_to="b", time=3, weight=0.8, reason="a calls b")
    kept = record(orders=(order,), joins=(join,), notify_from=3, blast_radius=("x",))
    commit(store, records=(kept,))
    assert store.incidents({"i1", "i2"}) == {"i1": Held(kept, dirty=True, told=0)}


def test_published_clears_exactly_the_version_that_was_published(store):
    old, new = record(), record(version=6, generation=2)
    commit(store, records=(old,))
    commit(store, records=(new,))
    store.published([old])
    assert store.incidents({"i1"})["i1"] == Held(new, dirty=True, told=1)
    store.published([new])
    assert store.incidents({"i1"})["i1"] == Held(new, dirty=False, told=2)
    store.published([old])
    assert store.incidents({"i1"})["i1"].told == 2
    assert store.look(Query(0, 1 << 52)).overdue == ()


def test_what_was_not_published_in_time_is_listed_oldest_first(store):
    commit(store, now=30, records=(record("i1"),))
    commit(store, now=10, records=(record("i2"),))
    commit(store, now=50, records=(record("i3"),))
    assert store.look(Query(0, 30)).overdue == ("i2", "i1")
    commit(store, now=60, records=(record("i2", version=7),))
    assert store.look(Query(0, 30)).overdue == ("i1",)


def test_incidents_people_wait_for_are_listed_while_they_are_open(store):
    commit(
        store,
        records=(
            record("i1", notify_from=20),
            record("i2", notify_from=10),
            record("i3", notify_from=30),
            record("i4"),
            record("i5", notify_from=5, status="resolved"),
        ),
    )
    assert store.look(Query(20, -1)).waiting == ("i2", "i1")
    commit(store, records=(record("i2", version=6, notify_from=None),))
    assert store.look(Query(20, -1)).waiting == ("i1",)


def test_quiet_incidents_are_the_open_ones_not_active_since(store):
    reopened = CommandGiven(incident="i3", command="reopen", given_by="x", given_at=second(90))
    commit(
        store,
        records=(
            record("i1", at=(10, 40)),
            record("i2", at=(30,), status="acknowledged"),
            record("i3", at=(10,), orders=(reopened,)),
            record("i4", at=(5,), status="resolved"),
        ),
    )
    assert store.quiet(second(40), 9) == ("i2",)
    assert store.quiet(second(91), 9) == ("i2", "i1", "i3")
    assert store.quiet(second(91), 2) == ("i2", "i1")


def test_redirects_are_followed_to_the_end(store):
    gone = {"status": "merged"}
    commit(store, records=(record("i1", merged_into="i2", **gone), record("i2"), record("i4")))
    assert store.moved({"i1", "i4"}) == {"i1": "i2"}
    commit(store, records=(record("i2", merged_into="i3", **gone), record("i3")))
    assert store.moved({"i1"}) == {"i1": "i2", "i2": "i3"}
    assert store.quiet(1 << 52, 9) == ("i3", "i4")


def test_topologies_are_listed_by_the_time_they_hold_from(store):
    later = Topology.of([("x", "y")])
    commit(store, topology=(5, later))
    commit(store, topology=(0, world.TOPOLOGY))
    view = store.look(NOW)
    assert view.topologies == ((0, world.TOPOLOGY.version), (5, later.version))
    assert store.topology(later.version) == later
    assert store.topology(world.TOPOLOGY.version) == world.TOPOLOGY


def surveyed(since: int, observed_at: int, **seen) -> tuple[Survey, Topology]:
    graph = world.TOPOLOGY.weighted({("a", "b"): Seen(**seen)})
    return Survey(since, graph.version, observed_at), graph


def test_what_was_seen_of_calls_is_kept_apart_from_the_calls(store):
    early = surveyed(0, 7, traffic=1.5, last_seen=5, connection="database", source="tempo")
    late = surveyed(9, 8, traffic=2.5)
    commit(store, topology=(0, early[1]), survey=early)
    commit(store, survey=late)
    view = store.look(NOW)
    assert view.topologies == ((0, world.TOPOLOGY.version),)
    assert view.surveys == (early[0], late[0])
    plain = store.topology(world.TOPOLOGY.version)
    assert not plain.seen
    assert store.surveyed(plain, early[0]).seen == early[1].seen
    assert store.surveyed(plain, late[0]).seen == late[1].seen


def test_a_survey_that_is_gone_or_of_other_calls_changes_nothing(store):
    survey, graph = surveyed(0, 7, traffic=1.5)
    other = Topology.of([("x", "y")])
    assert store.surveyed(world.TOPOLOGY, survey) is world.TOPOLOGY
    commit(store, survey=(survey, graph))
    assert store.surveyed(other, survey) is other


def test_only_the_newest_surveys_are_kept(store):
    for since in range(KEPT_TOPOLOGIES + 3):
        commit(store, survey=surveyed(since * 10, since, traffic=1.0))
    assert [survey.since for survey in store.look(NOW).surveys] == [
        since * 10 for since in range(3, KEPT_TOPOLOGIES + 3)
    ]


def test_only_the_newest_topologies_are_kept(store):
    for since in range(KEPT_TOPOLOGIES + 3):
        commit(store, topology=(since * 10, Topology.of([("x", f"y{since}")])))
    assert [since for since, _ in store.look(NOW).topologies] == [
        since * 10 for since in range(3, KEPT_TOPOLOGIES + 3)
    ]


def test_changes_are_a_set_found_by_time(store):
    one, two, three = (
        ChangeObserved(service=name, kind="deploy", observed_at=at)
        for name, at in (("a", 30), ("b", 10), ("c", 20))
    )
    commit(store, changes=(one, two))
    commit(store, changes=(two, three))
    assert store.changes(10, 30) == (two, three, one)
    assert store.changes(11, 29) == (three,)


def test_what_lies_below_the_horizons_is_forgotten(store):
    gone = {"status": "merged", "merged_into": "i3"}
    closed = record("i1", at=(10,), status="resolved")
    unpublished = record("i2", at=(10,), status="resolved")
    commit(
        store,
        sightings=(Sighting("a1", second(10), "i1"), Sighting("a2", second(20), "i1")),
        cells=tuple(Placed(Cell(Site("a"), second(at)), "i1") for at in (10, 20)),
        records=(closed, unpublished, record("i3", at=(10,)), record("i4", at=(10,), **gone)),
        changes=(ChangeObserved(service="a", kind="deploy", observed_at=second(5)),),
    )
    store.published([closed, record("i3", at=(10,)), record("i4", at=(10,), **gone)])
    commit(store, horizon=Horizon(second(20), second(20), second(20), second(10)))
    view = store.look(Query(0, -1, ("a1", "a2")))
    assert view.placed == {"a2": "i1"}
    assert [placed.cell.time for placed in store.cells([(0, second(99))])] == [second(20)]
    assert set(store.incidents({"i1", "i2", "i3", "i4"})) == {"i2", "i3"}
    assert store.changes(0, second(99)) == ()
    assert store.moved({"i4"}) == {"i4": "i3"}
    store.published([unpublished])
    commit(store, horizon=Horizon(second(20), second(20), second(20), second(11)))
    assert set(store.incidents({"i2", "i3"})) == {"i3"}
    assert store.moved({"i4"}) == {}


def test_domains_and_generations_do_not_see_each_other(redis_url):
    client = connect(redis_url)
    here = Keys(f"t{uuid4().hex}:")
    stores = [
        RedisIncidents(client, here, "one"),
        RedisIncidents(client, here, "two"),
        RedisIncidents(client, Keys(f"t{uuid4().hex}:"), "one"),
    ]
    commit(stores[0], records=(record(),))
    assert [len(store.incidents({"i1"})) for store in stores] == [1, 0, 0]


def test_on_redis_everything_expires_and_sooner_on_a_faster_clock(redis_url):
    client = connect(redis_url)
    for rate, most in ((1.0, 30 * 86_400_000), (600.0, 30 * 86_400_000 // 600)):
        keys = Keys(f"t{uuid4().hex}:")
        kept = RedisIncidents(client, keys, "test", rate)
        commit(kept, records=(record(notify_from=3),), sightings=(Sighting("a1", 3, "i1"),))
        kept.published([record()])
        found = [client.pttl(key) for key in client.scan_iter(f"aiops:{keys.generation}*")]
        assert len(found) >= 6
        assert all(most - 60_000 < left <= most for left in found)


def test_on_redis_all_keys_of_a_domain_share_a_slot():
    names = Keys().incidents("shop")
    assert len(set(names)) == 20
    assert {name[name.index("{") : name.index("}") + 1] for name in names} == {"{c:shop}"}


def cause(incident="i1", at=1, cause="a"):
    return CauseGiven(incident, cause, "evidence", ("a", "b"), 2.5, "ann", at)


def test_the_last_verdict_on_a_cause_counts_in_whatever_order_they_come(store):
    assert store.look(NOW).judged == 0
    assert commit(store, causes=(cause(at=5), cause("i2", at=3, cause=None)))
    judged = store.look(NOW)
    assert judged.judged == judged.revision
    assert commit(store, causes=(cause(at=4, cause="b"), cause(at=5, cause="c")))
    assert store.causes() == (cause("i2", at=3, cause=None), cause(at=5))
    assert store.look(NOW).judged == judged.judged
    assert commit(store, causes=(cause(at=6, cause="b"),))
    assert store.causes() == (cause("i2", at=3, cause=None), cause(at=6, cause="b"))


def test_of_too_many_verdicts_on_causes_that_given_first_goes(store):
    many = tuple(cause(f"i{n}", at=10_000 - n) for n in range(MOST_CAUSES + 2))
    assert commit(store, causes=many)
    kept = store.causes()
    assert len(kept) == MOST_CAUSES
    assert kept[0].given_at == 10_000 - (MOST_CAUSES - 1)


def quieted(name, ends=50):
    given = SilenceGiven(
        silence=name, domain="test", starts=0, ends=ends, given_by="ann", given_at=0
    )
    return Silence(given=given)


def test_silences_are_kept_by_their_id_and_a_view_tells_when_they_last_changed(store):
    assert (store.silences(), store.look(NOW).silenced) == ((), 0)
    first = commit(store, silences=(quieted("b"), quieted("a"))).revision
    assert store.silences() == (quieted("a"), quieted("b"))
    commit(store, records=(record(),))
    assert store.look(NOW).silenced == first
    lapsed = commit(store, silences=(quieted("b", ends=70),), lapsed=("a", "unknown")).revision
    assert store.silences() == (quieted("b", ends=70),)
    assert store.look(NOW).silenced == lapsed


def bygone(name, end):
    return Past(
        incident=name, title="t", cause=None, opened_at=1, resolved_at=end, ended_by="",
        marks=(("m", 0.5),),
    )  # fmt: skip


def test_the_past_is_kept_by_incident_the_one_that_ended_first_first(store):
    assert (store.past(), store.look(NOW).remembered) == ((), 0)
    commit(store, past=(bygone("i1", 30), bygone("i2", 20)))
    kept = commit(store, past=(bygone("i3", 25), bygone("i1", 10))).revision
    assert store.past() == (bygone("i1", 10), bygone("i2", 20), bygone("i3", 25))
    commit(store, undone=("unknown",), records=(record(),))
    assert store.look(NOW).remembered == kept
    undone = commit(store, undone=("i2",)).revision
    assert store.look(NOW).remembered == undone
    commit(store, past=(bygone("i4", 40),), horizon=replace(NOTHING, past=25))
    assert store.past() == (bygone("i3", 25), bygone("i4", 40))


def test_of_the_past_only_the_latest_is_kept(store):
    commit(store, past=tuple(bygone(f"i{end:04}", end) for end in range(KEPT_PAST + 5)))
    assert [one.resolved_at for one in store.past()] == list(range(5, KEPT_PAST + 5))


def test_an_incident_that_needs_patience_counts_as_active_for_so_much_longer(store):
    commit(store, records=(record("i1", at=(10,), patience=20_000), record("i2", at=(15,))))
    assert store.quiet(second(30), 9) == ("i2",)
    assert store.quiet(second(31), 9) == ("i2", "i1")


def test_what_is_over_is_listed_the_latest_first(store):
    assert store.ended(9) == ()
    over = {"status": "resolved", "resolved_at": 3}
    merged = record("i3", at=(5,), status="merged", merged_into="i1")
    commit(store, records=(record("i1", at=(10,), **over), record("i2", at=(30,), **over), merged))
    commit(store, records=(record("i4", at=(50,)),))
    assert store.ended(9) == ("i2", "i1", "i3")
    assert store.ended(1) == ("i2",)
    assert store.ended(0) == ()
