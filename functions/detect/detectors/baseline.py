"""The default detector: what is rare for its series and new to it, at once or lasting."""

from typing import Any

import numpy as np

from aiops.detection import FloatArray, Scores, StateArray, TimeArray
from functions.detect.calendar import DAY_MS, HOURS, Calendar
from functions.detect.departure import Departures, Found, Sample
from functions.detect.explanation import Reasons
from functions.detect.level import Level, Tail
from functions.detect.novelty import Book, Codebook, Novelty
from functions.detect.season import DailyProfile
from functions.detect.stuck import Stuck

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

LASTING_LINE = 2.667
"""Surprise in nats of a lasting deviation that alarms."""

FINE_MS, FINER = 150_000.0, 1.2
"""Step below which that line is so many times higher: more samples a day, the same budget."""

LOUD = 1.2
"""Share of that line up to which its evidence rises steeply."""

LONGEST = 10.0
"""Samples after which a lasting deviation is no news any more."""

YOUNG, GROWN_DAYS = 0.055, 2.0
"""What evidence counts for at first, and days until it counts in full.

Until every hour was seen, much is new that means nothing.
"""

QUIET = 1.01
"""The most evidence of what only the hour or a standstill speaks for: it alarms, and says no more.

What is new to a series is far more often a fault, so that it has to rank above.
"""


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
    min_history = 100

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
        band = self._band(state, sample, novelty)
        better = found.active & (found.spread * found.spread <= state["variance"][:, 0])
        deviation, surprise = self._surprise(state, np.stack([x, smooth], axis=1), sample.count)
        brief = surprise[:, 2] * (unknown & (state["run"][:, 2] <= LONGEST))
        still = self._stuck.observe(state["stuck"], sample.count, x)
        rare, drifted = self._rare(surprise, new)
        grown = _grown(sample.count * state["departure"]["step"])
        finer = np.where(state["departure"]["step"] < FINE_MS, FINER, 1.0)
        known = [rare * grown, drifted * grown, _lasting(brief / (LASTING_LINE * finer)) * grown]
        parts = np.stack([*known, _quiet(found.evidence), _quiet(still)], axis=1)
        expected = np.where(better, found.expected, center)
        lower, upper = _within(expected, band, found)
        reasons = Reasons(value, center, deviation, new[:, 0], found, parts, LASTING)
        return Scores(parts.max(axis=1), expected, lower, upper, reasons.explain)

    def _band(
        self, state: StateArray, sample: Sample, novelty: Novelty
    ) -> tuple[FloatArray, FloatArray]:
        """Return from where to where a value is neither rare nor new, shape (n,) each."""
        center = state["level"][:, 0]
        tail = state["threshold"][:, 0] + self._rare_line * state["excess"][:, 0]
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

    def _rare(self, surprise: FloatArray, new: FloatArray) -> tuple[FloatArray, FloatArray]:
        both = np.minimum(new[:, 0], new[:, 1])
        at_once = surprise[:, 0] * (1.0 + NOVELTY * _three_halves(both))
        smoothed = surprise[:, 1] * (0.3 + 1.5 * _three_halves(new[:, 2]))
        return np.sqrt(at_once / self._rare_line), np.sqrt(smoothed / self._rare_line)


def _three_halves(novelty: FloatArray) -> FloatArray:
    return np.asarray(novelty * np.sqrt(novelty))


def _grown(age: FloatArray) -> FloatArray:
    """Return what evidence counts for at an age in milliseconds."""
    share = np.minimum(age / (GROWN_DAYS * DAY_MS), 1.0)
    return np.asarray(np.maximum(share * share, YOUNG))


def _faint(share: FloatArray) -> FloatArray:
    """Return the 16th power: what stays below the line says next to nothing."""
    for _ in range(4):
        share = np.asarray(share * share)
    return share


def _lasting(share: FloatArray) -> FloatArray:
    return np.where(share < LOUD, _faint(np.minimum(share, LOUD)), LOUD**15 * share)


def _quiet(share: FloatArray) -> FloatArray:
    return np.where(share <= 1.0, _faint(np.minimum(share, 1.0)), QUIET)


def _within(
    expected: FloatArray, band: tuple[FloatArray, FloatArray], found: Found
) -> tuple[FloatArray, FloatArray]:
    """Return the edges of what would alarm neither by level and memory nor by the hour."""
    lower, upper = band
    lower = np.where(found.active, np.maximum(lower, found.lower), lower)
    upper = np.where(found.active, np.minimum(upper, found.upper), upper)
    return np.minimum(lower, expected), np.maximum(upper, expected)
