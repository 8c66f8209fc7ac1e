import numpy as np
import pytest

from bench.generated_alarms import alarms, found
from bench.generated_bound import BUDGET, bound, line, statistic
from bench.generated_series import FAULTS, NOISES, Plan, clean, faulty
from functions.detect.detectors.baseline import Detector

PLAN = Plan(seed=41, series=54, step=300)


@pytest.mark.parametrize("kind", FAULTS)
def test_a_line_set_on_some_clean_series_keeps_the_budget_on_others(kind: str) -> None:
    other = Plan(seed=42, series=54, step=300)
    at = line(statistic(PLAN, clean(PLAN), kind), PLAN.days)
    over = statistic(other, clean(other), kind) > at
    begun = (over[1:] & ~over[:-1]).sum() / other.series / other.days
    assert begun <= 1.8 * BUDGET


@pytest.mark.parametrize("kind", FAULTS)
def test_what_is_told_of_a_sample_does_not_look_ahead(kind: str) -> None:
    hurt = faulty(PLAN)
    whole = statistic(PLAN, hurt, kind)
    hurt.value[3000:] = np.nan
    assert np.array_equal(statistic(PLAN, hurt, kind)[:3000], whole[:3000])


def test_without_memory_or_skew_the_sum_is_that_of_normal_log_likelihoods() -> None:
    sound = clean(PLAN)
    mine = np.flatnonzero(sound.noise == NOISES.index("normal"))[0]
    noise = (sound.value - sound.usual)[:, mine] / sound.unit[mine]
    away = PLAN.lasting * sound.deviation[mine] / sound.unit[mine]
    gained = np.nan_to_num(away * noise - away * away / 2.0)
    row = 500 + int(np.argmax(np.isfinite(noise[500:])))
    beginnings = [gained[row - since : row + 1].sum() for since in range(32)]
    told = statistic(PLAN, sound, "shift")[row, mine]
    assert told == pytest.approx(max(beginnings))


def test_even_who_knows_everything_finds_few_drifts_within_five_samples_but_all_soon() -> None:
    alone, together = bound(PLAN)
    assert together["drift"].of_start <= 0.3
    assert alone["shift"].of_start < 0.95
    assert np.mean([share.of_observable for share in together.values()]) >= 0.95


@pytest.mark.slow
@pytest.mark.parametrize("step", [60, 300])
def test_the_default_finds_most_of_what_anyone_could(step: int) -> None:
    plan = Plan(seed=1001, step=step)
    _, anyone = bound(plan)
    hurt = faulty(Plan(plan.seed + 1, step=step))
    shares = found(alarms(hurt, Detector()), hurt)
    default = np.mean([share.of_start for share in shares.values()])
    assert default >= LEAST[step] * np.mean([share.of_start for share in anyone.values()])


LEAST = {60: 0.7, 300: 0.75}
"""Share of what anyone could find; three seeds gave 0.76 and 0.82, and 0.81 to 0.86."""
