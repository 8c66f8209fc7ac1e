"""What the default detector scores on random halves of labelled series, and how far that spreads.

`python -m bench.halves DATA` (see `bench.labelled`) prints it: by the best threshold of a half, and
by the one that was best on the other half.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.event_f1 import event_f1
from bench.labelled import Labelled, quality, read, rows_that_count
from bench.nab import PROFILES, File, nab_score
from local.backtest import backtest

DRAWS = 100


@dataclass(frozen=True, slots=True)
class Half:
    """A figure over random halves.

    Attributes:
        own: By the best threshold of each, shape (draws,).
        given: By the best threshold of the other, shape (draws,).
    """

    own: NDArray[np.float64]
    given: NDArray[np.float64]

    def __str__(self) -> str:
        """Return mean and standard deviation of both."""
        parts = [f"{one.mean():.3g} (sd {one.std():.2g})" for one in (self.own, self.given)]
        return "{}; threshold taken from the other half: {}".format(*parts)


def nab(labelled: Labelled, evidence: Sequence[NDArray[np.float64]], seed: int = 0) -> Half:
    """Return the score of NAB's standard profile."""
    files = [File(e, w) for e, (_, w) in zip(evidence, labelled.nab, strict=False)]
    standard, draws = PROFILES["standard"], []
    for mine, others in _halves(len(files), seed):
        some, rest = [files[i] for i in mine], [files[i] for i in others]
        line = nab_score(rest, standard).threshold
        own = nab_score(some, standard).score
        draws.append((own, nab_score(some, standard, threshold=line).score))
    return Half(*np.array(draws).T)


def cloud(labelled: Labelled, evidence: Sequence[NDArray[np.float64]], seed: int = 0) -> Half:
    """Return the F1 of the labelled events of the other set."""
    files = [
        rows_that_count(one, e)
        for one, e in zip(labelled.cloud, evidence[len(labelled.nab) :], strict=True)
    ]
    draws = []
    for mine, others in _halves(len(files), seed):
        some, rest = [files[i] for i in mine], [files[i] for i in others]
        line = event_f1(rest).threshold
        draws.append((event_f1(some).f1, event_f1(some, threshold=line).f1))
    return Half(*np.array(draws).T)


def _halves(count: int, seed: int) -> list[tuple[list[int], list[int]]]:
    random = np.random.default_rng(seed)
    orders = [random.permutation(count).tolist() for _ in range(DRAWS)]
    middle = (count + 1) // 2
    return [(order[:middle], order[middle:]) for order in orders]


def main(folder: Path) -> None:
    """Print the figures of all series, and those of the halves."""
    labelled = read(folder)
    frames = backtest(labelled.series, "baseline").frames
    evidence = [frame["raw"].to_numpy(np.float64) for frame in frames]
    alarms = [frame["is_anomaly"].to_numpy() == 1 for frame in frames]
    print(quality(labelled, evidence, alarms))
    print(f"NAB, halves: {nab(labelled, evidence)}")
    print(f"event F1, halves: {cloud(labelled, evidence)}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
