"""Models of several metrics of one service: forests that look at rows, see `aiops.combination`."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from aiops.artefact import Artefact
from aiops.combination import MOST_METRICS, apart, evidence, features, looked_at
from aiops.detection import FloatArray, StateArray, TimeArray
from aiops.errors import Rejected
from functions.detect.fitted import Fitted, grown
from functions.detect.trees import Trees, Wood, complete
from functions.detect.units import shown, unit_of

TELLING = 0.5
"""Share of the strangest value's strangeness from which on another is told of, too."""

MOST_TOLD = 3


class Models:
    """Forests side by side; for evidence see `aiops.combination`.

    Params of an artefact: `metrics`, with commas between them, `far`, and `depth`, `sample`,
    `offset` as those of a forest. Arrays: those of a forest; `middle`, `usual` (how far values lie
    from it at most), `reach` (how many standard deviations from what the others let expect), shape
    (d,); `inverse` of the covariance, shape (d, d).
    """

    def __init__(self) -> None:
        self._kin: list[_Kin] = []
        self._places: list[tuple[int, int]] = []

    @property
    def nbytes(self) -> int:
        """Return how much memory they take."""
        return sum(kin.nbytes for kin in self._kin)

    def add(self, artefact: Artefact) -> int:
        """Take a model in and return its place.

        Raises:
            Rejected: it is not what it has to be.
        """
        metrics = tuple(str(artefact.params.get("metrics", "")).split(","))
        if not 2 <= len(metrics) <= MOST_METRICS:
            raise Rejected(f"artefact: metrics: 2 to {MOST_METRICS}")
        try:
            depth = int(artefact.params["depth"])
            facts = np.array([float(artefact.params[key]) for key in ("sample", "offset", "far")])
            trees = complete(artefact.arrays, depth, features(len(metrics)))
            course = _course(artefact, len(metrics))
        except (KeyError, ValueError, IndexError, AttributeError) as error:
            raise Rejected(f"artefact: {error}") from None
        if not ((facts > 0.0) & (facts < np.inf)).all():
            raise Rejected("artefact: sample, offset, far: not above 0")
        place = self._kind(len(trees.feature), depth, len(metrics))
        at = self._kin[place].add(trees, course, facts, metrics)
        self._places.append((place, at))
        return len(self._places) - 1

    def score(
        self,
        place: NDArray[np.int64],
        time: TimeArray,  # noqa: ARG002 - a row is as strange at any time
        value: FloatArray,
        track: StateArray,  # noqa: ARG002 - a row depends on nothing before
        kept: NDArray[np.bool_],  # noqa: ARG002 - likewise
    ) -> Fitted:
        """Score one row each, shape (n, 8); see `functions.detect.fitted.Models`."""
        size = len(place)
        found = np.zeros((5, size))
        places = [self._places[one] for one in place.tolist()]
        for kind, kin in enumerate(self._kin):
            mine = np.array([at for at, (which, _) in enumerate(places) if which == kind], np.int64)
            if len(mine):
                at = np.array([places[one][1] for one in mine.tolist()])
                found[:, mine] = kin.score(at, value[mine, : kin.metrics])
        strength, leading, expected, lower, upper = found
        valid = np.ones(size, dtype=bool)

        def explain(row: int) -> str:
            kind, at = places[row]
            kin: _Kin = self._kin[kind]
            return kin.told(at, value[row, : kin.metrics])

        return Fitted(valid, strength, expected, lower, upper, explain, leading)

    def _kind(self, trees: int, depth: int, metrics: int) -> int:
        for place, kin in enumerate(self._kin):
            if (kin.wood.trees, kin.wood.depth, kin.metrics) == (trees, depth, metrics):
                return place
        self._kin.append(_Kin(metrics, Wood(trees, depth, features(metrics))))
        return len(self._kin) - 1


