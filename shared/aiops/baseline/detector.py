"""The default detector: what is rare for its series and new to it, at once or lasting."""

from typing import Any

import numpy as np

from aiops.baseline.calendar import HOURS, Calendar
from aiops.baseline.departure import Departures, Found, Sample
from aiops.baseline.evidence import departed, finer, grown, lasting, quiet, rare, recurring
from aiops.baseline.explanation import Reasons
from aiops.baseline.level import Level, Tail
from aiops.baseline.novelty import Book, Codebook, Novelty
from aiops.baseline.season import DailyProfile
from aiops.baseline.stuck import Stuck
from aiops.detection import FloatArray, Scores, StateArray, TimeArray

LARGEST = 1e140
"""Values are limited to this size, so that no square overflows."""

VALUES = 29
"""Values remembered of each signal."""

WARM_UP = 60
"""Samples before anything counts as new."""

SLOWEST = 1e-3
"""Share of a value in the mean that stands in for an hour never seen."""

LASTING = 3
"""Samples in a row that make a deviation a lasting one."""


class Detector:
    """The largest of three kinds of evidence, each 1 at the alarm line.

    Rare and new: how rare a deviation from the level is for this series, times how far its value
    lies from every value remembered, both as it is and as distance from the hour's usual; or the
    same of that distance smoothed. Lasting: how rare it is that three samples in a row deviate
    that far to one side, if the value was not known an hour and a half ago. Out of season: how
    rare the sum of deviations from what is usual at this hour of this kind of day is, whether the
    value is known or not, and how unlikely it is that the series stands still. See
    docs/detection.md.
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
            ("stuck", Stuck.dtype),
            ("departure", Departures.dtype),
            ("used", "<u4", (3, VALUES)),
            ("hourly", "<f8", (HOURS,)),
            ("visits", "u1", (HOURS,)),
            ("code", "<f8", (3, VALUES)),
            ("born", "<u4", (1, VALUES)),
        ]
    )
    alarm_line = 1.0
    min_history = 60

    def __init__(
        self,
        memory: int = 60,
        horizon: int = 5000,
        rare_line: float = 7.3,
        country: str | None = None,
        timezone: str = "UTC",
    ) -> None:
        """Set memories, in samples, the line, and the calendar.

        Args:
            memory: Of the level; that of its spread is twice as long.
            horizon: How long a value that does not come again stays known.
            rare_line: Surprise in nats that alarms where the value is known.
            country: ISO 3166 code of the country whose weekends and holidays are days off.
            timezone: IANA name of the time zone whose hours people live by.

        Raises:
            ValueError: a number is not above 0, or there is no such country or time zone.
        """
        if not all(given > 0 for given in (memory, horizon, rare_line)):
            raise ValueError("memory, horizon, rare_line: all above 0")
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
        self._departures = Departures(Calendar(country, timezone), 150, 8.0, 1.1)
        self._stuck = Stuck()

    def score(self, state: StateArray, time: TimeArray, value: FloatArray) -> Scores:
        """Score one sample each of n distinct series, and learn from it.

        Args:
            state: Shape (n,) of `dtype`, updated in place.
            time: Unix milliseconds, shape (n,), later than any time seen by the same series.
            value: Finite values, shape (n,).
        """
        x = np.minimum(np.maximum(value, -LARGEST), LARGEST)
        state["count"] += 1
        sample = Sample(time, state["count"].astype(np.float64), x)
        apart, smooth = self._seasonal(state, time, x, sample.count)
        novelty = self._book.observe(
            Book(state["code"], state["used"], state["born"]),
            time,
            state["count"],
            np.stack([x, apart, smooth], axis=1),
        )
        warm = sample.count > WARM_UP
        new = np.where(warm[:, None], novelty.new, 0.0)
        unknown = warm & (novelty.since[:, 0] > 0.0)
        found = self._departures.observe(
            state["departure"], sample, state["usual"], state["variance"][:, 0]
        )
        anew = np.where(found.active, found.expected, x)
        center = np.where(found.stale, anew, state["level"][:, 0])
        state["level"][:, 0] = center
        state["before"][found.stale] = 0.0
        step = state["departure"]["step"]
        line = finer(self._rare_line, step)
        band = self._band(state, sample, line, novelty)
        center_spread = np.sqrt(state["variance"][:, 0])
        better = found.active & (found.spread * found.spread <= state["variance"][:, 0])
        deviation, surprise = self._surprise(state, np.stack([x, smooth], axis=1), sample.count)
        still = self._stuck.observe(state["stuck"], sample.count, x)
        late = lasting(surprise[:, 2], state["run"][:, 2], unknown, step)
        known = np.stack([*rare(surprise, new, line), late], axis=1)
        known[:, 0] = recurring(known[:, 0], warm & (new[:, 0] == 0.0), center_spread, novelty.span)
        known *= grown(sample.count * step)[:, None]
        others = np.stack([departed(found.evidence), quiet(still)], axis=1)
        parts = np.concatenate([known, others], axis=1)
        expected = np.where(better, found.expected, center)
        lower, upper = _within(expected, band, found)
        reasons = Reasons(value, center, deviation, new[:, 0], found, parts, LASTING)
        return Scores(parts.max(axis=1), expected, lower, upper, reasons.explain)

    def _band(
        self, state: StateArray, sample: Sample, line: FloatArray, novelty: Novelty
    ) -> tuple[FloatArray, FloatArray]:
        """Return from where to where a value is neither rare nor new, shape (n,) each."""
        center = state["level"][:, 0]
        tail = state["threshold"][:, 0] + line * state["excess"][:, 0]
        width = np.sqrt(state["variance"][:, 0]) * tail
        lower = np.maximum(center - width, novelty.lower[:, 0])
        upper = np.minimum(center + width, novelty.upper[:, 0])
        first = sample.count == 1.0
        return np.where(first, sample.value, lower), np.where(first, sample.value, upper)

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


def _within(
    expected: FloatArray, band: tuple[FloatArray, FloatArray], found: Found
) -> tuple[FloatArray, FloatArray]:
    """Return the edges of what would alarm neither by level and memory nor by the hour."""
    lower, upper = band
    lower = np.where(found.active, np.maximum(lower, found.lower), lower)
    upper = np.where(found.active, np.minimum(upper, found.upper), upper)
    return np.minimum(lower, expected), np.maximum(upper, expected)
