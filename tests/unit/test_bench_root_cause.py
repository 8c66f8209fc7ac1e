"""What the comparison of rankers promises of its figures."""

from pathlib import Path

import numpy as np
import pytest

from aiops.events import Incident, SeriesHead, Suspect
from aiops.topology import EMPTY, Topology
from bench import plain_correlator
from bench.recall import part, pooled, table
from bench.root_cause import PLAIN, RANKERS, worst_ranking
from bench.tape import Tape, play, taped
from local.evaluation import Fault
from local.recording import Recording
from local.scenario.campaign import campaign
from tests.property.correlate_world import START, anomaly

MINUTE = 60_000
CPU, LATENCY = 0, 1


def tape(*faults: int, step: int = 60) -> Tape:
    times = START + np.arange(0, 7_200, step) * 1000
    recording = Recording(
        folder=Path("x"),
        heads=(SeriesHead(metric="m"),),
        series=np.zeros(len(times), dtype=np.int64),
        time=times,
        value=np.zeros(len(times)),
        calls=(),
        changes=(),
        faults=tuple(Fault(START + minute * MINUTE, "cart", "cpu") for minute in faults),
    )
    return Tape(recording, [], START, START + 120 * MINUTE)


def told(minute: int, *names: str) -> Incident:
    suspects = tuple(Suspect(service=n, metric="m", score=1.0, reasons=()) for n in names)
    at = START + minute * MINUTE
    return Incident(
        id=f"i{minute}", domain="d", version=1, status="resolved", title="t", severity=3,
        opened_at=at, updated_at=at + MINUTE, notified_at=at + MINUTE, services=("cart",),
        anomalies=2, evidence=(), root_cause=suspects, root_cause_at_notification=suspects,
    )  # fmt: skip


def test_figures_over_several_recordings_count_every_fault_the_same():
    one, other = tape(10, 30, 50), tape(10, step=30)
    line = pooled(
        "x",
        [
            part(one, one.judged([told(10, "cart"), told(30, "web", "cart")]), settled=False),
            part(other, other.judged([told(10, "cart"), told(60, "web")]), settled=False),
        ],
    )
    assert (line.faults, line.found) == (4, 3)
    assert (line.recall_at_1, line.recall_at_3) == (0.5, 0.75)
    assert line.false_incidents_per_hour == pytest.approx(0.25)
    assert line.incidents_per_found_fault == 1.0
    assert line.median_delay_samples == 1.0
    assert table([line]).splitlines()[-1].startswith("| x | 4 | 3 | 0.50 | 0.75 |")


def test_the_first_hour_is_left_out_where_series_are_still_being_learned():
    one = tape(10, 70)
    line = pooled("x", [part(one, one.judged([told(70, "cart")]), settled=True)])
    assert (line.faults, line.recall_at_1) == (1, 1.0)


def test_the_plain_correlator_takes_whatever_comes_within_five_minutes_as_one():
    shop = Topology.of([("web", "cart")])
    arrivals = [
        (START, [anomaly("web", 0, LATENCY)]),
        (START + 200_000, [anomaly("elsewhere", 200, CPU)]),
        (START + 700_000, [anomaly("cart", 700, LATENCY)]),
    ]
    first, second = plain_correlator.incidents(arrivals, shop)
    assert first.services == ("elsewhere", "web")
    assert [suspect.service for suspect in first.root_cause_at_notification] == ["web"]
    assert [suspect.service for suspect in first.root_cause] == ["elsewhere"]
    assert (second.services, second.anomalies) == (("cart",), 1)
    assert first.root_cause[0].score == second.root_cause[0].score
    assert plain_correlator.incidents([], EMPTY) == ()


def test_detection_runs_once_and_every_ranker_hears_the_same():
    recorded = taped(campaign(5, services=12, step=60, faults=2))
    assert recorded.ended > recorded.began
    heard = [play(recorded, ranker) for ranker in RANKERS]
    assert len({tuple((i.opened_at, i.anomalies) for i in one) for one in heard}) == 1
    assert sum(i.anomalies for i in heard[0] if i.status != "merged") == sum(
        len(anomalies) for _, anomalies in recorded.arrivals()
    )
    assert PLAIN not in RANKERS


def test_the_worst_ranking_ends():
    assert 0 < worst_ranking() < 5
