"""Kinds of fitted models: what they say of a sample, alone and in a batch."""

import time
from dataclasses import replace

import numpy as np
import pytest

from aiops.artefact import Artefact
from aiops.errors import Rejected
from functions.detect.fitted import Fitted, Shelf
from functions.detect.models import band as bands
from functions.detect.models import forest as forests
from functions.detect.record import TRACK
from tests.detecting import HOUR, MINUTE, START, band

DAY = 24 * HOUR


def one(models, at: int, value: float, track=None, *, kept: bool = True) -> Fitted:
    track = np.zeros(1, TRACK) if track is None else track
    return models.score(
        np.zeros(1, np.int64), np.array([at]), np.array([float(value)]), track, np.array([kept])
    )


def test_between_two_points_of_the_grid_a_band_runs_straight() -> None:
    made = band(START)
    slope = np.arange(len(made.arrays["expected"]), dtype=np.float32)
    arrays = {"expected": slope, "lower": slope - 1, "upper": slope + 3}
    models = bands.Models()
    models.add(replace(made, arrays=arrays))
    at = START - HOUR + 3 * 5 * MINUTE + 150_000
    found = one(models, at, 5.0)
    assert (found.expected[0], found.lower[0], found.upper[0]) == (3.5, 2.5, 6.5)
    assert found.evidence[0] == pytest.approx(0.5)
    assert one(models, at, 1.5).evidence[0] == pytest.approx(2.0)


def test_beyond_its_grid_a_band_says_nothing() -> None:
    models = bands.Models()
    models.add(band(START, hours=2))
    first, last = START - HOUR, START + 2 * HOUR
    found = [one(models, at, 100.0).valid[0] for at in (first - 1, first, last, last + 1)]
    assert found == [False, True, True, False]


@pytest.mark.parametrize("value", [0.0, 5e-324, -1e308, 1.7e308, 100.0])
@pytest.mark.parametrize("level", [0.0, 100.0, -1e38])
def test_a_band_without_width_gives_figures_all_the_same(value: float, level: float) -> None:
    models = bands.Models()
    models.add(band(START, level=level, half=0.0))
    with np.errstate(all="raise", under="ignore"):
        found = one(models, START, value)
    assert np.isfinite([found.evidence, found.lower, found.upper]).all()
    assert found.lower[0] <= found.expected[0] <= found.upper[0]


@pytest.mark.parametrize(
    "wrong",
    [
        {"params": {"start": START}},
        {"params": {"start": START, "step": 0}},
        {"arrays": {}},
        {"arrays": {name: np.zeros(0, np.float32) for name in ("expected", "lower", "upper")}},
        {"arrays": {"expected": np.ones(2), "lower": np.ones(2) * 2, "upper": np.ones(2) * 3}},
        {"arrays": {"expected": np.ones(2), "lower": np.ones(3), "upper": np.ones(2)}},
        {"arrays": {name: np.full(2, np.nan) for name in ("expected", "lower", "upper")}},
    ],
)
def test_what_is_no_band_is_refused(wrong: dict) -> None:
    with pytest.raises(Rejected):
        bands.Models().add(replace(band(START), **wrong))


def forest(seed: int, trees: int = 20, depth: int = 5, offset: float = 0.6) -> Artefact:
    """Return a forest of random cuts, some branches shorter than others."""
    draw = np.random.default_rng(seed)
    nodes = 2 ** (depth + 1)
    feature = np.full((trees, nodes), -1, np.int16)
    threshold, path = np.zeros((trees, nodes), np.float32), np.zeros((trees, nodes), np.float16)
    left = np.broadcast_to(np.arange(nodes), (trees, nodes)).astype(np.uint16)
    right = left.copy()
    for tree in range(trees):
        used, waiting = 1, [(0, 0)]
        while waiting:
            node, level = waiting.pop()
            if level == depth or (level and draw.random() < 0.25):
                path[tree, node] = level + draw.random() * 3
                continue
            feature[tree, node] = draw.integers(5)
            threshold[tree, node] = draw.normal() * (1 if feature[tree, node] > 2 else 50)
            left[tree, node], right[tree, node] = used, used + 1
            waiting += [(used, level + 1), (used + 1, level + 1)]
            used += 2
    params = {
        "trees": trees, "depth": depth, "sample": 6.0, "offset": offset, "alpha": 0.1,
        "features": "value,change,smooth,sin,cos",
    }  # fmt: skip
    arrays = {"feature": feature, "threshold": threshold, "left": left, "right": right}
    return Artefact(
        "0" * 32, "forest", "isolation_forest", START + seed, START + DAY, params=params,
        arrays={**arrays, "path": path},
    )  # fmt: skip


