"""Hours of the week: when they hold, and when they end."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from functions.act.hours import CALENDAR_END, DAYS, WeeklyHours

BERLIN = WeeklyHours(zone="Europe/Berlin", windows=("mon-fri 22:00-07:00", "sat,sun 00:00-24:00"))


def ms(text, zone="UTC"):
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


def berlin(text):
    return ms(text, "Europe/Berlin")


@pytest.mark.parametrize(
    ("at", "end"),
    [
        ("2026-01-28T21:59:59", None),  # a Wednesday
        ("2026-01-28T22:00:00", "2026-01-29T07:00:00"),
        ("2026-01-29T06:59:59", "2026-01-29T07:00:00"),
        ("2026-01-29T07:00:00", None),
        # Friday night, the weekend and nothing on Monday before 22:00: one stretch without a gap.
        ("2026-01-30T23:00:00", "2026-02-02T00:00:00"),
        ("2026-02-01T12:00:00", "2026-02-02T00:00:00"),
        ("2026-02-02T00:00:00", None),
    ],
)
def test_the_end_is_that_of_all_windows_that_follow_each_other(at, end):
    assert BERLIN.end(berlin(at)) == (None if end is None else berlin(end))


def test_they_follow_the_clock_on_the_wall_when_it_is_changed():
    nights = WeeklyHours(zone="Europe/Berlin", windows=("22:00-06:00",))
    spring, autumn = berlin("2026-03-28T22:00"), berlin("2026-10-24T22:00")
    assert nights.end(spring) - spring == 7 * 3_600_000
    assert nights.end(autumn) - autumn == 9 * 3_600_000


def test_an_end_on_the_wall_that_comes_twice_is_the_first_and_one_that_never_comes_is_bridged():
    nights = WeeklyHours(zone="Europe/Berlin", windows=("22:00-02:30",))
    autumn = berlin("2026-10-24T22:00")
    assert nights.end(autumn) == ms("2026-10-25T00:30")
    assert nights.end(ms("2026-10-25T01:15")) is None  # 02:15 for the second time
    assert nights.end(berlin("2026-03-28T22:00")) == ms("2026-03-29T01:30")


@pytest.mark.parametrize(
    ("windows", "message"),
    [
        (["22-07"], "expected days and hours, such as 'mon-fri 22:00-07:00'"),
        (["monday 22:00-07:00"], "no day named 'monday'; there is mon, tue"),
        (["22:00-25:00"], "25:00 is no time of day"),
        (["22:61-23:00"], "22:61 is no time of day"),
        (["24:00-07:00"], "begins at 24:00"),
        (["00:00-24:00"], "these hours never end: leave a minute of the week free"),
        (["07:00-07:00"], "never end"),
        (["mon-sun 12:00-00:00", "00:00-12:00"], "never end"),
        ([], "at least 1 item"),
    ],
)
def test_what_is_no_window_is_refused_with_what_to_write(windows, message):
    with pytest.raises(ValueError, match=message):
        WeeklyHours(windows=windows)


@pytest.mark.parametrize("zone", ["Berlin", "", "../etc/passwd", "Europe", "x" * 500])
def test_a_time_zone_that_does_not_exist_is_refused(zone):
    with pytest.raises(ValueError, match="no time zone named"):
        WeeklyHours(zone=zone, windows=["22:00-07:00"])


def test_nothing_is_quiet_at_the_end_of_the_calendar():
    assert BERLIN.end(CALENDAR_END) is None
    assert BERLIN.end(253_402_300_799_999) is None


clock = st.tuples(st.integers(0, 23), st.integers(0, 59)).map(lambda t: f"{t[0]:02}:{t[1]:02}")
window = st.builds(
    lambda days, start, end: f"{','.join(sorted(days))} {start}-{end}",
    st.sets(st.sampled_from(DAYS), min_size=1),
    clock,
    clock,
)


@given(
    st.lists(window, min_size=1, max_size=4),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]),
    st.integers(0, 4_000_000_000_000),
)
@example(["sun 00:00-02:30"], "Europe/Berlin", ms("2026-10-25T00:29"))
def test_hours_that_hold_end_later_and_hold_until_then_and_not_then(windows, zone, at):
    try:
        hours = WeeklyHours(zone=zone, windows=windows)
    except ValueError as error:
        assert "never end" in str(error)  # noqa: PT017 - only then is it refused
        return
    end = hours.end(at)
    if end is None:
        return
    assert at < end
    assert hours.end(end) is None
    assert hours.end(end - 1) == end
    assert end - at <= 7 * 86_400_000
    moment = datetime.fromtimestamp(end / 1000, UTC).astimezone(ZoneInfo(zone))
    assert (moment + timedelta(0)).second == 0
