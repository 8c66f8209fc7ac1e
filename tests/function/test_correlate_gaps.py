"""What correlators over a shared store often get wrong, one promise each."""

from copy import deepcopy
from dataclasses import fields
from itertools import permutations

import pytest

from aiops.adapters.memory_incidents import MemoryIncidents
from aiops.events import Incident
from tests.function.test_correlate import Rig, observed
from tests.property.correlate_world import START, anomaly, detected, tick

HOURS = 3_600


def events(*anomalies):
    return [detected([one], n, START + 3_600_000) for n, one in enumerate(anomalies)]


def test_a_service_may_have_several_incidents_and_an_anomaly_between_finds_them_all():
    rig = Rig()
    rig.give(anomaly("a", 0, measure=1))
    rig.give(anomaly("a", 100, measure=2))
    assert [one.services for one in rig.told.values()] == [("a",), ("a",)]
    rig.give(anomaly("a", 50, measure=3))
    assert rig.only.anomalies == 3


@pytest.mark.parametrize("order", [*permutations(range(3))])
def test_two_anomalies_are_linked_by_the_topology_of_the_later_one_in_any_order(order):
    rig = Rig(topology_delay=30)
    rig.deliver(observed(0, ("a", "b")))
    rig.deliver(observed(10, ("a", "f")))
    found = (anomaly("a", 30), anomaly("f", 65), anomaly("c", 70))
    for place in order:
        rig.deliver(events(*found)[place])
    assert {one.services for one in rig.told.values()} == {("a", "f"), ("c",)}


def test_a_topology_that_comes_too_late_does_not_link_what_came_before_it():
    rig = Rig(topology_delay=50)
    rig.deliver(observed(0, ("a", "b")))
    rig.give(anomaly("a", 100), anomaly("f", 100))
    rig.deliver(observed(20, ("a", "f")))
    assert len(rig.told) == 2
    rig.give(anomaly("f", 101))
    assert len(rig.told) == 2


def test_a_late_anomaly_of_a_resolved_incident_joins_it_and_it_stays_resolved_if_it_was_quiet():
    rig = Rig()
    rig.give(anomaly("a", 0))
    rig.deliver(tick(500))
    rig.give(anomaly("a", 60), second=500)
    assert (rig.only.anomalies, rig.only.status, rig.only.generation) == (2, "resolved", 1)
    assert rig.only.resolved_at == START + 180_000


def test_a_late_anomaly_that_shows_it_was_not_quiet_reopens_a_resolved_incident():
    rig = Rig()
    rig.give(anomaly("a", 0))
    rig.deliver(tick(130))
    assert rig.only.status == "resolved"
    rig.give(anomaly("a", 60), second=130)
    assert (rig.only.anomalies, rig.only.status, rig.only.generation) == (2, "open", 2)


def test_a_late_anomaly_between_a_resolved_incident_and_an_open_one_makes_them_one():
    rig = Rig(recur_within=60)
    rig.give(anomaly("a", 0))
    rig.deliver(tick(130))
    rig.give(anomaly("a", 120))
    assert sorted(one.status for one in rig.told.values()) == ["open", "resolved"]
    rig.give(anomaly("a", 60), second=130)
    assert (rig.only.anomalies, rig.only.opened_at, rig.only.status) == (3, START, "open")


@pytest.mark.parametrize("order", [*permutations(range(2))])
@pytest.mark.parametrize(("second", "incidents"), [(60, 1), (89, 1), (90, 2)])
def test_at_the_edge_of_the_window_the_bucket_decides_in_any_order(order, second, incidents):
    rig = Rig()
    start = START % 30_000 // 1_000  # a bucket begins with the first
    found = events(
        anomaly("a", 30 - start, measure=1), anomaly("a", 30 - start + second, measure=2)
    )
    for place in order:
        rig.deliver(found[place])
    assert len(rig.told) == incidents


@pytest.mark.parametrize(
    ("hours", "counts"), [(23, {"duplicate": 1}), (25, {"too_old": 1}), (72, {"too_old": 1})]
)
def test_what_was_taken_in_is_never_taken_in_again_however_much_later_it_is_repeated(hours, counts):
    rig = Rig()
    rig.give(anomaly("a", 0))
    (first,) = rig.told
    rig.give(anomaly("f", hours * HOURS))
    repeated = rig.give(anomaly("a", 0), second=hours * HOURS)
    assert {word: n for word, n in repeated.items() if word != "published"} == counts
    assert rig.told[first].anomalies == 1
    assert len(rig.told) == 2


def test_after_a_store_lost_its_latest_writes_a_redelivery_brings_them_back_as_new_versions():
    rig = Rig()
    given = events(anomaly("c", 10), anomaly("a", 0), anomaly("b", 20))
    rig.deliver(given[0])
    dump = deepcopy(rig.store)
    for event in given[1:]:
        rig.deliver(event)
    before = rig.only
    for field in fields(MemoryIncidents):
        setattr(rig.store, field.name, getattr(dump, field.name))
    rig.clock.ms += 1_000
    published = len(rig.log)
    for event in given:
        rig.deliver(event)
    after = rig.only
    assert after.version > before.version
    assert after.model_copy(update={"version": before.version}) == before
    versions = [Incident.model_validate_json(one.event.data).version for one in rig.log]
    assert min(versions[published:]) > max(versions[:published])
