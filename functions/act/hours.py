"""Hours of the week in a time zone, such as `mon-fri 22:00-07:00`. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, field_validator

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MINUTES = 24 * 60
"""Of a day."""

CALENDAR_END = 253_370_764_800_000
"""The year 9999: from then on there may be no next day to write down."""

_WINDOW = re.compile(r"(?:([a-z,-]+) +)?([0-9]{2}):([0-9]{2}) *- *([0-9]{2}):([0-9]{2})")


@dataclass(frozen=True, slots=True)
class Window:
    """A span of every one of some days.

    Attributes:
        days: On which it begins, 0 for Monday.
        start: Minutes after midnight.
        end: Likewise; not after `start` where it ends on the next day.
    """

    days: frozenset[int]
    start: int
    end: int

    @property
    def lasts(self) -> int:
        """Minutes, as clocks on the wall count them."""
        return self.end - self.start + (MINUTES if self.end <= self.start else 0)


@lru_cache(maxsize=256)
def window_of(text: str) -> Window:
    """Return the window a text names: days, or every day, then from when until before when.

    Raises:
        ValueError: it names none.
    """
    found = _WINDOW.fullmatch(text.strip().lower())
    if found is None:
        raise ValueError(
            f"{text[:60]!r}: expected days and hours, such as 'mon-fri 22:00-07:00',"
            " 'sat,sun 00:00-24:00' or '22:00-07:00'"
        )
    days, *numbers = found.groups()
    start, end = _minutes(*numbers[:2]), _minutes(*numbers[2:])
    if start == MINUTES:
        raise ValueError(f"{text[:60]!r}: begins at 24:00; write 00:00 and the next day")
    return Window(frozenset(_days(days)) if days else frozenset(range(7)), start, end)


class WeeklyHours(BaseModel):
    """Hours that come back every week.

    Attributes:
        zone: Name of the time zone, such as `Europe/Berlin`.
        windows: When they hold: days and hours, such as `mon-fri 22:00-07:00`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    zone: str = "UTC"
    windows: tuple[str, ...] = Field(min_length=1, max_length=50)

    @field_validator("zone")
    @classmethod
    def _zone_exists(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(
                f"no time zone named {zone[:60]!r}; such as 'Europe/Berlin', or 'UTC'"
            ) from None
        return zone

    @field_validator("windows")
    @classmethod
    def _they_end(cls, windows: tuple[str, ...]) -> tuple[str, ...]:
        covered = {minute for text in windows for minute in _of_week(window_of(text))}
        if len(covered) == 7 * MINUTES:
            raise ValueError("these hours never end: leave a minute of the week free")
        return windows

    def end(self, at: int) -> int | None:
        """Return when the hours that hold at a time are over; None where none hold then.

        Windows that follow each other without a gap are one. What lies at or beyond the end of the
        calendar is in no hours.

        Args:
            at: Unix milliseconds.
        """
        until = at
        windows = [window_of(text) for text in self.windows]
        for _ in range(8 * len(windows)):
            after = max((end for one in windows for end in self._ends(one, until)), default=until)
            if after == until:
                break
            until = after
        return until if until > at else None

    def _ends(self, window: Window, at: int) -> Iterator[int]:
        """Yield the end of a window's span, where one holds at a time."""
        if at >= CALENDAR_END:
            return
        zone = ZoneInfo(self.zone)
        today = datetime.fromtimestamp(at / 1000, zone).date()
        for back in range(3):
            day = today - timedelta(days=back)
            if day.weekday() not in window.days:
                continue
            begins = _moment(day, window.start, zone)
            ends = _moment(day, window.start + window.lasts, zone)
            if begins <= at < ends:
                yield ends


def _moment(day: date, minutes: int, zone: ZoneInfo) -> int:
    """Return the unix milliseconds at which a clock on the wall has a time, at first."""
    days, rest = divmod(minutes, MINUTES)
    wall = datetime.combine(day + timedelta(days=days), time(rest // 60, rest % 60), zone)
    return int(wall.astimezone(UTC).timestamp()) * 1000


def _of_week(window: Window) -> Iterator[int]:
    for day in window.days:
        begins = day * MINUTES + window.start
        yield from (minute % (7 * MINUTES) for minute in range(begins, begins + window.lasts))


def _days(text: str) -> Iterator[int]:
    for part in text.split(","):
        first, dash, last = part.partition("-")
        for name in (first, last) if dash else (first,):
            if name not in DAYS:
                raise ValueError(f"no day named {name[:20]!r}; there is {', '.join(DAYS)}")
        begins = DAYS.index(first)
        span = (DAYS.index(last) - begins) % 7 if dash else 0
        yield from ((begins + step) % 7 for step in range(span + 1))


def _minutes(hours: str, minutes: str) -> int:
    total = int(hours) * 60 + int(minutes)
    if int(minutes) >= 60 or total > MINUTES:
        raise ValueError(f"{hours}:{minutes} is no time of day; there is 00:00 to 24:00")
    return total
