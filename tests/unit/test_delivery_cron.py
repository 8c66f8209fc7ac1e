from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiops.errors import Misconfigured
from local.delivery.cron import Schedule


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("schedule", "now", "due"),
    [
        ("* * * * *", "2026-01-01T00:00:00", "2026-01-01T00:01:00"),
        ("* * * * *", "2026-01-01T00:00:59.999", "2026-01-01T00:01:00"),
        ("*/5 * * * *", "2026-01-01T00:55:00", "2026-01-01T01:00:00"),
        ("7/20 * * * *", "2026-01-01T00:27:00", "2026-01-01T00:47:00"),
        ("30 2 * * *", "2026-01-31T02:30:00", "2026-02-01T02:30:00"),
        ("0 0 29 2 *", "2026-01-01T00:00:00", "2028-02-29T00:00:00"),
        ("0 9-17 * * 1-5", "2026-01-02T17:00:00", "2026-01-05T09:00:00"),
        ("0 0 13 * 5", "2026-01-01T00:00:00", "2026-01-02T00:00:00"),
        ("0 0 */2 * 0", "2026-01-01T00:00:00", "2026-01-11T00:00:00"),
        ("15,45 0 1 1,7 *", "2026-01-01T00:15:00", "2026-01-01T00:45:00"),
    ],
)
def test_a_schedule_is_next_due(schedule: str, now: str, due: str) -> None:
    assert Schedule.parse(schedule).next_after(ms(now)) == ms(due)


@pytest.mark.parametrize(
    "schedule",
    ["", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *",
     "* * * * 7", "a * * * *", "5-1 * * * *", "*/0 * * * *", "-1 * * * *", "@hourly"],
)  # fmt: skip
def test_a_schedule_that_is_none_is_refused(schedule: str) -> None:
    with pytest.raises(Misconfigured, match="schedule"):
        Schedule.parse(schedule)


def test_a_day_that_never_comes_is_refused_instead_of_searched_for_ever() -> None:
    with pytest.raises(Misconfigured, match="never due"):
        Schedule.parse("0 0 31 2 *").next_after(0)


@given(st.integers(0, 4_000_000_000_000), st.integers(0, 59), st.integers(0, 23))
def test_next_is_the_first_matching_minute(now: int, minute: int, hour: int) -> None:
    due = Schedule.parse(f"{minute} {hour} * * *").next_after(now)
    moment = datetime.fromtimestamp(due / 1000, UTC)
    assert (moment.hour, moment.minute, moment.second) == (hour, minute, 0)
    assert 0 < due - now <= timedelta(days=1).total_seconds() * 1000