def walked(artefact: Artefact, looked_at: np.ndarray) -> float:
    """Return the evidence of one point, tree by tree and node by node."""
    arrays, total = artefact.arrays, 0.0
    seen = looked_at.astype(np.float32)
    trees = len(arrays["feature"])
    for tree in range(trees):
        node = 0
        while arrays["feature"][tree, node] >= 0:
            low = seen[arrays["feature"][tree, node]] <= arrays["threshold"][tree, node]
            node = arrays["left" if low else "right"][tree, node]
        total += float(arrays["path"][tree, node])
    score = 2.0 ** (-total / trees / artefact.params["sample"])
    return score / artefact.params["offset"]


def features(times, values, alpha: float = 0.1) -> np.ndarray:
    smooth, rows, before = values[0], [], values[0]
    for at, value in zip(times, values, strict=True):
        smooth += alpha * (value - smooth)
        angle = 2 * np.pi * (at % DAY) / DAY
        rows.append([value, value - before, smooth, np.sin(angle), np.cos(angle)])
        before = value
    return np.array(rows)


def test_a_forest_scores_as_walking_its_trees_does() -> None:
    draw = np.random.default_rng(5)
    made = forest(1)
    models = forests.Models()
    models.add(made)
    times = START + 5 * MINUTE * np.arange(60)
    values = draw.normal(0, 50, 60)
    track = np.zeros(1, TRACK)
    for at, value, row in zip(times, values, features(times, values), strict=True):
        found = one(models, at, value, track)
        track["stepped"] = at
        assert found.evidence[0] == pytest.approx(walked(made, row), rel=1e-12)


def test_samples_between_those_that_are_kept_leave_a_forests_features_alone() -> None:
    models = forests.Models()
    models.add(forest(1))
    dense, sparse = np.zeros(1, TRACK), np.zeros(1, TRACK)
    for n in range(50):
        at, value, kept = START + n * MINUTE, float(n * n % 17), n % 5 == 0
        found = one(models, at, value, dense, kept=kept)
        if kept:
            assert found.evidence[0] == one(models, at, value, sparse).evidence[0]
            dense["stepped"] = sparse["stepped"] = at
    assert dense.tobytes() == sparse.tobytes()


def test_forests_of_different_shapes_fare_the_same_alone_and_together() -> None:
    made = [forest(seed, trees=5 + seed % 3, depth=3 + seed % 2) for seed in range(12)]
    models = forests.Models()
    places = np.array([models.add(each) for each in made])
    at = np.full(12, START)
    value = np.random.default_rng(2).normal(0, 50, 12)
    together = models.score(places, at, value, np.zeros(12, TRACK), np.ones(12, bool))
    for place, each in enumerate(made):
        alone = forests.Models()
        alone.add(each)
        assert one(alone, START, value[place]).evidence[0] == together.evidence[place]


@pytest.mark.parametrize(
    ("name", "value"),
    [("depth", 2), ("depth", 13), ("features", "value"), ("offset", 0.0), ("sample", -1.0)],
)
def test_what_is_no_such_forest_is_refused(name: str, value: object) -> None:
    made = forest(1)
    with pytest.raises(Rejected):
        forests.Models().add(replace(made, params={**made.params, name: value}))


def test_a_forest_whose_nodes_lead_nowhere_is_refused() -> None:
    made = forest(1)
    arrays = {**made.arrays, "left": np.full_like(made.arrays["left"], 9_999)}
    with pytest.raises(Rejected):
        forests.Models().add(replace(made, arrays=arrays))


def test_models_take_no_more_memory_than_they_may_and_those_in_use_come_back() -> None:
    packed = {n: replace(band(START + n), series=f"{n:032x}").pack() for n in range(50)}
    asked: list[int] = []

    def fetch(wanted):
        asked.extend(made_at - START for _, _, made_at in wanted)
        return [packed[made_at - START] for _, _, made_at in wanted]

    shelf = Shelf(most_bytes=20 * 12 * 313)
    for n in (*range(50), 49, 0):
        (entry,) = shelf.find([(0, f"{n:032x}", START + n)], fetch).values()
        assert entry.made_at == START + n
        assert one_of(entry) == 0.5
        assert shelf._nbytes() < 3 * shelf.most_bytes
    assert asked == [*range(50), 0]


def one_of(entry) -> float:
    found = entry.models.score(
        np.array([entry.place]), np.array([START]), np.array([105.0]), np.zeros(1, TRACK),
        np.ones(1, bool),
    )  # fmt: skip
    return float(found.evidence[0])


@pytest.mark.parametrize("kind", ["band", "forest"])
def test_scoring_with_a_model_costs_less_than_20_microseconds_a_sample(kind: str) -> None:
    count = 500
    models = {"band": bands, "forest": forests}[kind].Models()
    draw = np.random.default_rng(1)
    made = band(START) if kind == "band" else forest(1, trees=50, depth=6)
    for _ in range(count):
        models.add(made)
    places, value = draw.permutation(count), draw.normal(100, 10, count)
    track, kept = np.zeros(count, TRACK), np.ones(count, bool)
    took = []
    for turn in range(7):
        began = time.process_time()
        models.score(places, np.full(count, START + turn * MINUTE), value, track, kept)
        took.append((time.process_time() - began) / count)
    assert min(took) < 20e-6, took
