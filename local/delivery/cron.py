"""Cron schedules of five fields, in UTC, to the minute.

Source: the standard parser of robfig/cron, which PingSource uses: a day must match both day fields
unless both are restricted, then either.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from aiops.errors import Misconfigured

_FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day", 1, 31), ("month", 1, 12), ("weekday", 0, 6))
_LOOK_AHEAD = timedelta(days=5 * 366)


@dataclass(frozen=True, slots=True)
class Schedule:
    """When an event is due."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either_day: bool

    @classmethod
    def parse(cls, text: str) -> "Schedule":
        """Read five fields of `*`, numbers, ranges, lists and steps.

        Raises:
            Misconfigured: the message names the field.
        """
        fields = text.split()
        if len(fields) != len(_FIELDS):
            raise Misconfigured(f"schedule {text!r}: expected five fields")
        minutes, hours, days, months, weekdays = (
            _numbers(field, *known, text=text) for field, known in zip(fields, _FIELDS, strict=True)
        )
        either = not (fields[2].startswith("*") or fields[4].startswith("*"))
        return cls(minutes, hours, days, months, weekdays, either)

    def next_after(self, ms: int) -> int:
        """Return the first due minute strictly after `ms`, both in unix milliseconds.

        Raises:
            Misconfigured: no such minute in the next five years.
        """
        moment = datetime.fromtimestamp(ms // 60_000 * 60, UTC) + timedelta(minutes=1)
        end = moment + _LOOK_AHEAD
        while moment < end:
            if moment.month not in self.months or not self._on(moment):
                moment = moment.replace(hour=0, minute=0) + timedelta(days=1)
            elif moment.hour not in self.hours:
                moment = moment.replace(minute=0) + timedelta(hours=1)
            elif moment.minute not in self.minutes:
                moment += timedelta(minutes=1)
            else:
                return int(moment.timestamp()) * 1000
        raise Misconfigured("schedule: never due")

    def _on(self, moment: datetime) -> bool:
        day = moment.day in self.days
        weekday = moment.isoweekday() % 7 in self.weekdays
        return (day or weekday) if self.either_day else (day and weekday)


def _numbers(field: str, name: str, low: int, high: int, *, text: str) -> frozenset[int]:
    found: set[int] = set()
    for part in field.split(","):
        try:
            numbers = _span(part, low, high)
        except ValueError:
            numbers = range(0)
        if not numbers or numbers[0] < low or numbers[-1] > high:
            raise Misconfigured(f"schedule {text!r}: {name}: not understood: {part!r}")
        found.update(numbers)
    return frozenset(found)


def _span(part: str, low: int, high: int) -> range:
    """Return the numbers of `*`, `5`, `5-9`, each with an optional `/step`; `5/2` has no end.

    Raises:
        ValueError: it is none of these.
    """
    span, _, step = part.partition("/")
    first, _, last = span.partition("-")
    if first == "*":
        return range(low, high + 1, int(step or 1))
    start = int(first)
    stop = int(last) if last else high if step else start
    return range(start, stop + 1, int(step or 1))
