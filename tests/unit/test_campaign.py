"""What a generated system with faults promises."""

import numpy as np
import pytest

from aiops.series import Series, SeriesMap
from local.scenario.campaign import CALM_SECONDS, KINDS, QUIET_SECONDS, START_MS, campaign
from local.scenario.estate import EXTERNALS, STORES, estate
from local.scenario.naming import NAMINGS
from local.scenario.weather import Disturbance, weather

STEP = 30


@pytest.fixture(scope="module")
def drawn():
    return campaign(7, services=40, step=STEP, faults=16)


@pytest.fixture(scope="module")
def place():
    return estate(np.random.default_rng(3), 60)


def seen(place, done, seed=5, length=120):
    hours = np.arange(length) / 120
    return weather(np.random.default_rng(seed), place, hours, done)


def moved(place, done, measure):
    """Return whose rows of a measure a disturbance changes."""
    calm, ill = (getattr(seen(place, one), measure) for one in (Disturbance(), done))
    return {name for name in calm if not np.allclose(calm[name], ill[name])}


def upstream(place, service):
    found = {service}
    for call in reversed(place.calls):
        if call.server in found:
            found.add(call.client)
    return found


def downstream(place, service):
    found = {service}
    for call in place.calls:
        if call.client in found:
            found.add(call.server)
    return found


def test_the_same_number_gives_the_same_campaign(drawn):
    again = campaign(7, services=40, step=STEP, faults=16)
    assert again.heads == drawn.heads
    assert again.faults == drawn.faults
    assert np.array_equal(again.value, drawn.value)
    assert campaign(8, services=40, step=STEP, faults=16).calls != drawn.calls


@pytest.mark.parametrize("size", [10, 30, 300])
def test_calls_have_no_circles_and_reach_every_service(size):
    place = estate(np.random.default_rng(size), size)
    order = {name: number for number, name in enumerate(place.services)}
    assert len(order) == size
    assert all(order[call.client] < order[call.server] for call in place.calls)
    assert {call.server for call in place.calls} == set(place.services[1:])
    assert (len(place.stores), len(place.externals)) == (
        round(size * STORES),
        round(size * EXTERNALS),
    )
    assert not {call.client for call in place.calls} & (place.stores | place.externals)


def test_some_services_are_hubs():
    place = estate(np.random.default_rng(1), 300)
    callers = [sum(call.server == name for call in place.calls) for name in place.services]
    assert max(callers) > 30
    assert np.median(callers) <= 2


def test_every_kind_of_fault_comes_as_often_and_no_service_twice(drawn):
    kinds = [fault.kind for fault in drawn.faults]
    assert sorted(kinds) == sorted([*KINDS, *KINDS])
    assert len({fault.service for fault in drawn.faults}) == len(kinds)
    starts = [fault.start for fault in drawn.faults]
    assert min(np.diff(starts)) >= (QUIET_SECONDS[0] - STEP) * 1000


def test_a_fault_begins_between_two_samples_after_a_time_to_learn(drawn):
    first = drawn.faults[0].start - START_MS
    assert first > 240 * STEP * 1000 + CALM_SECONDS
    assert first % (STEP * 1000) == STEP * 500


def test_a_bad_deploy_is_recorded_a_minute_before_and_rolled_back(drawn):
    for fault in (one for one in drawn.faults if one.kind == "bad_deploy"):
        own = [change for change in drawn.changes if change.service == fault.service]
        assert fault.start - 60_000 <= min(
            change.observed_at for change in own if change.observed_at > fault.start - 90_000
        ) <= fault.start  # fmt: skip
        assert "rollback" in {change.kind for change in own}


def test_no_two_systems_name_their_metrics_alike_and_every_role_is_known():
    names = [{getattr(one, measure) for measure in _MEASURES} for one in NAMINGS]
    assert len(set.union(*names)) >= 3 * len(_MEASURES) - 2
    for naming in NAMINGS:
        for measure, role in _MEASURES.items():
            head = (
                naming.of_call(measure, "a", "b")
                if role.startswith("edge")
                else naming.of(measure, "a")
            )
            series = SeriesMap().read(head)
            assert isinstance(series, Series)
            assert (series.role, series.service) == (role, "b" if role.startswith("edge") else "a")


_MEASURES = {
    "cpu": "saturation",
    "memory": "saturation",
    "rate": "traffic",
    "errors": "errors",
    "latency": "latency",
    "client": "edge_client",
    "server": "edge_server",
}


def test_failures_and_slowness_reach_callers_only(place):
    victim = place.ordinary[20]
    length = np.ones(120)
    assert moved(place, Disturbance(failing={victim: 0.3 * length}), "errors") == upstream(
        place, victim
    )
    slow = Disturbance(slower={victim: 3 * length})
    assert moved(place, slow, "latency") == upstream(place, victim)
    assert not moved(place, slow, "rate")
    assert not moved(place, slow, "errors")


def test_lost_and_added_requests_reach_callees_only(place):
    victim = place.ordinary[5]
    length = np.ones(120)
    for done in (Disturbance(serving={victim: 0.2 * length}), Disturbance(asked={victim: length})):
        assert moved(place, done, "rate") == downstream(place, victim)
    dead = Disturbance(serving={victim: 0.2 * length})
    assert moved(place, dead, "errors") == upstream(place, victim) - {victim}


def test_a_slow_network_shows_at_the_clients_end_of_its_calls_and_not_at_the_servers(place):
    leaf = min(place.externals)
    done = Disturbance(network={leaf: 0.02 * np.ones(120)})
    calls = {call for call in place.calls if call.server == leaf}
    assert calls <= moved(place, done, "client")
    assert not calls & moved(place, done, "server")


def test_what_belongs_to_somebody_else_reports_nothing():
    recording = campaign(9, services=30, step=STEP, faults=1)
    drawn = estate(np.random.default_rng(np.random.SeedSequence(9).spawn(4)[0]), 30)
    told = {value for head in recording.heads for key, value in head.labels.items()
            if key not in {"client", "server"}}  # fmt: skip
    assert not told & drawn.externals
    ends = [
        set(head.labels) for head in recording.heads if drawn.externals & {*head.labels.values()}
    ]
    assert ends
    assert all(labels == {"client", "server"} for labels in ends)


def test_samples_are_missing_here_and_there(drawn):
    every = len(drawn.heads) * len(np.unique(drawn.time))
    assert 0.98 < len(drawn.value) / every < 0.995
    assert drawn.value.min() >= 0
