"""How many faults of generated series anyone could find: a detector that is told everything.

It knows each series' true shape and noise, and how large each kind of fault is; it sums up the
logarithm of how much more probable the samples are if a fault began so many samples ago, for
every beginning, and alarms where the largest is over a line set on clean series to the budget. For
a fault known but for its beginning no test finds more at once, and few a little later.
Source: Page, "Continuous inspection schemes" (1954); Lorden, "Procedures for reacting to a change
in distribution" (1971); Lai, "Information bounds and quick detection of parameter changes" (1998)
for beginnings within a window.

`python -m bench.generated_bound [seed [series]]` prints it beside the default detector.
"""

import sys
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from bench.generated_alarms import Found, alarms, found
from bench.generated_series import (
    FAULTS,
    KEPT,
    NOISES,
    RENEWED,
    SKEW,
    SKEW_DEVIATION,
    SKEW_MEAN,
    Generated,
    Plan,
    clean,
    faulty,
)
from functions.detect.detectors import baseline

FloatArray = NDArray[np.float64]

BUDGET = 0.1
"""Alarms a series and day on clean series; samples in a row over the line are one."""

LONGEST = 32
"""Samples since a fault's beginning that are summed up, for all but `spike`."""

RAMP = 20
"""Samples in which `drift` reaches its end."""

IMPOSSIBLE = -50.0
"""Least logarithm of a ratio of probabilities."""

LEAST = 1e-9
"""Stands for values that `skewed` noise cannot have: their density is all but 0."""


def statistic(plan: Plan, generated: Generated, kind: str) -> FloatArray:
    """Return the largest log-likelihood ratio of a kind of fault over its beginnings.

    Args:
        plan: Says how large it is.
        generated: The series.
        kind: One of `FAULTS`.

    Returns:
        In nats, 0 where a sample is lost, shape (rows, n); of `flat`, which leaves no doubt,
        infinite where a value is that of the sample before.
    """
    noise = (generated.value - generated.usual) / generated.unit
    if kind == "flat":
        same = generated.value[1:] == generated.value[:-1]
        return np.where(np.vstack([np.zeros_like(same[:1]), same]), np.inf, 0.0)
    out = np.zeros_like(noise)
    for place, family in enumerate(NOISES):
        mine = np.flatnonzero(generated.noise == place)
        size = generated.deviation[mine] / generated.unit[mine]
        sums = np.zeros((len(noise), len(mine)))
        most = np.full_like(sums, IMPOSSIBLE)
        for gained in _gains(plan, kind, family, noise[:, mine], size):
            sums[1:] = sums[:-1]
            sums[0] = 0.0
            sums += gained
            np.maximum(most, sums, out=most)
        out[:, mine] = np.where(np.isfinite(noise[:, mine]), most, 0.0)
    return out


def line(statistics: FloatArray, days: int) -> float:
    """Return the line that clean series cross as often as the budget allows."""
    low, high = 0.0, 60.0
    wanted = BUDGET * days * statistics.shape[1]
    while high - low > 1e-3:
        middle = (low + high) / 2.0
        over = statistics > middle
        begun = int((over[1:] & ~over[:-1]).sum())
        low, high = (middle, high) if begun > wanted else (low, middle)
    return high


def bound(plan: Plan) -> tuple[dict[str, Found], dict[str, Found]]:
    """Return what is found of each kind where only it is looked for, and where all are."""
    sound, hurt = clean(plan), faulty(Plan(plan.seed + 1, plan.series, plan.days, plan.step))
    alone, together = {}, np.zeros(hurt.value.shape)
    most = np.zeros(sound.value.shape)
    for kind in FAULTS:
        usual, said = statistic(plan, sound, kind), statistic(plan, hurt, kind)
        own = said > line(usual, plan.days)
        alone[kind] = found(own, hurt)[kind]
        np.maximum(most, usual, out=most)
        np.maximum(together, said, out=together)
    return alone, found(together > line(most, plan.days), hurt)


