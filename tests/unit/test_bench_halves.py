"""Scores on random halves of labelled series."""

from pathlib import Path

import numpy as np

from bench.halves import DRAWS, cloud, nab
from bench.labelled import Labelled
from local.backtest import SeriesFile


def series(labelled: list[int]) -> SeriesFile:
    time = np.arange(1_000, dtype=np.int64) * 60_000
    where = np.isin(np.arange(1_000), labelled)
    return SeriesFile(Path("x.csv"), Path("x.csv"), (), time, np.ones(1_000), where)


def both(files: int) -> Labelled:
    return Labelled([(series([]), [(500, 510)])] * files, [series([600])] * files)


def test_a_detector_that_is_right_everywhere_is_so_on_every_half() -> None:
    right = [np.where(np.arange(1_000) == row, 2.0, 0.0) for row in [500] * 6 + [600] * 6]
    for half, perfect in ((nab(both(6), right), 100.0), (cloud(both(6), right), 1.0)):
        assert half.own.shape == half.given.shape == (DRAWS,)
        assert np.allclose(half.own, perfect)
        assert np.allclose(half.given, perfect)


def test_a_line_that_fits_one_half_alone_shows_on_the_other() -> None:
    strength = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0]
    loud = [np.full(1_000, 0.6 * one) for one in strength]
    for evidence, one in zip(loud, strength, strict=True):
        evidence[600] = one
    half = cloud(both(6), [np.zeros(1_000)] * 6 + loud)
    assert half.given.mean() < half.own.mean() < 1.0
