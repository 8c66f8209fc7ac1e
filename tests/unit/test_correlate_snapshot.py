"""What the world is told of an incident."""

import json

import pytest

from aiops.adapters.memory_incidents import MemoryIncidents
from aiops.cell import Site
from aiops.errors import Misconfigured
from aiops.events import Call, CommandGiven, Incident, Suspect, TopologyObserved
from aiops.incident_store import Held, Survey, View
from aiops.topology import Topology
from functions.correlate.actors import MAX_WHO
from functions.correlate.atlas import Atlas, finding, valid_from, version_at
from functions.correlate.confidence import Confidence
from functions.correlate.config import CorrelateConfig
from functions.correlate.incident import of_anomalies, settle
from functions.correlate.intake import destination, way
from functions.correlate.judging import Judge, assessed, told
from functions.correlate.ranking import Case
from functions.correlate.sites import cell_of
from functions.correlate.snapshot import (
    MAX_BYTES,
    MAX_EVIDENCE,
    incident_of,
    message_of,
    title,
    word,
)
from functions.correlate.topology_file import read_topology
from tests.property import correlate_world as world

CONFIG = world.CONFIG


def record(*services, **parts):
    anomalies = [world.anomaly(name, 10 * n, n % 3, 2.0 + n) for n, name in enumerate(services)]
    made = of_anomalies("i1", "test", anomalies, (), CONFIG)
    return made.model_copy(update={"version": 7} | parts)


def suspect(service="a", metric="cpu"):
    return Suspect(service=service, metric=metric, score=1.0, reasons=("why",))


def test_a_snapshot_tells_the_strongest_evidence_first_and_not_all_of_many():
    many = incident_of(record(*(f"s{n}" for n in range(60))))
    scores = [piece.peak.score for piece in many.evidence]
    assert scores == sorted(scores, reverse=True)
    assert (len(scores), many.anomalies, len(many.services)) == (MAX_EVIDENCE, 60, 60)


def said(command, second, by="ann"):
    return CommandGiven(
        incident="i1", command=command, given_by=by, given_at=world.START + second * 1000
    )


def actors(*orders, processed=0):
    moved = settle(record("a", orders=orders), world.START + processed * 1000, CONFIG)
    told = incident_of(moved)
    return told.status, told.acknowledged_by, told.resolved_by


def test_a_snapshot_says_who_took_it_on_and_who_ended_it():
    assert actors() == ("open", "", "")
    assert actors(said("acknowledge", 30)) == ("acknowledged", "ann", "")
    both = said("acknowledge", 30), said("resolve", 40, "bob")
    assert actors(*both) == ("resolved", "", "bob")
    assert actors(*both, said("reopen", 50)) == ("open", "", "")


def test_what_ended_by_itself_was_ended_by_nobody_though_somebody_said_so_later():
    late = CONFIG.resolve_after + 60
    orders = said("acknowledge", 30), said("resolve", late, "bob")
    before = actors(orders[0], processed=late)
    assert before == ("resolved", "ann", "")
    assert actors(*orders, processed=late) == ("resolved", "", "")


def test_what_was_merged_was_moved_by_nobody():
    orders = said("acknowledge", 30), said("resolve", 20, "bob")
    merged = incident_of(record("a", status="merged", merged_into="i2", orders=orders))
    assert (merged.acknowledged_by, merged.resolved_by) == ("", "")


def test_a_name_as_long_as_a_book_is_cut():
    _, by, _ = actors(said("acknowledge", 30, "x" * 100_000))
    assert by == "x" * MAX_WHO


def test_a_snapshot_of_before_there_was_word_of_who_moved_it_is_still_read():
    old = json.loads(incident_of(record("a")).model_dump_json())
    del old["acknowledged_by"], old["resolved_by"]
    read = Incident.model_validate_json(json.dumps(old))
    assert (read.acknowledged_by, read.resolved_by) == ("", "")


@pytest.mark.parametrize(
    ("parts", "told", "expected"),
    [
        ({}, 0, "opened"),
        ({}, 1, "updated"),
        ({"generation": 2}, 1, "opened"),
        ({"status": "acknowledged"}, 1, "updated"),
        ({"status": "resolved"}, 0, "resolved"),
        ({"status": "merged"}, 1, "merged"),
    ],
)
def test_what_a_snapshot_says_follows_from_status_and_from_what_was_told(parts, told, expected):
    assert word(Held(record("a", **parts), dirty=True, told=told)) == expected