def _gains(
    plan: Plan, kind: str, family: str, noise: FloatArray, size: FloatArray
) -> Iterator[FloatArray]:
    """Yield what each sample says for a fault that began 0, 1, 2, ... samples before it."""
    before = np.vstack([np.full_like(noise[:1], np.nan), noise[:-1]])
    kept = KEPT if family == "wandering" else 0.0
    alone = np.isnan(before)
    pure = (noise - kept * np.where(alone, 0.0, before)) / np.sqrt(1.0 - kept * kept * ~alone)
    if kind == "spread":
        gained = _wider(family, pure, plan.sudden)
        for _ in range(LONGEST):
            yield gained
        return
    last: tuple[float, float] = (0.0, 0.0)
    gained = np.zeros_like(noise)
    for since, away in enumerate(_course(plan, kind)):
        if (away, last[0]) != last or since < 2:  # the same question has the same answer
            moved = (away - kept * last[0]) / (RENEWED if kept else 1.0)
            gained = _moved(family, pure, moved * size)
        last = (away, last[0])
        yield gained


def _course(plan: Plan, kind: str) -> list[float]:
    """Return how far a fault moves its samples since its beginning, in robust deviations."""
    if kind == "spike":
        return [plan.sudden] * plan.burst
    if kind == "drift":
        return [plan.sudden * min((i + 1) / RAMP, 1.0) for i in range(LONGEST)]
    return [-plan.sudden if kind == "drop" else plan.lasting] * LONGEST


def _moved(family: str, pure: FloatArray, away: FloatArray) -> FloatArray:
    if family == "skewed":
        return _ratio(_log_skewed(pure - away), _log_skewed(pure))
    return np.asarray(np.nan_to_num(pure * away - 0.5 * away * away))


def _wider(family: str, pure: FloatArray, times: float) -> FloatArray:
    if family == "skewed":
        return _ratio(_log_skewed(pure / times) - np.log(times), _log_skewed(pure))
    return np.asarray(np.nan_to_num(0.5 * pure * pure * (1.0 - times**-2) - np.log(times)))


def _log_skewed(noise: FloatArray) -> FloatArray:
    """Return the logarithm of the density of `skewed` noise, but for a constant."""
    plain = np.maximum(SKEW_DEVIATION * noise + SKEW_MEAN, LEAST)
    logarithm = np.log(plain)
    return np.asarray(-0.5 * (logarithm / SKEW) ** 2 - logarithm)


def _ratio(other: FloatArray, usual: FloatArray) -> FloatArray:
    """Return the difference of logarithms within bounds, 0 where there is no sample."""
    return np.asarray(np.clip(np.nan_to_num(other - usual), IMPOSSIBLE, -IMPOSSIBLE))


def main(seed: int, series: int) -> None:
    """Print what can be found, and what is, for two steps."""
    for step in (60, 300):
        plan = Plan(seed, series=series, step=step)
        alone, together = bound(plan)
        hurt = faulty(Plan(seed + 1, series=series, step=step))
        is_found = found(alarms(hurt, baseline.Detector()), hurt)
        print(f"step {step} s: found within 5 samples of start / of being observable by")
        for kind in FAULTS:
            shares = (alone[kind], together[kind], is_found[kind])
            told = [f"{each.of_start:.2f} / {each.of_observable:.2f}" for each in shares]
            print(f"  {kind:7} told the kind {told[0]}, told all {told[1]}, baseline {told[2]}")
        for name, each in (("told all", together), ("baseline", is_found)):
            print(
                f"  all, {name}: {np.mean([one.of_start for one in each.values()]):.3f} / ", end=""
            )
            print(f"{np.mean([one.of_observable for one in each.values()]):.3f}")


if __name__ == "__main__":
    arguments = [int(each) for each in sys.argv[1:3]]
    main(arguments[0] if arguments else 1, arguments[1] if len(arguments) > 1 else 200)
