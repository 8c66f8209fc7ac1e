"""Isolation Forest: how few cuts set a point, or a row of points, apart, left as flat arrays."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiops.combination import MOST_METRICS, evidence, looked_at, rows
from aiops.detection import FloatArray
from aiops.history import History
from functions.train.band import tail_line
from functions.train.fit import DAY_MS, HOUR_MS, Beat, Model, Span, Unfit
from functions.train.forest import FEATURES, features, scores
from functions.train.rollup import step_of
from functions.train.together import KIND, course_of

LEAST_POINTS = 50
MOST_POINTS = 20_000
MOST_OFFSET = 0.9


class Fit:
    """Fits scikit-learn's forest and keeps its nodes.

    Args:
        trees: How many.
        samples: Points each tree sees; its depth is their logarithm.
        alpha: Share of the way the smoothed value moves to each value.
        horizon_hours: How long it is believed.
        together: Metrics whose values make a row, in the order of the history's points, see
            `aiops.combination.interleaved`; nothing for a single series.
    """

    def __init__(
        self,
        trees: int = 50,
        samples: int = 64,
        alpha: float = 0.1,
        horizon_hours: float = 36.0,
        together: Sequence[str] = (),
    ) -> None:
        """Take the parameters.

        Raises:
            ValueError: one is wrong.
        """
        if not 1 <= trees <= 500 or not 2 <= samples <= 1024:
            raise ValueError("trees: 1 to 500; samples: 2 to 1024")
        if not 0.0 < alpha <= 1.0 or not 1.0 <= horizon_hours <= 168.0:
            raise ValueError("alpha: above 0, at most 1; horizon_hours: 1 to 168")
        if together and not 2 <= len(together) <= MOST_METRICS:
            raise ValueError(f"together: 2 to {MOST_METRICS} metrics")
        self.horizon_ms = int(horizon_hours * HOUR_MS)
        self._together = tuple(together)
        self._trees, self._samples, self._alpha = trees, samples, alpha

    def fit(self, history: History, span: Span, beat: Beat) -> Model:
        """Return the forest of a history."""
        del span  # a forest holds at any time
        if self._together:
            return self._of_rows(history, beat)
        if len(history.time) < LEAST_POINTS:
            raise Unfit(f"{len(history.time)} points of history, a forest takes {LEAST_POINTS}")
        if np.ptp(history.value) == 0.0:
            raise Unfit("the history does not move")
        seen = features(history.time, history.value, self._alpha)
        params, arrays = self._grown(seen, beat)
        found = scores(params, arrays, seen)
        line = tail_line(found, DAY_MS / step_of(history))
        params["offset"] = float(min(line, found.max(), MOST_OFFSET))
        params |= {"alpha": self._alpha, "features": ",".join(FEATURES)}
        told = f"Isolation Forest of {self._trees} trees on {len(seen)} points"
        return Model("forest", told, params, arrays)

    def _of_rows(self, history: History, beat: Beat) -> Model:
        time, row = rows(history.time, history.value, len(self._together))
        if len(time) < LEAST_POINTS:
            raise Unfit(f"{len(time)} whole rows of history, a forest takes {LEAST_POINTS}")
        course = course_of(row, self._together)
        seen = looked_at(row, course["middle"], course["inverse"])
        a_day = DAY_MS / max(1, int(np.median(np.diff(time))))
        params, arrays = self._grown(seen, beat)
        far = max(tail_line(seen[:, -1], a_day), 1.0)
        found = evidence(scores(params, arrays, seen), seen, 1.0, far)
        params |= {"far": far, "offset": float(tail_line(found, a_day))}
        params["metrics"] = ",".join(self._together)
        told = f"Isolation Forest of {self._trees} trees on {len(time)} rows of {params['metrics']}"
        return Model(KIND, told, params, arrays | course)

    def _grown(
        self, seen: FloatArray, beat: Beat
    ) -> tuple[dict[str, float | int | str], dict[str, NDArray[Any]]]:
        """Return params and arrays of a forest of what is looked at, shape (n, features)."""
        from sklearn.ensemble import IsolationForest

        every = -(-len(seen) // MOST_POINTS)
        beat(f"isolation_forest: {len(seen[::every])} points")
        made = IsolationForest(
            n_estimators=self._trees,
            max_samples=min(self._samples, len(seen)),
            random_state=0,
        ).fit(seen[::every])
        arrays = flat(made)
        params: dict[str, float | int | str] = {
            "trees": self._trees,
            "depth": max(tree.tree_.max_depth for tree in made.estimators_),
            "sample": usual_path(made.max_samples_),
        }
        return params, arrays


def usual_path(samples: int) -> float:
    """Return the length of the path an unsuccessful search in a binary tree takes on average.

    Source: Liu, Ting and Zhou, "Isolation Forest" (ICDM 2008), equation 1.
    """
    if samples <= 2:
        return float(max(samples - 1, 0))
    return (
        2.0 * (float(np.log(samples - 1.0)) + float(np.euler_gamma))
        - 2.0 * (samples - 1.0) / samples
    )


def flat(made: Any) -> dict[str, NDArray[Any]]:
    """Return the nodes of a fitted forest; see `functions.train.forest` for the layout."""
    nodes = max(tree.tree_.node_count for tree in made.estimators_)
    shape = (len(made.estimators_), nodes)
    itself = np.broadcast_to(np.arange(nodes), shape)
    feature = np.full(shape, -1, dtype=np.int16)
    threshold = np.zeros(shape, dtype=np.float32)
    left, right = itself.astype(np.uint16), itself.astype(np.uint16)
    path = np.zeros(shape, dtype=np.float16)
    for row, estimator in enumerate(made.estimators_):
        tree = estimator.tree_
        inner = np.flatnonzero(tree.children_left >= 0)
        feature[row, inner] = tree.feature[inner]
        threshold[row, inner] = tree.threshold[inner]
        left[row, inner] = tree.children_left[inner]
        right[row, inner] = tree.children_right[inner]
        for leaf, depth in _leaves(tree):
            path[row, leaf] = depth + usual_path(int(tree.n_node_samples[leaf]))
    return {"feature": feature, "threshold": threshold, "left": left, "right": right, "path": path}


def _leaves(tree: Any) -> list[tuple[int, int]]:
    """Return every leaf of a tree with its depth."""
    found: list[tuple[int, int]] = []
    open_nodes = [(0, 0)]
    while open_nodes:
        node, depth = open_nodes.pop()
        if tree.children_left[node] < 0:
            found.append((node, depth))
        else:
            open_nodes.append((int(tree.children_left[node]), depth + 1))
            open_nodes.append((int(tree.children_right[node]), depth + 1))
    return found
