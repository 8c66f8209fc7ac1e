"""Models that are a band on a grid in time: what is expected, and what is usual around it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aiops.artefact import Artefact
from aiops.detection import FloatArray, StateArray, TimeArray
from aiops.errors import Rejected
from functions.detect.fitted import Fitted, grown

MOST_WIDTHS = 1e6
"""The largest deviation told apart, in half widths."""

LEAST_RELATIVE = 1e-6
"""Half a width is at least this share of what is expected: the grid's short numbers round there."""

_FACTS = np.dtype([("start", "<i8"), ("step", "<i8"), ("points", "<i8"), ("first", "<i8")])


class Models:
    """Bands side by side; evidence is the distance from expected in half widths of its side.

    Params of an artefact: `start` and `step` of the grid in milliseconds. Arrays: `expected`,
    `lower`, `upper`, shape (points,). Between two points of the grid the band runs straight; beyond
    the last one there is none.
    """

    def __init__(self) -> None:
        self._pool = np.empty((0, 3), np.float32)
        self._facts = np.empty(0, _FACTS)
        self._used = 0
        self._count = 0

    @property
    def nbytes(self) -> int:
        """Return how much memory they take."""
        return int(self._pool.nbytes + self._facts.nbytes)

    def add(self, artefact: Artefact) -> int:
        """Take a band in and return its place.

        Raises:
            Rejected: it has no points, an edge on the wrong side, or no step.
        """
        band = _band(artefact)
        try:
            start, step = int(artefact.params["start"]), int(artefact.params["step"])
        except (KeyError, ValueError) as error:
            raise Rejected(f"artefact: params: {error}") from None
        if step <= 0:
            raise Rejected("artefact: step: not above 0")
        self._pool = grown(self._pool, self._used + len(band))
        self._facts = grown(self._facts, self._count + 1)
        self._pool[self._used : self._used + len(band)] = band
        self._facts[self._count] = (start, step, len(band), self._used)
        self._used += len(band)
        self._count += 1
        return self._count - 1

    def score(
        self,
        place: NDArray[np.int64],
        time: TimeArray,
        value: FloatArray,
        track: StateArray,  # noqa: ARG002 - a band depends on nothing before
        kept: NDArray[np.bool_],  # noqa: ARG002 - likewise
    ) -> Fitted:
        """Score one sample each of n distinct series; see `functions.detect.fitted.Models`."""
        facts, pool = self._facts[place], self._pool
        ahead = (time - facts["start"]) / facts["step"]
        last = facts["points"] - 1
        valid = (ahead >= 0.0) & (ahead <= last)
        at = np.clip(np.floor(ahead), 0, last).astype(np.int64)
        left = pool[facts["first"] + at].astype(np.float64)
        right = pool[facts["first"] + np.minimum(at + 1, last)].astype(np.float64)
        band = left + np.clip(ahead - at, 0.0, 1.0)[:, None] * (right - left)
        expected = band[:, 0]
        least = LEAST_RELATIVE * np.abs(expected)
        lower = np.minimum(band[:, 1], expected - least)
        upper = np.maximum(band[:, 2], expected + least)
        above = value >= expected
        half = np.where(above, upper - expected, expected - lower)
        distance = np.minimum(np.abs(value * 0.5 - expected * 0.5), 1e300)
        most = MOST_WIDTHS * half * 0.5
        evidence = 2.0 * np.minimum(distance, most) / np.where(half > 0.0, half, 1.0)
        evidence = np.where((half == 0.0) & (value != expected), MOST_WIDTHS, evidence)
        return Fitted(
            valid, evidence, expected, lower, upper, _Reasons(value, lower, upper).explain
        )


@dataclass(frozen=True, slots=True)
class _Reasons:
    value: FloatArray
    lower: FloatArray
    upper: FloatArray

    def explain(self, row: int) -> str:
        above = self.value[row] > self.upper[row]
        side = "above" if above else "below"
        told = f"{self.value[row]:.6g} is {side} what is usual at this time"
        return f"{told}, {self.lower[row]:.6g} to {self.upper[row]:.6g}"


def _band(artefact: Artefact) -> NDArray[np.float32]:
    """Return the points of a band, shape (points, 3)."""
    try:
        expected, lower, upper = (artefact.arrays[name] for name in ("expected", "lower", "upper"))
        band = np.stack([expected, lower, upper], axis=1).astype(np.float32)
    except (KeyError, ValueError) as error:
        raise Rejected(f"artefact: arrays: {error}") from None
    if band.ndim != 2 or not len(band) or not np.isfinite(band).all():
        raise Rejected("artefact: arrays: expected numbers, one for each point")
    if (band[:, 1] > band[:, 0]).any() or (band[:, 0] > band[:, 2]).any():
        raise Rejected("artefact: arrays: expected lies outside of lower and upper")
    return band