def test_the_same_version_is_the_same_event_whoever_publishes_it():
    one, other = (
        message_of(Held(record("a"), dirty=True, told=told), {"causationid": str(told)})
        for told in (0, 1)
    )
    assert one.event.id == other.event.id
    assert one.event.data == other.event.data
    assert one.key == one.event.subject == "i1"
    assert one.event.extensions == {
        "correlationid": "i1",
        "severitynumber": "3",
        "causationid": "0",
    }
    changed = message_of(Held(record("a", version=8), dirty=True, told=1), {})
    assert changed.event.id != one.event.id
    assert Incident.model_validate_json(one.event.data).version == 7


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (record("a"), "a: cpu"),
        (record("a", "b"), "b: latency, 1 more service"),
        (record("a", "b", "c", root_cause=(suspect(),)), "a: cpu, 2 more services"),
        (record("a", root_cause=(suspect(metric=""),)), "a"),
    ],
)
def test_the_title_names_the_likely_cause_and_how_far_it_reaches(made, expected):
    assert title(made) == expected


class Names:
    """A ranker that always names the same."""

    def __init__(self, *suspects):
        self.suspects = suspects

    def rank(self, case):
        return self.suspects


def judged(made, *suspects):
    case = Case(made.evidence, world.TOPOLOGY, ())
    return assessed(made, case, Names(*suspects), world.grader(), Confidence.of((), ""))


def test_the_suspects_people_are_told_are_those_of_that_time():
    waiting = judged(record("b", notify_from=50), suspect("b"))
    early = told(waiting, 49)
    assert (early.notified_at, early.root_cause, early.blast_radius) == (
        None,
        (suspect("b"),),
        ("a",),
    )
    now = told(early, 50)
    assert (now.notified_at, now.notify_from) == (50, None)
    later = told(judged(now, suspect("c")), 90)
    assert later.root_cause == (suspect("c"),)
    assert later.root_cause_at_notification == (suspect("b"),)


def test_without_suspects_nothing_is_known_to_be_affected():
    assert judged(record("a")).blast_radius == ()


def test_how_bad_it_is_stands_in_the_snapshot_with_its_reasons():
    made = judged(record("a", "b", "c"), suspect("c"))
    snapshot = incident_of(made)
    assert (snapshot.severity, snapshot.severity_reasons) == (
        made.severity,
        made.severity_reasons,
    )
    assert any("3 services" in reason for reason in snapshot.severity_reasons)


def test_a_merged_incident_is_judged_no_more():
    merged = record("a", status="merged")
    store = MemoryIncidents()
    atlas = Atlas(store, world.TOPOLOGY)
    judge = Judge(store, Names(suspect()), world.grader(), atlas, CONFIG)
    assert judge.judge(merged, View(), 0) is merged


def test_the_topology_of_a_time_is_the_latest_before_it_or_the_first():
    assert version_at((), 5) is None
    versions = ((10, "one"), (20, "two"))
    assert [version_at(versions, at) for at in (5, 10, 19, 20)] == ["one", "one", "one", "two"]


def test_an_atlas_reads_a_topology_once_and_forgets_what_is_gone():
    one, two = Topology.of([("a", "b")]), Topology.of([("a", "c")])
    store = MemoryIncidents(topologies={0: one, 9: two})
    atlas = Atlas(store, world.TOPOLOGY)
    assert atlas.at((), 5) == world.TOPOLOGY
    assert atlas.all(()) == (world.TOPOLOGY,)
    versions = ((0, one.version), (9, two.version))
    assert atlas.all(versions) == (one, two)
    store.topologies.clear()
    assert atlas.at(versions, 8) == one
    atlas.at(((9, two.version), (12, "new")), 12)
    assert atlas.at(versions, 8).calls == frozenset()


@pytest.mark.parametrize(
    ("observed_at", "version", "view", "expected"),
    [
        (100, "new", View(), 0),
        (100, "new", View(topologies=((0, "old"),)), 130),
        (100, "new", View(watermark=150, topologies=((0, "old"),)), 151),
        (100, "old", View(topologies=((0, "old"),)), None),
        (100, "new", View(topologies=((0, "old"), (130, "mid"))), 131),
    ],
)
def test_a_topology_holds_from_a_time_no_anomaly_was_seen_in(observed_at, version, view, expected):
    observed = TopologyObserved(
        domain="test", calls=(Call(client="a", server="b"),), observed_at=observed_at
    )
    assert valid_from(observed, version, view, 30) == expected


