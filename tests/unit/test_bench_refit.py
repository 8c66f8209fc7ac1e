"""References that fit anew: what they are compared by must be what they are."""

import numpy as np

from bench.refit import evidence, isolation_forest, z_score

NOISE = np.random.default_rng(3).normal(100, 5, 120)
TIME = np.arange(120) * 300_000


def test_the_z_score_of_a_row_counts_the_row_itself() -> None:
    value = NOISE.copy()
    value[110] = 200
    found = evidence(z_score, TIME, value, 1)
    last = value[11:111]
    assert found[110] == abs(200 - last.mean()) / last.std() / 3
    assert found[110] > 1
    assert not found[:20].any()


def test_a_row_is_judged_by_what_came_before_it_only() -> None:
    whole = evidence(z_score, TIME, NOISE, 1)
    assert np.array_equal(evidence(z_score, TIME[:70], NOISE[:70], 1), whole[:70])


def test_gaps_and_stamps_that_go_back_are_passed_over() -> None:
    value, time = NOISE.copy(), TIME.copy()
    value[50], time[60] = np.nan, time[40]
    found = evidence(z_score, time, value, 7)
    assert (found[50], found[60]) == (0, 0)
    assert found[61] > 0


def test_a_forest_finds_what_lies_outside_of_its_history() -> None:
    found = isolation_forest(TIME[:110], NOISE[:110], TIME[110:112], np.array([100.0, 500.0]))
    assert found[0] < 1 < found[1]
