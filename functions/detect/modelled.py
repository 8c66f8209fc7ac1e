"""The series of a group that may have a fitted model: who scores them, what is asked for. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from aiops.detection import FloatArray, Scores, StateArray, TimeArray
from functions.detect.config import Rule
from functions.detect.drift import drifted
from functions.detect.fitted import Fitted, Fleet, Models

Reason = Literal["history", "age", "drift", "new_trend"]

DAY_MS = 24 * 3_600_000
HISTORY = {
    "auto": (100, 2 * DAY_MS),
    "prophet": (100, 2 * DAY_MS),
    "isolation_forest": (50, 2 * DAY_MS),
    "luminaire": (100, 3 * DAY_MS),
}
"""Samples, and milliseconds, a series needs before a model is asked for.

With so many samples it is asked for a first time: there may be older history elsewhere.
"""

SOONEST_MS, LATEST_MS = 3_600_000, DAY_MS
"""After how long a model is asked for again that has not come: a quarter of what the series was
old then, within these bounds."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What was said of one sample each, and by whom.

    Attributes:
        by_model: Where a model scored, shape (n,).
        detector: Returns the name of the model that scored a row.
        value: What was scored, shape (n,).
    """

    scores: Scores
    by_model: NDArray[np.bool_]
    detector: Callable[[int], str]
    value: FloatArray


class Modelled:
    """Scores with models where there are any, and follows whether they are still right.

    Args:
        rule: Of all these series.
        header: Their headers, shape (n,), updated in place.
        track: What is kept for models, shape (n,), updated in place.
        fleet: Their models.
    """

    def __init__(
        self,
        rule: Rule,
        header: StateArray,
        track: StateArray,
        fleet: Fleet,
    ) -> None:
        self._rule, self._header, self._track, self._fleet = rule, header, track, fleet

    def score(
        self, at: NDArray[np.int64], time: TimeArray, value: FloatArray, scores: Scores
    ) -> Judged:
        """Return scores with those of models in the place of the baseline's.

        Args:
            at: Positions of the series in the group, shape (n,).
            time: Unix milliseconds, shape (n,).
            value: Shape (n,); rows of `functions.detect.together`, shape (n, 8).
            scores: The baseline's.
        """
        by_model = np.zeros(len(at), dtype=bool)
        evidence, expected = scores.evidence.copy(), scores.expected.copy()
        lower, upper = scores.lower.copy(), scores.upper.copy()
        scored = value.copy() if value.ndim == 1 else value[:, 0].copy()
        said: list[tuple[Fitted, NDArray[np.int64]]] = []
        for models, rows, mine in self._in_force(at, time):
            track = self._followed(rows)
            length = int(self._rule.history_step * 1000)
            kept = track["stepped"] // length != time[mine] // length
            fitted = models.score(self._fleet.place[rows], time[mine], value[mine], track, kept)
            track["stepped"] = np.where(kept, time[mine], track["stepped"])
            self._track[rows] = track
            there = np.flatnonzero(fitted.valid)
            to, known = mine[there], ~np.isnan(fitted.expected[there])
            by_model[to] = True
            evidence[to] = fitted.evidence[there]
            for own, theirs in (
                (expected, fitted.expected), (lower, fitted.lower), (upper, fitted.upper)
            ):  # fmt: skip
                own[to[known]] = theirs[there[known]]
            if fitted.value is not None:
                scored[to] = fitted.value[there]
            said.append((fitted, np.where(fitted.valid, mine, -1)))
        reasons = _Reasons(scores, said, self._header["model"][at], self._fleet.until[at], time)
        judged = Scores(evidence, expected, lower, upper, reasons.explain)
        return Judged(judged, by_model, lambda row: self._fleet.name(int(at[row])), scored)

    def follow(
        self,
        at: NDArray[np.int64],
        time: TimeArray,
        over: NDArray[np.bool_],
        above: NDArray[np.bool_],
    ) -> None:
        """Give up models that have not been right for long; those of `at` scored.

        Args:
            at: Positions of the series in the group, shape (n,).
            time: Unix milliseconds, shape (n,).
            over: Whether the sample lies over the line, shape (n,).
            above: Whether above what was expected, shape (n,).
        """
        track = self._track[at]
        gone = drifted(track, time, over, above, self._rule.drift_after * 1000)
        self._track[at] = track
        self._header["model"][at[gone]] = -time[gone]
        self._header["asked"][at[gone]] = 0

    def asks(self, accepted: NDArray[np.bool_]) -> list[tuple[int, Reason]]:
        """Return position and reason of series that want a model now, and note that they asked.

        Args:
            accepted: Which series have a new sample, shape (group,).
        """
        header = self._header
        time, model, asked = header["last"], header["model"], header["asked"]
        samples, span = HISTORY[self._rule.detector]
        began = np.abs(header["since"])
        early = (asked == 0) & (header["since"] > 0)
        enough = (header["count"] >= samples) & ((time - began >= span) | early)
        aged = (model > 0) & (
            time > self._fleet.until - (self._fleet.until - self._fleet.made) // 4
        )
        given_up = (model < 0) & (header["since"] > 0)
        wait = np.clip((asked - began) // 4, SOONEST_MS, LATEST_MS)
        due = accepted & (aged | given_up | ((model <= 0) & enough))
        due &= (asked == 0) | (time - asked >= wait)
        places = np.flatnonzero(due).tolist()
        reasons = [_why(int(model[at]), int(header["since"][at])) for at in places]
        asked[places] = time[places]
        return list(zip(places, reasons, strict=True))

    def _in_force(
        self, at: NDArray[np.int64], time: TimeArray
    ) -> list[tuple[Models, NDArray[np.int64], NDArray[np.int64]]]:
        """Return models, and the series, by position in the group and row, that they score."""
        row = np.full(len(self._fleet), -1)
        row[at] = np.arange(len(at))
        found = []
        for models, rows in self._fleet.kinds:
            mine = row[rows]
            now = time[np.maximum(mine, 0)]
            holds = (
                (mine >= 0) & (self._header["model"][rows] > 0) & (now < self._fleet.until[rows])
            )
            if holds.any():
                found.append((models, rows[holds], mine[holds]))
        return found

    def _followed(self, rows: NDArray[np.int64]) -> StateArray:
        """Return the tracks of series; that of a model used for the first time is empty."""
        track = self._track[rows]
        new = track["followed"] != self._fleet.made[rows]
        if new.any():
            track[new] = np.zeros((), track.dtype)
            track["followed"] = self._fleet.made[rows]
        return track


@dataclass(frozen=True, slots=True)
class _Reasons:
    """Who has a reason for which row, and why it was not a model."""

    scores: Scores
    said: Sequence[tuple[Fitted, NDArray[np.int64]]]
    model: NDArray[np.int64]
    until: NDArray[np.int64]
    time: TimeArray

    def explain(self, row: int) -> str:
        for fitted, rows in self.said:
            for place in np.flatnonzero(rows == row):
                return fitted.explain(int(place))
        return f"{self.scores.explain(row)} ({self._without(row)}: baseline)"

    def _without(self, row: int) -> str:
        if self.model[row] < 0:
            return "the model was given up"
        if self.model[row] == 0:
            return "no model yet"
        if self.until[row] == 0:
            return "the model is missing"
        return "the model has expired"


def _why(model: int, since: int) -> Reason:
    if model > 0:
        return "age"
    if since < 0:
        return "new_trend"
    return "drift" if model < 0 else "history"