@pytest.mark.parametrize("watermark", [0, 150, 10_000])
@pytest.mark.parametrize(("observed_at", "kept"), [(99, False), (100, False), (101, True)])
def test_what_was_observed_is_kept_once_however_late_it_is_delivered_again(
    watermark, observed_at, kept
):
    """Were it refused at first and taken later, when it came would decide from when it holds."""
    surveys = (Survey(since=130, version="mid", observed_at=100),)
    view = View(watermark=watermark, topologies=((0, "old"), (130, "mid")), surveys=surveys)
    observed = TopologyObserved(
        domain="test", calls=(Call(client="a", server="b"),), observed_at=observed_at
    )
    found = finding(observed, Topology.of([("a", "b")]), view, 30)
    assert (found is not None) == kept


def test_a_topology_is_read_from_a_file(tmp_path):
    file = tmp_path / "topology.csv"
    file.write_text("server,client,weight\nb,a,3\n,a,1\nc,,1\nd,c\n")
    assert read_topology(file).calls == {("a", "b"), ("c", "d")}


def test_a_topology_file_may_say_how_much_traffic_there_is(tmp_path):
    file = tmp_path / "topology.csv"
    file.write_text("client,server,traffic\na,b,1.5\nb,c,\n")
    read = read_topology(file)
    assert (read.traffic("a", "b"), read.traffic("b", "c")) == (1.5, None)
    for wrong in ("many", "-1", "nan"):
        file.write_text(f"client,server,traffic\na,b,{wrong}\n")
        with pytest.raises(Misconfigured, match="line 2: traffic is no number"):
            read_topology(file)


@pytest.mark.parametrize("content", [b"client\na\n", b"", b"client,server\n\xff\xfe,b\n"])
def test_a_topology_file_that_cannot_be_read_stops_the_start(tmp_path, content):
    file = tmp_path / "topology.csv"
    file.write_bytes(content)
    with pytest.raises(Misconfigured, match=r"correlate\.topology_file"):
        read_topology(file)


def test_a_missing_topology_file_stops_the_start(tmp_path):
    with pytest.raises(Misconfigured, match="FileNotFoundError"):
        read_topology(tmp_path / "none.csv")


def test_a_cell_is_coarse_and_holds_only_what_correlation_looks_at():
    labels = {"pod": "p1", "le": "0.5", "node": "", "message": "x" * 900}
    one = world.anomaly("a", 45, labels=labels, template="t1", edge=("a", "b"))
    cell = cell_of(one, CorrelateConfig())
    assert cell.time == one.time - one.time % 30_000
    assert cell.site == Site("a", "latency", (("pod", "p1"),), ("a", "b"), "t1", "x" * 500)
    assert cell.key == (cell.site.key, cell.time)


def test_the_way_of_a_merged_incident_leads_to_the_one_that_is_left():
    moved = {"i1": "i2", "i2": "i3"}
    assert way("i1", moved) == ("i1", "i2", "i3")
    assert destination("i9", moved) == "i9"


def test_the_schema_of_a_record_and_of_a_snapshot_is_json():
    assert json.loads(record("a").model_dump_json())["spans"] == [[world.START, world.START]]


def test_a_snapshot_never_outgrows_what_a_broker_takes():
    labels = {f"label_{n}": "x" * 2_000 for n in range(60)}
    anomalies = [
        world.anomaly(f"s{n}-{'y' * 2_000}", 10 * n, labels=labels, series=f"{n}")
        for n in range(200)
    ]
    large = of_anomalies("i1", "test", anomalies, (), CorrelateConfig())
    for reach in ((), tuple(f"{n}-{'z' * 2_000}" for n in range(400))):
        held = Held(large.model_copy(update={"blast_radius": reach}), dirty=True, told=0)
        message = message_of(held, {})
        assert len(message.event.data) <= MAX_BYTES
        told = Incident.model_validate_json(message.event.data)
        assert (told.anomalies, told.severity) == (200, incident_of(large).severity)


class Forgetful:
    """A store from which a topology is gone for once."""

    def __init__(self, topology):
        self.answers = [topology, Topology.of(())]

    def topology(self, version):
        return self.answers.pop() if len(self.answers) > 1 else self.answers[0]


def test_a_topology_that_was_gone_for_once_is_asked_for_again():
    topology = Topology.of([("a", "b")])
    atlas = Atlas(Forgetful(topology), Topology.of(()))
    assert atlas.at([(0, topology.version)], 5).calls == frozenset()
    assert atlas.at([(0, topology.version)], 5) == topology
