"""The two scores that detectors are compared by."""

import numpy as np
import pytest

from bench.event_f1 import event_f1
from bench.nab import PROFILES, File, nab_score, rows_of

STANDARD = PROFILES["standard"]


def alarms(n: int, *rows: int, strength: float = 1.0) -> np.ndarray:
    evidence = np.zeros(n)
    evidence[list(rows)] = strength
    return evidence


def test_an_alarm_at_the_start_of_every_window_is_perfect_and_silence_is_nothing() -> None:
    perfect = nab_score([File(alarms(1000, 300, 700), [(300, 350), (700, 750)])], STANDARD)
    assert perfect.score == pytest.approx(100)
    assert (perfect.found, perfect.false, perfect.threshold) == (2, 0, 1.0)
    silent = nab_score([File(np.zeros(1000), [(300, 350)])], STANDARD)
    assert (silent.score, silent.found, silent.threshold) == (0, 0, np.inf)


def test_a_late_alarm_is_worth_less_and_only_the_first_of_a_window_counts() -> None:
    def score(*rows: int) -> float:
        return nab_score([File(alarms(1000, *rows), [(300, 350)])], STANDARD).score

    assert score(300) > score(320) > score(349) > 0
    assert score(320, 330, 349) == pytest.approx(score(320))


def test_a_false_alarm_costs_more_far_from_a_window_and_under_a_stricter_profile() -> None:
    def cost(row: int, profile: str = "standard") -> float:
        evidence = alarms(2000, 400, row)
        return 100 - nab_score([File(evidence, [(400, 450)])], PROFILES[profile]).score

    assert 0 < cost(455) < cost(1500)
    assert cost(1500) == pytest.approx(11 / 2)
    assert cost(1500, "low_fp") == pytest.approx(2 * cost(1500))


def test_the_first_rows_do_not_count_and_a_threshold_can_be_given() -> None:
    evidence = alarms(1000, 10, 149) + alarms(1000, 500, strength=0.5)
    found = nab_score([File(evidence, [(500, 550)])], STANDARD)
    assert (found.false, found.threshold) == (0, 0.5)
    assert nab_score([File(evidence, [(500, 550)])], STANDARD, threshold=0.6).found == 0
    assert nab_score([File(evidence, [(500, 550)])], STANDARD, threshold=0.4).score == found.score


def test_windows_are_found_by_the_first_row_of_their_stamps() -> None:
    assert rows_of(np.array([10, 20, 20, 15, 30]), [(20, 30)]) == [(1, 4)]


def test_events_are_found_with_tolerance_and_alarms_outside_are_false() -> None:
    labelled = np.zeros(1000, dtype=bool)
    labelled[[400, 402, 800]] = True
    one = event_f1([(alarms(1000, 405, 600), labelled)])
    assert (one.events, one.found, one.false) == (2, 1, 1)
    assert one.f1 == pytest.approx(0.5)
    assert event_f1([(alarms(1000, 406, 600), labelled)]).found == 0


def test_the_best_threshold_is_taken_unless_one_is_given() -> None:
    labelled = np.zeros(1000, dtype=bool)
    labelled[[400, 800]] = True
    evidence = alarms(1000, 400, 800, strength=2.0) + alarms(1000, 200, 600, strength=1.0)
    assert event_f1([(evidence, labelled)]).f1 == 1.0
    fixed = event_f1([(evidence, labelled)], threshold=0.5)
    assert (fixed.found, fixed.false, fixed.f1) == (2, 2, pytest.approx(2 / 3))


def test_fainter_alarms_after_an_alarm_are_the_same_alarm() -> None:
    labelled = np.zeros(1000, dtype=bool)
    labelled[900] = True
    evidence = alarms(1000, 300, 900) + alarms(1000, 305, strength=0.9)
    assert event_f1([(evidence, labelled)], threshold=0.5).false == 1
