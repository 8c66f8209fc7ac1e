from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from aiops.detection import Detector, Scores, StateArray
from aiops.plugins import available, load

PACKAGE = "functions.detect.detectors"
NEEDED: dict[str, dict[str, Any]] = {
    "static": {"lower": -1.0, "upper": 1.0},
    "forecast": {"lower": -1e3, "upper": 1e3},
}
START = 1_700_000_000_000
BATCH = 37

every_detector = pytest.mark.parametrize("name", available(PACKAGE))
odd_values = st.one_of(
    st.sampled_from([0.0, -0.0, 1.0, 5e-324, -5e-324, 1e-300, 1e140, 1e300, -1e300, 1.7e308]),
    st.floats(-1e3, 1e3),
    st.floats(allow_nan=False, allow_infinity=False),
)
gaps = st.sampled_from([1, 1000, 60_000, 300_000, 86_400_000, 10**10])
samples = st.lists(st.tuples(gaps, odd_values), min_size=1, max_size=160)


def made(name: str) -> Detector:
    detector: Detector = load(PACKAGE, name, "Detector")(**NEEDED.get(name, {}))
    return detector


def one(detector: Detector, state: StateArray, time: int, value: float) -> Scores:
    return detector.score(state, np.array([time], dtype=np.int64), np.array([value]))


def bits(scores: Scores, row: int) -> bytes:
    columns = (scores.evidence, scores.expected, scores.lower, scores.upper)
    return np.array([column[row] for column in columns]).tobytes()


def world(seed: int, length: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return times and values of a batch of unlike series, shape (length, BATCH)."""
    draw = np.random.default_rng(seed)
    time = START + np.cumsum(draw.integers(1, 7_200_000, size=(length, BATCH)), axis=0)
    value = draw.normal(size=(length, BATCH)) * 10.0 ** draw.uniform(-200, 200, size=BATCH)
    value[:, ::5] = np.round(draw.exponential(size=value[:, ::5].shape))
    value[:, 1::5] = np.cumsum(np.abs(value[:, 1::5]), axis=0)
    value[draw.random(value.shape) < 0.02] *= 1e6
    return time, value


@every_detector
@settings(max_examples=40, deadline=None)
@given(samples)
def test_whatever_comes_every_figure_is_finite_and_in_order(
    name: str, given_samples: list[tuple[int, float]]
) -> None:
    detector, time = made(name), START
    state = np.zeros(1, detector.dtype)
    with np.errstate(all="raise", under="ignore"):
        for gap, value in given_samples:
            time += gap
            scores = one(detector, state, time, value)
            assert np.isfinite(scores.evidence[0])
            assert scores.evidence[0] >= 0.0
            assert np.isfinite([scores.lower[0], scores.upper[0]]).all()
            assert scores.lower[0] <= scores.expected[0] <= scores.upper[0]
            assert scores.explain(0)


@every_detector
@settings(max_examples=6, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, BATCH - 1))
def test_a_series_fares_the_same_alone_and_in_any_batch(name: str, seed: int, row: int) -> None:
    detector = made(name)
    time, value = world(seed, 220)
    together, alone = np.zeros(BATCH, detector.dtype), np.zeros(1, detector.dtype)
    for k in range(len(time)):
        scores = detector.score(together, time[k], value[k])
        lone = one(detector, alone, time[k, row], value[k, row])
        assert bits(scores, row) == bits(lone, 0)
    assert together[row].tobytes() == alone[0].tobytes()


@every_detector
@settings(max_examples=4, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_the_order_of_rows_in_a_batch_changes_nothing(name: str, seed: int) -> None:
    detector = made(name)
    time, value = world(seed, 150)
    draw = np.random.default_rng(seed)
    plain, shuffled = np.zeros(BATCH, detector.dtype), np.zeros(BATCH, detector.dtype)
    for k in range(len(time)):
        rows = draw.permutation(BATCH)
        detector.score(plain, time[k], value[k])
        part = shuffled[rows]
        detector.score(part, time[k, rows], value[k, rows])
        shuffled[rows] = part
    assert plain.tobytes() == shuffled.tobytes()


@every_detector
@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 119))
def test_what_was_said_of_the_past_does_not_depend_on_what_comes_after(
    name: str, seed: int, cut: int
) -> None:
    detector, other = made(name), world(seed + 1, 120)[1]
    time, value = world(seed, 120)
    changed = np.concatenate([value[:cut], other[cut:]])
    told = []
    for values in (value, changed, value[:cut]):
        state = np.zeros(BATCH, detector.dtype)
        said = [detector.score(state, time[k], values[k]) for k in range(len(values))]
        told.append([bits(scores, row) for scores in said[:cut] for row in range(BATCH)])
    assert told[0] == told[1] == told[2]


@every_detector
@settings(max_examples=10, deadline=None)
@given(samples)
def test_what_is_stored_is_all_there_is(name: str, given_samples: list[tuple[int, float]]) -> None:
    steady, fresh, time = made(name), made(name), START
    kept = np.zeros(1, steady.dtype)
    stored = kept.tobytes()
    for gap, value in given_samples:
        time += gap
        loaded = np.frombuffer(bytearray(stored), dtype=fresh.dtype)
        first, second = one(steady, kept, time, value), one(made(name), loaded, time, value)
        stored = loaded.tobytes()
        assert bits(first, 0) == bits(second, 0)
    assert stored == kept.tobytes()
