"""The work that ranking an incident takes, whatever its size."""

from itertools import permutations

import pytest

from aiops import plugins
from aiops.adapters.memory_broker import MemoryPublisher
from aiops.adapters.memory_incidents import MemoryIncidents
from aiops.clock import ManualClock
from aiops.events import Evidence
from aiops.topology import Topology
from functions.correlate.assembly import assemble
from functions.correlate.config import CorrelateConfig
from functions.correlate.judging import ranked
from functions.correlate.rankers import evidence as by_evidence
from functions.correlate.ranking import BUDGET, Case, affordable
from tests.property.correlate_world import anomaly, detected

RANKERS = plugins.available("functions.correlate.rankers")
SERVICES = [f"s{number:03}" for number in range(500)]
EACH_CALLS_EACH = Topology.of((a, b) for a in SERVICES for b in SERVICES)
TIMES_LOOKED_AT = 12
"""How often a ranker may look at a call it is given."""


class Counting:
    """A topology that counts the services it hands out."""

    def __init__(self, topology):
        self._topology = topology
        self.handed_out = 0

    def __getattr__(self, name):
        return getattr(self._topology, name)

    def callers(self, service):
        return self._counted(self._topology.callers(service))

    def callees(self, service):
        return self._counted(self._topology.callees(service))

    def _counted(self, found):
        self.handed_out += len(found)
        return found


def pieces(count, measure=None):
    """Return evidence of so many series over all services, of one kind or of every kind."""
    made = []
    for number in range(count):
        kind = number % 6 if measure is None else measure
        service, other = SERVICES[number % 500], SERVICES[(7 * number + 1) % 500]
        edge = (service, other) if kind > 3 else None
        peak = anomaly(
            service, 0, kind, 2.0 + number / count, edge=edge, series=f"{number:05}",
            id=f"{number:05}", value=0.5 if kind == 3 else 2.0,
        )  # fmt: skip
        made.append(Evidence(first=0, last=0, count=5, peak=peak))
    return made


@pytest.mark.parametrize("measure", [None, 0, 1, 3, 4])
@pytest.mark.parametrize("ranker", RANKERS)
def test_a_ranker_looks_at_no_more_calls_than_its_budget_allows(ranker, measure):
    topology = Counting(EACH_CALLS_EACH)
    rank = plugins.load("functions.correlate.rankers", ranker, "Ranker")().rank
    suspects = rank(affordable(Case(pieces(2_000, measure), topology, ())))
    assert suspects
    assert topology.handed_out <= TIMES_LOOKED_AT * BUDGET


def test_what_can_be_afforded_is_taken_whole():
    case = Case(pieces(150), EACH_CALLS_EACH, ())
    assert affordable(case) is case


def test_the_strongest_series_are_ranked_where_not_all_can_be_in_whatever_order_they_are():
    topology = Topology.of([("a", "b"), ("b", "c"), ("c", "d")])
    strengths = {"a": 2.0, "b": 9.0, "c": 5.0, "d": 3.0}
    found = [
        Evidence(first=0, last=0, count=1, peak=anomaly(name, 0, 0, ratio))
        for name, ratio in strengths.items()
    ]
    kept = {
        frozenset(p.peak.service for p in affordable(Case(order, topology, ()), 6).evidence)
        for order in permutations(found)
    }
    assert kept == {frozenset("bc")}
    assert [p.peak.service for p in affordable(Case(found, topology, ()), 0).evidence] == ["b"]


def test_what_was_left_out_is_told_with_the_first_suspect():
    many = Case(pieces(2_000), EACH_CALLS_EACH, ())
    first, *others = ranked(many, by_evidence.Ranker())
    assert (
        first.reasons[-1]
        == f"ranked by the strongest {len(affordable(many).evidence)} of 2000 series"
    )
    assert not any("ranked by" in reason for one in others for reason in one.reasons)


def test_an_incident_of_ten_thousand_anomalies_is_ranked_once_a_batch(monkeypatch):
    cases = []
    genuine = by_evidence.Ranker.rank

    def rank(self, case):
        cases.append(case)
        return genuine(self, case)

    monkeypatch.setattr(by_evidence.Ranker, "rank", rank)
    config = CorrelateConfig(labels={"pod": 0.9})
    handler = assemble("test", MemoryIncidents(), MemoryPublisher(), ManualClock(0), config)
    for batch in range(20):
        found = [
            anomaly(
                SERVICES[number % 500], 3 * batch, number % 4, labels={"pod": "one"},
                id=f"{batch}-{number}", series=f"{number:05}",
            )
            for number in range(500)
        ]  # fmt: skip
        counts = handler(detected(found, batch))
        assert counts["accepted"] == 500
    assert len(cases) == 20
    assert max(len(case.evidence) for case in cases) <= config.max_series
