"""Models that are isolation forests: how few cuts set a point apart from all others."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aiops.artefact import Artefact
from aiops.detection import FloatArray, StateArray, TimeArray
from aiops.errors import Rejected
from functions.detect.fitted import Fitted, grown
from functions.detect.trees import Wood, complete

FEATURES = ("value", "change", "smooth", "sin", "cos")
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
        self._woods: list[Wood] = []

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
            trees = complete(artefact.arrays, depth, len(FEATURES))
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
        self._woods.append(Wood(trees, depth, len(FEATURES)))
        return len(self._woods) - 1


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
