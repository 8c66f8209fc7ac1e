"""A canary is seen on its way, and nobody is told of it."""

import json
from dataclasses import dataclass

import pytest

from aiops import topics
from aiops.canary import METRIC, canary, service_of
from functions.detect.config import CANARY, DetectConfig, Rule
from functions.exporter.canary.journey import ACT_GROUP, STAGES, Journey
from local.functions import ROOT
from local.manifests import load


@dataclass(frozen=True)
class Seen:
    topic: str
    partition: int
    offset: int
    value: bytes


def anomalies(service):
    return Seen(topics.ANOMALIES, 1, 5, json.dumps({"anomalies": [{"service": service}]}).encode())


def incident(*services, offset=7):
    return Seen(topics.INCIDENTS, 2, offset, json.dumps({"services": services}).encode())


def at(offset, group=ACT_GROUP, partition=2):
    return {group: {(topics.INCIDENTS, partition): offset}}


def test_each_stage_is_passed_at_its_time():
    journey = Journey("one", 10.0)
    assert journey.missed == "detect"
    journey.see(anomalies(service_of("one")), 11.0)
    assert journey.missed == "correlate"
    journey.see(incident(service_of("one")), 12.5)
    assert journey.waits_for_act
    journey.see_positions(at(8), 14.0)
    assert journey.done
    assert journey.seconds == {"detect": 1.0, "correlate": 2.5, "act": 4.0}
    assert not journey.waits_for_act


@pytest.mark.parametrize(
    "groups", [{}, at(7), at(8, group="somebody-else"), at(8, partition=0)], ids=str
)
def test_act_was_there_only_where_its_own_group_is_past_the_incident(groups):
    journey = Journey("one", 0.0)
    journey.see(incident(service_of("one")), 1.0)
    journey.see_positions(groups, 2.0)
    assert "act" not in journey.seconds


def test_what_another_canary_did_is_not_ours():
    journey = Journey("one", 0.0)
    journey.see(anomalies(service_of("other")), 1.0)
    journey.see(incident(service_of("other")), 1.0)
    journey.see_positions(at(99), 1.0)
    assert journey.seconds == {}


def test_a_service_that_only_speaks_of_a_canary_is_none():
    journey = Journey("one", 0.0)
    journey.see(incident("shop", f"about-{service_of('one')}"), 1.0)
    assert journey.missed == STAGES[0]
    assert not journey.waits_for_act


def test_the_first_record_of_an_incident_is_what_act_has_to_pass():
    journey = Journey("one", 0.0)
    journey.see(incident(service_of("one"), offset=7), 1.0)
    journey.see(incident(service_of("one"), offset=9), 2.0)
    journey.see_positions(at(8), 3.0)
    assert journey.seconds == {"correlate": 1.0, "act": 3.0}


def test_no_rule_of_somebody_catches_the_canary():
    config = DetectConfig(rules=(Rule(detector="static", params={"upper": 1e9}),))
    (message,) = canary("one", 1_767_225_600_000)
    head = json.loads(message.event.data)["series"][0]
    assert head["metric"] == METRIC
    series = next(iter(_series(head)))
    assert config.rule(config.rule_for(series)) == CANARY


def test_acts_group_is_that_of_its_source():
    sources = load(ROOT / "knative" / "base").sources
    assert [one.spec.consumer_group for one in sources if topics.INCIDENTS in one.spec.topics] == [
        ACT_GROUP
    ]


def _series(head):
    from aiops.events import SeriesHead
    from aiops.series import Series, SeriesMap

    found = SeriesMap().read(SeriesHead.model_validate(head))
    assert isinstance(found, Series)
    yield found
