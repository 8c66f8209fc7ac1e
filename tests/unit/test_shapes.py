"""Series of shapes that are easily misjudged, and samples that come twice or late."""

import numpy as np

from aiops.detection import FloatArray
from functions.detect.config import DetectConfig
from tests.detecting import MINUTE, START, Detecting
from tests.unit.test_baseline import evidence

HOURS = 60 * MINUTE
A_DAY = 288
"""Samples, five minutes apart."""


def alarms(values: FloatArray, step: int = 5 * MINUTE) -> FloatArray:
    return np.asarray(evidence(values, step) > 1.0)


def test_events_that_come_a_few_times_a_day_are_no_news_but_a_burst_of_them_is() -> None:
    draw = np.random.default_rng(3)
    days, series = 14, 40
    happens = draw.random((series, days * A_DAY)) < 0.01
    values = np.where(happens, draw.integers(1, 3, happens.shape), 0.0)
    values[:, -100] += 30.0
    found = alarms(values)
    assert found[:, -100].mean() >= 0.95
    assert found[:, 2 * A_DAY : -100].sum() <= 0.15 * series * (days - 2)


def test_a_job_that_runs_once_a_day_is_no_news_after_a_few_days_though_nothing_else_moves() -> None:
    draw = np.random.default_rng(3)
    values = np.zeros((20, 12 * A_DAY))
    values[:, ::A_DAY] = draw.normal(100.0, 3.0, (20, 12))
    values[:, -5] = 300.0
    found = alarms(values).reshape(20, 12, A_DAY).sum(axis=2).mean(axis=0)
    assert found[5:11].mean() <= 0.2
    assert found[11] >= 0.95


def test_a_series_with_four_samples_a_day_seldom_alarms_and_a_spike_in_it_does() -> None:
    draw = np.random.default_rng(3)
    values = draw.normal(50.0, 3.0, (40, 4 * 90))
    values[:, 300] += 40.0
    found = alarms(values, step=6 * HOURS)
    assert found[:, 300].mean() >= 0.95
    assert found.sum() - found[:, 300].sum() <= 0.05 * 40 * 90


def test_what_comes_twice_or_late_changes_nothing_of_what_is_found() -> None:
    draw = np.random.default_rng(6)
    value = draw.normal(100.0, 2.0, 400)
    value[[300, 350]] = 180.0
    points = [(START + MINUTE * at, float(one)) for at, one in enumerate(value)]
    mixed = []
    for at, point in enumerate(points):
        mixed.append(point)
        if at > 10 and draw.random() < 0.3:
            time, _ = points[int(draw.integers(0, at + 1))]
            mixed.append((time, 1e6))
    told = []
    for fed in (points, mixed):
        detecting = Detecting(DetectConfig())
        told.append(([one.model_dump() for one in detecting.feed(fed)], detecting.store.records))
    assert len(mixed) > 450
    assert told[0] == told[1]
    assert {one["value"] for one in told[0][0]} == {180.0}
