"""Quantiles of histograms that come as buckets."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiops.events import Samples, SeriesHead
from aiops.selector import Selector
from functions.detect.config import DetectConfig, Quantiles, Rule
from functions.detect.histograms import grown, quantile
from functions.detect.record import HEADER, MOST_BUCKETS
from tests.detecting import MINUTE, NAMES, START, Detecting

BOUNDS = ("0.1", "0.5", "1", "+Inf")
LIMIT = Rule(detector="static", params={"upper": 0.45})


def detecting(**fields) -> Detecting:
    rule = Quantiles(match=Selector(metric="latency_seconds_bucket"), q=(0.5, 0.9))
    return Detecting(DetectConfig(quantiles=(rule,), default=LIMIT, **fields))


def bucket(bound: str, metric: str = "latency_seconds_bucket") -> SeriesHead:
    return SeriesHead(metric=metric, labels={"service": "shop", "le": bound}, kind="counter")


def derived(q: str) -> SeriesHead:
    return SeriesHead(metric="latency_seconds", labels={"service": "shop", "quantile": q})


def scrape(*counts: tuple[int, tuple[float, ...]], bounds=BOUNDS) -> Samples:
    rows = [(i, START + MINUTE * at, c) for at, each in counts for i, c in enumerate(each)]
    return Samples(series=tuple(bucket(bound) for bound in bounds), samples=tuple(rows))


def tell(world: Detecting, fact: Samples):
    return world.tell(fact, max(row[1] for row in fact.samples))


@pytest.mark.parametrize(
    ("q", "expected"),
    [(0.5, 0.1), (0.25, 0.05), (0.75, 0.35), (0.9, 0.5), (0.95, 0.75), (0.999, 1.0)],
)
def test_a_quantile_lies_in_its_bucket_as_prometheus_has_it(q: float, expected: float) -> None:
    bounds = np.array([0.1, 0.5, 1.0, np.inf])
    counts = np.array([50.0, 90.0, 100.0, 100.0])
    if q == 0.75:
        expected = 0.1 + 0.4 * (75 - 50) / 40
    if q == 0.999:
        expected = 0.5 + 0.5 * (99.9 - 90) / 10
    assert quantile(q, bounds, counts) == pytest.approx(expected)


def test_the_edges_of_a_histogram_are_those_of_prometheus() -> None:
    bounds = np.array([-1.0, 1.0, np.inf])
    assert quantile(0.5, bounds, np.array([9.0, 9.0, 10.0])) == -1.0
    assert quantile(0.99, bounds, np.array([0.0, 1.0, 10.0])) == 1.0
    assert np.isnan(quantile(0.5, bounds, np.zeros(3)))


@given(st.lists(st.floats(0, 1e12), min_size=2, max_size=MOST_BUCKETS), st.floats(0.01, 0.99))
def test_a_quantile_is_never_outside_of_the_bounds(steps: list[float], q: float) -> None:
    bounds = np.append(np.arange(1.0, len(steps)), np.inf)
    found = quantile(q, bounds, np.cumsum(steps))
    assert np.isnan(found) or 0.0 <= found <= len(steps) - 1


def test_the_quantiles_of_what_was_counted_since_the_last_scrape_are_judged() -> None:
    world = detecting()
    counts = [(0, (50.0, 90.0, 100.0, 100.0)), (1, (100.0, 180.0, 200.0, 200.0))]
    assert tell(world, scrape(counts[0])) == {"accepted": 2}
    assert tell(world, scrape(counts[1])) == {"accepted": 2, "anomalies": 1}
    (found,) = world.found()
    assert (found.metric, found.labels) == ("latency_seconds", dict(derived("0.9").labels))
    assert (found.value, found.series) == (0.5, NAMES.read(derived("0.9")).key)
    assert found.reason == "500 ms is above the limit of 450 ms"


def test_one_scrape_or_many_in_an_event_come_to_the_same() -> None:
    counts = [(n, tuple(n * c for c in (50.0, 80.0 + n, 100.0, 100.0))) for n in range(6)]
    single, together = detecting(), detecting()
    for one in counts:
        tell(single, scrape(one))
    tell(together, scrape(*counts))
    assert single.store.records == together.store.records
    assert [one.id for one in single.found()] == [one.id for one in together.found()]


def test_a_histogram_that_begins_anew_and_one_that_lags_behind_are_told_apart() -> None:
    old = np.array([80.0, 100.0])
    growth, stands = grown(old, np.array([3.0, 4.0]))
    assert (growth.tolist(), stands.tolist()) == ([3.0, 4.0], [3.0, 4.0])
    growth, stands = grown(old, np.array([78.0, 97.0]))
    assert (growth.tolist(), stands.tolist()) == ([0.0, 0.0], [80.0, 100.0])


def test_nothing_counted_is_no_sample_of_a_quantile() -> None:
    world = detecting()
    same = (50.0, 90.0, 100.0, 100.0)
    tell(world, scrape((0, same), (1, same)))
    series = NAMES.read(derived("0.5"))
    header = np.frombuffer(world.store.records[series.shard, series.key][: HEADER.itemsize], HEADER)
    assert (header["last"][0], header["count"][0]) == (START + MINUTE, 0)


def test_other_bounds_begin_anew() -> None:
    world = detecting()
    tell(world, scrape((0, (50.0, 90.0, 100.0, 100.0))))
    other = ("0.2", "0.6", "1", "+Inf")
    tell(world, scrape((1, (60.0, 95.0, 99.0, 200.0)), bounds=other))
    assert world.found() == []


@pytest.mark.parametrize(
    "bounds", [("0.1", "0.5"), ("+Inf",), ("0.1", "0.10", "+Inf"), ("x", "1", "+Inf")]
)
def test_a_histogram_that_is_not_whole_is_refused_and_counted(bounds) -> None:
    counts = tell(detecting(), scrape((0, tuple(range(len(bounds)))), bounds=bounds))
    assert counts == {"histogram_incomplete": len(bounds)}


def test_a_scrape_that_lacks_a_bucket_is_dropped_and_counted() -> None:
    world = detecting()
    assert tell(world, scrape((0, (50.0, 90.0, 100.0)))) == {"histogram_incomplete": 3}
    assert world.store.records == {}


def test_histograms_nobody_wants_quantiles_of_are_counters_as_any() -> None:
    world = Detecting(DetectConfig())
    assert tell(world, scrape((0, (50.0, 90.0, 100.0, 100.0)))) == {"accepted": 4}


def test_a_scrape_that_comes_twice_changes_nothing() -> None:
    world = detecting()
    tell(world, scrape((0, (50.0, 90.0, 100.0, 100.0)), (1, (60.0, 95.0, 120.0, 120.0))))
    before = dict(world.store.records)
    assert tell(world, scrape((1, (60.0, 95.0, 120.0, 120.0)))) == {"duplicate": 2}
    assert world.store.records == before
