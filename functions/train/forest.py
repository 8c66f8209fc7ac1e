"""Isolation forests as flat arrays: what is scored, and by which arithmetic.

Arrays, each of shape (trees, nodes), padded with leaves nobody reaches: `feature` (int16, -1 in a
leaf), `threshold` (float32), `left` and `right` (uint16, where to go when the feature is at most
the threshold, or above), `path` (float16: in a leaf, its depth and what its samples would add;
0 elsewhere). A sample begins at node 0 of every tree and descends `depth` times; a leaf leads to
itself. With the mean m of the paths it ends at, its score is 2 ** (-m / sample), 0 to 1, and its
evidence is score / offset.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiops.detection import FloatArray
from functions.train.fit import DAY_MS, Model

FEATURES = ("value", "change", "smooth", "sin", "cos")


def features(time: NDArray[np.int64], value: FloatArray, alpha: float) -> FloatArray:
    """Return what a forest looks at, shape (n, 5).

    `value`; `change` from the value before, 0 for the first; `smooth`, which moves by `alpha` of
    the way to each value, this one included, and begins at the first; `sin` and `cos` of the
    angle that the time has gone around the day in UTC.
    """
    change = np.diff(value, prepend=value[:1])
    smooth = np.empty_like(value)
    level = float(value[0])
    for place, one in enumerate(value.tolist()):
        level += alpha * (one - level)
        smooth[place] = level
    angle = (time % DAY_MS) * (2.0 * np.pi / DAY_MS)
    return np.column_stack([value, change, smooth, np.sin(angle), np.cos(angle)])


def scores(
    params: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], looked_at: FloatArray
) -> FloatArray:
    """Return the score of every row, shape (n,).

    Args:
        params: `depth` and `sample` of the forest.
        arrays: Its nodes.
        looked_at: The features, shape (n, 5).
    """
    feature, threshold = arrays["feature"], arrays["threshold"]
    tree = np.arange(feature.shape[0])[:, None]
    row = np.arange(len(looked_at))[None, :]
    seen = looked_at.astype(np.float32)
    node = np.zeros((feature.shape[0], len(looked_at)), dtype=np.int64)
    for _ in range(int(params["depth"])):
        which = np.maximum(feature[tree, node], 0)
        low = seen[row, which] <= threshold[tree, node]
        node = np.where(low, arrays["left"][tree, node], arrays["right"][tree, node])
    path = arrays["path"][tree, node].astype(np.float64).mean(axis=0)
    return np.asarray(np.exp2(-path / float(params["sample"])))


def evidence(model: Model, time: NDArray[np.int64], value: FloatArray) -> FloatArray:
    """Return the evidence of every point of a series, shape (n,)."""
    looked_at = features(time, value, float(model.params["alpha"]))
    return scores(model.params, model.arrays, looked_at) / float(model.params["offset"])
