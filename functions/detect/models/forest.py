"""Models that are isolation forests: how few cuts set a point apart from all others."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from aiops.artefact import Artefact
from aiops.detection import FloatArray, StateArray, TimeArray
from aiops.errors import Rejected
from functions.detect.fitted import Fitted, grown

FEATURES = ("value", "change", "smooth", "sin", "cos")
MOST_DEPTH = 12
DAY_MS = 24 * 3_600_000

_FACTS = np.dtype(
    [("shape", "<i8"), ("at", "<i8"), ("sample", "<f8"), ("offset", "<f8"), ("alpha", "<f8")]
)


class Models:
    """Forests side by side; evidence is the isolation score over its offset.

    Params of an artefact: `trees`, `depth`, `sample` (the usual path), `offset` (the score that
    alarms), `alpha` and `features`. Arrays of shape (trees, nodes): `feature` (-1 in a leaf),
    `threshold`, `left` and `right` (at most it, or above), `path` (of a leaf).
    A point is looked at as the next one of those that are kept to be fitted to: its change is that
    since the last of them, and its smoothed value goes on from theirs.
    Source: Liu, Ting and Zhou, "Isolation Forest" (ICDM 2008).
    """

    def __init__(self) -> None:
        self._facts = np.empty(0, _FACTS)
        self._count = 0
        self._woods: list[_Wood] = []

    @property
    def nbytes(self) -> int:
        """Return how much memory they take."""
        return int(self._facts.nbytes + sum(wood.nbytes for wood in self._woods))

    def add(self, artefact: Artefact) -> int:
        """Take a forest in and return its place.

        Raises:
            Rejected: it is not such a forest.
        """
        params = artefact.params
        if str(params.get("features", "")) != ",".join(FEATURES):
            raise Rejected("artefact: features: others than are known")
        try:
            depth = int(params["depth"])
            sample, offset, alpha = (float(params[key]) for key in ("sample", "offset", "alpha"))
            trees = _complete(artefact.arrays, depth)
        except (KeyError, ValueError, IndexError, AttributeError) as error:
            raise Rejected(f"artefact: {error}") from None
        if not (0 < sample < np.inf and 0 < offset < np.inf and 0 < alpha <= 1):
            raise Rejected("artefact: sample, offset, alpha: not above 0")
        shape = self._shape(len(trees.feature), depth)
        self._facts = grown(self._facts, self._count + 1)
        self._facts[self._count] = (shape, self._woods[shape].add(trees), sample, offset, alpha)
        self._count += 1
        return self._count - 1

    def score(
        self,
        place: NDArray[np.int64],
        time: TimeArray,
        value: FloatArray,
        track: StateArray,
        kept: NDArray[np.bool_],
    ) -> Fitted:
        """Score one sample each of n distinct series; see `functions.detect.fitted.Models`."""
        facts = self._facts[place]
        looked_at = _looked_at(facts["alpha"], time, value, track)
        path = np.empty(len(place))
        for shape in np.unique(facts["shape"]):
            mine = np.flatnonzero(facts["shape"] == shape)
            path[mine] = self._woods[shape].paths(facts["at"][mine], looked_at[mine])
        evidence = np.exp2(-path / facts["sample"]) / facts["offset"]
        moved = kept | (track["stepped"] == 0)
        track["value"] = np.where(moved, value, track["value"])
        track["smooth"] = np.where(moved, looked_at[:, 2], track["smooth"])
        nothing = np.full(len(place), np.nan)
        explain = _Reasons(value, looked_at, evidence).explain
        valid = np.ones(len(place), dtype=bool)
        return Fitted(valid, evidence, nothing, nothing, nothing, explain)

    def _shape(self, trees: int, depth: int) -> int:
        """Return the place of the wood that holds forests of a shape."""
        for place, wood in enumerate(self._woods):
            if (wood.trees, wood.depth) == (trees, depth):
                return place
        self._woods.append(_Wood(trees, depth))
        return len(self._woods) - 1


@dataclass(frozen=True, slots=True)
class _Trees:
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
class _Wood:
    """All forests of so many trees of a depth."""

    trees: int
    depth: int
    _count: int = 0
    _feature: NDArray[np.uint8] = field(default_factory=lambda: np.empty(0, np.uint8))
    _threshold: NDArray[np.float32] = field(default_factory=lambda: np.empty(0, np.float32))
    _path: NDArray[np.float32] = field(default_factory=lambda: np.empty(0, np.float32))

    @property
    def nbytes(self) -> int:
        return self._feature.nbytes + self._threshold.nbytes + self._path.nbytes

    def add(self, trees: _Trees) -> int:
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
            looked_at: Features, shape (n, 5).
        """
        inner = (1 << self.depth) - 1
        seen = looked_at.astype(np.float32).ravel()
        row = np.repeat(np.arange(len(at)) * len(FEATURES), self.trees)
        tree = (at[:, None] * self.trees + np.arange(self.trees)).ravel()
        first = tree * inner
        node = np.zeros(len(tree), dtype=np.int64)
        feature, threshold = self._feature, self._threshold
        for _ in range(self.depth):
            here = first + node
            node = 2 * node + 1 + (seen[row + feature[here]] > threshold[here])
        leaf = tree * (inner + 1) + node - inner
        ends = self._path[leaf].reshape(-1, self.trees)
        return np.asarray(ends.sum(axis=1, dtype=np.float64) / self.trees)


@dataclass(frozen=True, slots=True)
class _Reasons:
    value: FloatArray
    looked_at: FloatArray
    evidence: FloatArray

    def explain(self, row: int) -> str:
        _, change, smooth = self.looked_at[row, :3]
        told = f"{self.value[row]:.6g} after {self.value[row] - change:.6g}, around {smooth:.6g}"
        return f"{told}: a combination this series hardly shows at this time of day"


def _looked_at(
    alpha: FloatArray, time: TimeArray, value: FloatArray, track: StateArray
) -> FloatArray:
    """Return the features of points, shape (n, 5)."""
    first = track["stepped"] == 0
    held = np.clip(value, -1e30, 1e30)
    before = np.where(first, held, track["value"])
    smooth = np.where(first, held, track["smooth"])
    smooth += alpha * (held - smooth)
    angle = (time % DAY_MS) * (2.0 * np.pi / DAY_MS)
    return np.column_stack([held, held - before, smooth, np.sin(angle), np.cos(angle)])


def _complete(arrays: Mapping[str, NDArray[np.generic]], depth: int) -> _Trees:
    """Return trees with every leaf at the same depth; a leaf above it leads to itself.

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
        if (here >= len(FEATURES)).any():
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
    return _Trees(whole[0].astype(np.uint8), whole[1].astype(np.float32), path)