@dataclass(slots=True)
class _Kin:
    """Models of one shape.

    Attributes:
        course: `middle`, `usual`, `reach` and the rows of `inverse` of each, (n, d + 3, d).
        facts: `sample`, `offset` and `far` of each, shape (n, 3).
    """

    metrics: int
    wood: Wood
    course: FloatArray = field(default_factory=lambda: np.empty((0, 0, 0)))
    facts: FloatArray = field(default_factory=lambda: np.empty((0, 3)))
    names: list[tuple[str, ...]] = field(default_factory=list)

    @property
    def nbytes(self) -> int:
        return int(self.wood.nbytes + self.course.nbytes + self.facts.nbytes)

    def add(
        self, trees: Trees, course: FloatArray, facts: FloatArray, names: tuple[str, ...]
    ) -> int:
        at = self.wood.add(trees)
        if not at:
            self.course = np.empty((0, *course.shape))
        self.course, self.facts = grown(self.course, at + 1), grown(self.facts, at + 1)
        self.course[at], self.facts[at] = course, facts
        self.names.append(names)
        return at

    def score(self, at: NDArray[np.int64], rows: FloatArray) -> FloatArray:
        """Return evidence, and value, expected, lower and upper of the strangest, shape (5, n)."""
        middle, inverse = self.course[at, 0], self.course[at, 3:]
        sample, offset, far = self.facts[at].T
        seen = looked_at(rows, middle, inverse)
        score = np.exp2(-self.wood.paths(at, seen) / sample)
        center, half, strange, _ = self._strangeness(at, rows)
        lead = np.arange(len(at)), strange.argmax(axis=1)
        middle, half = center[lead], half[lead]
        strength = evidence(score, seen, offset, far)
        return np.stack([strength, rows[lead], middle, middle - half, middle + half])

    def _strangeness(
        self, at: NDArray[np.int64], rows: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray, NDArray[np.bool_]]:
        """Return what is expected of each value, how far it may lie off, and in such lengths.

        Either by itself, where the last says so, or by what the others let expect, whichever makes
        the value stranger.
        """
        middle, usual, reach = (self.course[at, which] for which in range(3))
        distance, deviations = apart(rows, middle, self.course[at, 3:])
        alone, among = np.abs(rows - middle) / usual, np.abs(deviations) / reach
        by_itself = alone > among
        some = np.where(deviations == 0.0, 1.0, deviations)
        half = np.where(deviations == 0.0, usual, np.abs(distance / some) * reach)
        return (
            np.where(by_itself, middle, rows - distance),
            np.where(by_itself, usual, half),
            np.where(by_itself, alone, among),
            by_itself,
        )

    def told(self, which: int, row: FloatArray) -> str:
        """Return in words which values of a row are the strangest."""
        center, half, strange, by_itself = (
            one[0] for one in self._strangeness(np.array([which]), row[None])
        )
        order = np.argsort(-strange)[:MOST_TOLD]
        parts = []
        for at in order[strange[order] >= TELLING * strange[order[0]]].tolist():
            name = self.names[which][at]
            unit = unit_of(name, counter=name.endswith("_total"))
            is_now, least, most = (
                shown(float(one), unit) for one in (row[at], center[at] - half[at],
                center[at] + half[at])
            )  # fmt: skip
            where = "where usual is" if by_itself[at] else "where what goes with the others is"
            parts.append(f"{name} is {is_now} {where} {least} to {most}")
        return f"{'; '.join(parts)}: a combination this service hardly shows"


def _course(artefact: Artefact, metrics: int) -> FloatArray:
    """Return `middle`, `usual`, `reach` and the rows of `inverse`, shape (d + 3, d).

    Raises:
        KeyError: one is missing.
        ValueError: one is of another shape, not finite, or says that nothing may move.
    """
    parts = [artefact.arrays[name] for name in ("middle", "usual", "reach", "inverse")]
    course = np.vstack([np.atleast_2d(part.astype(np.float64)) for part in parts])
    if course.shape != (metrics + 3, metrics) or not np.isfinite(course).all():
        raise ValueError("middle, usual, reach, inverse: no numbers, or not one for each metric")
    if (course[1:3] <= 0.0).any() or (np.diagonal(course[3:]) <= 0.0).any():
        raise ValueError("usual, reach, inverse: not above 0")
    return course
