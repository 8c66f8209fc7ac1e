"""The default detector: what is rare for its series and new to it, at once or lasting."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from aiops.detection import FloatArray, Scores, StateArray, TimeArray
from functions.detect.level import Level, Tail
from functions.detect.novelty import Book, Codebook
from functions.detect.season import HOURS, DailyProfile

LARGEST = 1e140
"""Values are limited to this size, so that no square overflows."""

VALUES = 32
"""Values remembered of each signal."""

WARM_UP = 100
"""Samples before anything counts as new."""

SLOWEST = 1e-3
"""Share of a value in the mean that stands in for an hour never seen."""

NOVELTY = 20.0
"""Weight of novelty against surprise."""

LASTING = 3
"""Samples in a row that make a deviation a lasting one."""


class Detector:
    """The larger of two kinds of evidence, each 1 at the alarm line.

    Rare and new: how rare a deviation from the level is for this series, times how far its value
    lies from every value remembered, both as it is and as distance from the hour's usual; or the
    same of that distance smoothed. Lasting: how rare it is that three samples in a row deviate
    that far to one side, if the value was not known an hour and a half ago. See docs/detection.md.
    """

    dtype: np.dtype[Any] = np.dtype(
        [
            ("count", "<i8"),
            ("level", "<f8", (2,)),
            ("variance", "<f8", (2,)),
            ("before", "<f8", (LASTING - 1,)),
            ("threshold", "<f8", (3,)),
            ("excess", "<f8", (3,)),
            ("run", "<f8", (3,)),
            ("usual", "<f8"),
            ("smooth", "<f8"),
            ("used", "<u4", (3, VALUES)),
            ("hourly", "<f8", (HOURS,)),
            ("visits", "u1", (HOURS,)),
            ("code", "<f8", (3, VALUES)),
            ("born", "<u4", (1, VALUES)),
        ]
    )
    alarm_line = 1.0
    min_history = 100

    def __init__(
        self,
        memory: int = 60,
        horizon: int = 5000,
        rare_line: float = 2500.0,
        lasting_line: float = 3.2,
        longest: int = 10,
    ) -> None:
        """Set memories, in samples, and lines.

        Args:
            memory: Of the level; that of its spread is twice as long.
            horizon: How long a value that does not come again stays known.
            rare_line: Surprise in nats times novelty that alarms.
            lasting_line: Surprise in nats of a lasting deviation that alarms.
            longest: Samples after which a lasting deviation is no news any more.

        Raises:
            ValueError: one of them is not above 0.
        """
        if not all(given > 0 for given in (memory, horizon, rare_line, lasting_line, longest)):
            raise ValueError("memory, horizon, rare_line, lasting_line, longest: all above 0")
        self._level = Level(np.array([1.0, 0.3]) / memory, np.array([0.5, 0.2]) / memory, 2.0)
        self._tail = Tail(
            np.array([0.99, 0.99, 0.99]),
            0.002,
            np.array([0.04, 0.04, 0.01]),
            np.array([10.0, 10.0, 3.0]),
            np.array([0.0, 0.0, 1.0]),
        )
        self._book = Codebook(horizon, np.array([0.04, 0.04, 0.1]), 90, WARM_UP, 10.0)
        self._profile = DailyProfile(0.02)
        self._smoothing = 1.0 / 12.0
        self._rare_line = rare_line
        self._lasting_line = lasting_line
        self._longest = float(longest)

    def score(self, state: StateArray, time: TimeArray, value: FloatArray) -> Scores:
        """Score one sample each of n distinct series, and learn from it.

        Args:
            state: Shape (n,) of `dtype`, updated in place.
            time: Unix milliseconds, shape (n,), later than any time seen by the same series.
            value: Finite values, shape (n,).
        """
        x = np.minimum(np.maximum(value, -LARGEST), LARGEST)
        state["count"] += 1
        count = state["count"].astype(np.float64)
        apart, smooth = self._seasonal(state, time, x, count)
        new, new_since = self._book.observe(
            Book(state["code"], state["used"], state["born"]),
            time,
            state["count"],
            np.stack([x, apart, smooth], axis=1),
        )
        warm = count > WARM_UP
        new = np.where(warm[:, None], new, 0.0)
        unknown = warm & (new_since[:, 0] > 0.0)
        level, spread = state["level"][:, 0].copy(), np.sqrt(state["variance"][:, 0])
        deviation, surprise = self._surprise(state, np.stack([x, smooth], axis=1), count)
        brief = surprise[:, 2] * (unknown & (state["run"][:, 2] <= self._longest))
        parts = np.stack([*self._rare(surprise, new), self._lasting(brief)], axis=1)
        first = count == 1.0
        center = np.where(first, x, level)
        tail = state["threshold"][:, 0] + 5.0 * state["excess"][:, 0]
        width = np.where(first, 0.0, spread * tail)
        reasons = _Reasons(value, center, deviation, new[:, 0], parts)
        return Scores(parts.max(axis=1), center, center - width, center + width, reasons.explain)

    def _seasonal(
        self, state: StateArray, time: TimeArray, x: FloatArray, count: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        usual = np.where(count == 1.0, x, state["usual"])
        usual += np.maximum(SLOWEST, 1.0 / count) * (x - usual)
        apart = x - self._profile.observe(state["hourly"], state["visits"], time, x, usual)
        smooth = np.where(count == 1.0, apart, state["smooth"])
        smooth += np.maximum(self._smoothing, 1.0 / count) * (apart - smooth)
        state["usual"], state["smooth"] = usual, smooth
        return apart, smooth

    def _surprise(
        self, state: StateArray, signal: FloatArray, count: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return the signed deviation of the value, (n,), and the surprises, (n, 3)."""
        deviation, state["level"], state["variance"] = self._level.observe(
            state["level"].copy(), state["variance"].copy(), count[:, None], signal
        )
        last = np.column_stack([deviation[:, 0], state["before"]])
        lasting = np.maximum(np.maximum(last.min(axis=1), -last.max(axis=1)), 0.0)
        state["before"] = last[:, :-1]
        surprise, state["threshold"], state["excess"], state["run"] = self._tail.observe(
            state["threshold"].copy(),
            state["excess"].copy(),
            state["run"].copy(),
            count[:, None],
            np.column_stack([np.abs(deviation), lasting]),
        )
        return deviation[:, 0], surprise

    def _rare(self, surprise: FloatArray, new: FloatArray) -> tuple[FloatArray, FloatArray]:
        both = np.minimum(new[:, 0], new[:, 1])
        at_once = surprise[:, 0] * (1.0 + NOVELTY * _three_halves(both))
        smoothed = surprise[:, 1] * (0.3 + 1.5 * _three_halves(new[:, 2]))
        return np.sqrt(at_once / self._rare_line), np.sqrt(smoothed / self._rare_line)

    def _lasting(self, surprise: FloatArray) -> FloatArray:
        share = surprise / self._lasting_line
        faint = np.minimum(share, 1.0)
        for _ in range(4):
            faint = faint * faint
        return np.where(share < 1.0, faint, share)


@dataclass(frozen=True, slots=True)
class _Reasons:
    """What an explanation is made of, one entry a row."""

    value: FloatArray
    center: FloatArray
    deviation: FloatArray
    new: FloatArray
    parts: FloatArray

    def explain(self, row: int) -> str:
        """Return why row `row` alarms."""
        kind = int(self.parts[row].argmax())
        size = abs(self.deviation[row])
        side = "above" if self.deviation[row] >= 0 else "below"
        usual = f"the usual {self.center[row]:.6g}"
        told = f"{self.value[row]:.6g} is {size:.1f} deviations {side} {usual}"
        if kind == 1:
            return f"{told}; its distance from the usual of the hour has drifted where it never was"
        if kind == 2:
            return f"{told}, for {LASTING} samples or more, where it was not before"
        if self.new[row] > 0:
            return f"{told}, and {self.new[row]:.1f} times the tolerance away from any value seen"
        return f"{told}, rarer than anything this series does"


def _three_halves(novelty: FloatArray) -> FloatArray:
    return np.asarray(novelty * np.sqrt(novelty))
