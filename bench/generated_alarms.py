"""How often clean generated series alarm, and how many of the faults put into them are found.

`python -m bench.generated_alarms [seed]` prints it for steps of one and of five minutes.
"""

import sys
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aiops.detection import Detector
from bench.generated_series import DAY_S, FAULTS, Generated, Plan, clean, faulty
from functions.detect.detectors import baseline

SOON = 5
"""Samples within which a fault has to be found."""


@dataclass(frozen=True, slots=True)
class Found:
    """Shares of the faults of one kind found within five samples.

    Attributes:
        of_start: Of the fault's first sample.
        of_observable: From there until five samples after it became observable.
    """

    of_start: float
    of_observable: float


def alarms(generated: Generated, detector: Detector) -> NDArray[np.bool_]:
    """Return where a detector alarms, shape (rows, n); a lost sample does not."""
    value = generated.value
    state = np.zeros(value.shape[1], detector.dtype)
    out = np.zeros(value.shape, dtype=bool)
    for row, time in enumerate(generated.time.tolist()):
        here = np.flatnonzero(np.isfinite(value[row]))
        part = state[here]
        scores = detector.score(part, np.full(len(here), time), value[row, here])
        state[here] = part
        out[row, here] = scores.evidence > detector.alarm_line
    out[: detector.min_history] = False
    return out


def alarms_a_day(raised: NDArray[np.bool_], plan: Plan) -> NDArray[np.float64]:
    """Return alarms per series of each day, shape (days,)."""
    return np.asarray(raised.reshape(plan.days, DAY_S // plan.step, -1).sum(axis=1).mean(axis=1))


def found(raised: NDArray[np.bool_], generated: Generated) -> dict[str, Found]:
    """Return which share of the faults of each kind is found."""
    row = np.arange(len(raised))[:, None]
    since = raised & (row >= generated.start)
    early: NDArray[np.bool_] = np.any(since & (row < generated.start + SOON), axis=0)
    seen: NDArray[np.bool_] = np.any(since & (row < generated.observable + SOON), axis=0)
    shares = {}
    for place, kind in enumerate(FAULTS):
        mine = generated.fault == place
        shares[kind] = Found(float(early[mine].mean()), float(seen[mine].mean()))
    return shares


def main(seed: int) -> None:
    """Print figures of 200 clean series and of 200 with a fault each, for two steps."""
    for step in (60, 300):
        for told in (True, False):
            plan = Plan(seed, step=step, restarts_told=told)
            daily = alarms_a_day(alarms(clean(plan), baseline.Detector()), plan)
            print(f"step {step} s, restarts {'told' if told else 'counted'}: alarms a day")
            print(f"  day 1 {daily[0]:.3f}, 2 {daily[1]:.3f}, 3-14 {daily[2:].mean():.3f}")
        generated = faulty(Plan(seed + 1, step=step))
        shares = found(alarms(generated, baseline.Detector()), generated)
        for kind, share in shares.items():
            print(f"  {kind:7} {share.of_start:.2f} {share.of_observable:.2f}")
        print(f"  all {np.mean([share.of_observable for share in shares.values()]):.3f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1)
