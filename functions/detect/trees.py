"""Isolation forests side by side, as complete trees: how long the path of a point is. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from aiops.detection import FloatArray
from functions.detect.fitted import grown

MOST_DEPTH = 12


@dataclass(frozen=True, slots=True)
class Trees:
    """The trees of a forest, each complete: the children of node i are 2 i + 1 and 2 i + 2.

    Attributes:
        feature: Shape (trees, inner nodes).
        threshold: The same shape.
        path: Of the leaves, shape (trees, inner nodes + 1).
    """

    feature: NDArray[np.uint8]
    threshold: NDArray[np.float32]
    path: NDArray[np.float32]


@dataclass(slots=True)
class Wood:
    """All forests of so many trees of a depth that look at so many features."""

    trees: int
    depth: int
    features: int
    _count: int = 0
    _feature: NDArray[np.uint8] = field(default_factory=lambda: np.empty(0, np.uint8))
    _threshold: NDArray[np.float32] = field(default_factory=lambda: np.empty(0, np.float32))
    _path: NDArray[np.float32] = field(default_factory=lambda: np.empty(0, np.float32))

    @property
    def nbytes(self) -> int:
        """Return how much memory they take."""
        return self._feature.nbytes + self._threshold.nbytes + self._path.nbytes

    def add(self, trees: Trees) -> int:
        """Take a forest in and return its place."""
        inner, leaves = trees.feature.size, trees.path.size
        at = self._count
        self._feature = grown(self._feature, (at + 1) * inner)
        self._threshold = grown(self._threshold, (at + 1) * inner)
        self._path = grown(self._path, (at + 1) * leaves)
        self._feature[at * inner : (at + 1) * inner] = trees.feature.ravel()
        self._threshold[at * inner : (at + 1) * inner] = trees.threshold.ravel()
        self._path[at * leaves : (at + 1) * leaves] = trees.path.ravel()
        self._count += 1
        return at

    def paths(self, at: NDArray[np.int64], looked_at: FloatArray) -> FloatArray:
        """Return the mean path of each point through its forest, shape (n,).

        The sum is exact, whatever its order: paths are numbers of 11 bits.

        Args:
            at: Place of each point's forest, shape (n,).
            looked_at: Features, shape (n, features).
        """
        inner = (1 << self.depth) - 1
        seen = looked_at.astype(np.float32).ravel()
        row = np.repeat(np.arange(len(at)) * self.features, self.trees)
        tree = (at[:, None] * self.trees + np.arange(self.trees)).ravel()
        first = tree * inner
        here, step = first.copy(), 1 - first
        for _ in range(self.depth):
            right = seen.take(row + self._feature.take(here)) > self._threshold.take(here)
            here += here  # twice the distance from the root and one, or two on the right
            here += step
            here += right
        leaf = here - first + tree * (inner + 1) - inner
        ends = self._path.take(leaf).reshape(-1, self.trees)
        return np.asarray(ends.sum(axis=1, dtype=np.float64) / self.trees)


def complete(arrays: Mapping[str, NDArray[np.generic]], depth: int, known: int) -> Trees:
    """Return trees with every leaf at the same depth; a leaf above it leads to itself.

    Args:
        arrays: As an artefact has them.
        depth: Of the deepest leaf.
        known: How many features there are.

    Raises:
        ValueError: a tree is deeper than said, or leads nowhere.
    """
    feature, threshold = arrays["feature"], arrays["threshold"]
    count, nodes = feature.shape
    if not 1 <= depth <= MOST_DEPTH or not count:
        raise ValueError(f"depth: 1 to {MOST_DEPTH}")
    row = np.arange(count)[:, None]
    level = np.zeros((count, 1), dtype=np.int64)
    features, thresholds = [], []
    for _ in range(depth):
        here = feature[row, level].astype(np.int64)
        inner = here >= 0
        if (here >= known).any():
            raise ValueError("feature: none of those known")
        features.append(np.where(inner, here, 0))
        thresholds.append(np.where(inner, threshold[row, level], np.float32(np.inf)))
        children = [arrays[side][row, level].astype(np.int64) for side in ("left", "right")]
        if any((child >= nodes).any() for child in children):
            raise ValueError("left, right: no such node")
        left, right = (np.where(inner, child, level) for child in children)
        level = np.stack([left, right], axis=2).reshape(count, -1)
    if (feature[row, level] >= 0).any():
        raise ValueError("depth: a tree is deeper")
    path = arrays["path"][row, level].astype(np.float32)
    if not np.isfinite(path).all() or (path < 0).any():
        raise ValueError("path: no length")
    whole = [np.concatenate(parts, axis=1) for parts in (features, thresholds)]
    return Trees(whole[0].astype(np.uint8), whole[1].astype(np.float32), path)
