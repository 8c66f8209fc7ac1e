import numpy as np
import pytest

from bench.generated_alarms import alarms, alarms_a_day, found
from bench.generated_series import FAULTS, Plan, clean, faulty
from functions.detect.detectors.baseline import Detector

FIVE_MINUTES = 300


def test_the_same_seed_gives_the_same_series_and_another_one_others() -> None:
    plan = Plan(seed=5, series=6, days=2, step=FIVE_MINUTES)
    once, again = clean(plan), clean(plan)
    other = clean(Plan(seed=6, series=6, days=2, step=FIVE_MINUTES))
    assert np.array_equal(once.value, again.value, equal_nan=True)
    assert not np.array_equal(once.value, other.value, equal_nan=True)


def test_a_fault_changes_nothing_before_its_start() -> None:
    plan = Plan(seed=7, series=36, days=4, step=FIVE_MINUTES)
    hurt = faulty(plan)
    assert (np.bincount(hurt.fault) == 6).all()
    for k, start in enumerate(hurt.start):
        at = int(start)
        assert np.isfinite(hurt.value[at : at + 3, k]).all()
        assert hurt.observable[k] >= at
    flat = hurt.fault == FAULTS.index("flat")
    for k in np.flatnonzero(flat & ~hurt.counter):
        assert np.ptp(hurt.value[hurt.start[k] : hurt.start[k] + 60, k]) == 0.0


def test_restarts_of_counters_are_gaps_or_partly_counted() -> None:
    told = clean(Plan(seed=8, series=60, days=14, step=FIVE_MINUTES))
    counted = clean(Plan(seed=8, series=60, days=14, step=FIVE_MINUTES, restarts_told=False))
    fewer = np.isnan(told.value).sum(axis=0) > np.isnan(counted.value).sum(axis=0)
    assert (fewer[told.counter]).mean() > 0.8
    assert not fewer[~told.counter].any()


def test_clean_series_alarm_seldom_and_most_faults_are_found() -> None:
    plan = Plan(seed=9, series=54, step=FIVE_MINUTES)
    daily = alarms_a_day(alarms(clean(plan), Detector()), plan)
    assert daily[2:].mean() <= 0.1
    hurt = faulty(plan)
    shares = found(alarms(hurt, Detector()), hurt)
    assert np.mean([share.of_observable for share in shares.values()]) >= 0.75
    assert shares["flat"].of_start >= 0.9


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1001, 2002])
@pytest.mark.parametrize("step", [60, FIVE_MINUTES])
def test_two_hundred_series_of_any_seed_keep_the_budget(seed: int, step: int) -> None:
    plan = Plan(seed, step=step)
    daily = alarms_a_day(alarms(clean(plan), Detector()), plan)
    assert daily[2:].mean() <= LIMIT[step]
    hurt = faulty(plan)
    shares = found(alarms(hurt, Detector()), hurt)
    assert np.mean([share.of_observable for share in shares.values()]) >= LEAST[step]


LIMIT = {60: 0.12, FIVE_MINUTES: 0.1}
LEAST = {60: 0.7, FIVE_MINUTES: 0.82}
