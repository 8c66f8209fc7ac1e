"""Which hour of which kind of day a time falls in, by the clock and calendar of a country."""

from collections.abc import Callable, Container
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from aiops.detection import FloatArray, TimeArray

HOURS = 24
KINDS = 2
"""Working days and days off."""

HOUR_MS = 3_600_000
DAY_MS = HOURS * HOUR_MS
QUARTER_MS = 900_000
"""Clocks are changed, and differ from UTC, by whole quarters of an hour."""

EPOCH = date(1970, 1, 1)
THURSDAY = 3
"""The weekday of that day, Monday being 0."""

Slots = NDArray[np.int64]


class Calendar:
    """Hours of working days, 0 to 23, and of days off, 24 to 47.

    Days off are Saturday and Sunday or, with a country, its weekend and its public holidays.
    """

    def __init__(self, country: str | None = None, timezone: str = "UTC") -> None:
        """Read what is known of a country and a time zone.

        Args:
            country: ISO 3166 code such as "DE"; without one there are no holidays.
            timezone: IANA name such as "Europe/Berlin".

        Raises:
            ValueError: there is no such country or time zone.
        """
        self._plain = country is None and timezone == "UTC"
        self._zone = _zone(timezone)
        self._weekend, self._holidays = _days_off(country)
        self._shift = lru_cache(maxsize=4096)(self._shift_of)
        self._kind = lru_cache(maxsize=4096)(self._kind_of)

    def hours(self, time: TimeArray) -> tuple[Slots, Slots, FloatArray]:
        """Return the slot of each time's hour, that of the next, and the share of the hour passed.

        Args:
            time: Unix milliseconds, shape (n,).

        Returns:
            Two of slots, 0 to 47, and one of shares, 0 to 1, each of shape (n,).
        """
        local = time if self._plain else time + self._looked_up(time // QUARTER_MS, self._shift)
        hour = local // HOUR_MS
        passed = (local - hour * HOUR_MS) / float(HOUR_MS)
        return self._slot(hour), self._slot(hour + 1), passed

    def _slot(self, hour: NDArray[np.int64]) -> Slots:
        day = hour // HOURS
        if self._plain:
            off = ((day + THURSDAY) % 7 >= 5).astype(np.int64)
        else:
            off = self._looked_up(day, self._kind)
        return hour % HOURS + HOURS * off

    @staticmethod
    def _looked_up(key: NDArray[np.int64], found: Callable[[int], int]) -> NDArray[np.int64]:
        distinct, place = np.unique(key, return_inverse=True)
        return np.array([found(one) for one in distinct.tolist()], dtype=np.int64)[place]

    def _shift_of(self, quarter: int) -> int:
        """Return how far local time is ahead of UTC, in milliseconds."""
        moment = datetime.fromtimestamp(quarter * (QUARTER_MS // 1000), UTC)
        offset = moment.astimezone(self._zone).utcoffset() or timedelta(0)
        return int(offset.total_seconds() * 1000)

    def _kind_of(self, day: int) -> int:
        """Return 1 for a day off, counting local days from 1970-01-01."""
        weekday = (day + THURSDAY) % 7
        return int(weekday in self._weekend or EPOCH + timedelta(day) in self._holidays)


def _zone(name: str) -> tzinfo:
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, OSError, ValueError):
        raise ValueError(f"timezone: there is no {name!r}") from None


def _days_off(country: str | None) -> tuple[frozenset[int], Container[date]]:
    if country is None:
        return frozenset({5, 6}), frozenset()
    import holidays  # half a second, and only where a country is configured

    try:
        known = holidays.country_holidays(country)
    except NotImplementedError:
        raise ValueError(f"country: there is no {country!r}") from None
    return frozenset(known.weekend), known
