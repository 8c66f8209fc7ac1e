import subprocess
import sys
from datetime import UTC, datetime

import numpy as np
import pytest

from aiops.baseline.calendar import HOURS, Calendar


def slots(calendar: Calendar, *moments: str) -> list[tuple[int, int, float]]:
    time = [datetime.fromisoformat(each).replace(tzinfo=UTC).timestamp() for each in moments]
    hour, following, passed = calendar.hours(np.array(time, dtype=np.int64) * 1000)
    return list(zip(hour.tolist(), following.tolist(), passed.tolist(), strict=True))


def test_hours_of_saturday_and_sunday_are_those_of_days_off() -> None:
    friday, saturday, sunday = "2024-01-05T23:30", "2024-01-06T00:15", "2024-01-07T23:00"
    assert slots(Calendar(), friday, saturday, sunday) == [
        (23, HOURS, 0.5),
        (HOURS, HOURS + 1, 0.25),
        (HOURS + 23, 0, 0.0),
    ]


def test_a_country_has_its_holidays_and_its_own_weekend() -> None:
    assert slots(Calendar("DE"), "2024-05-01T12:00")[0][0] == HOURS + 12
    assert slots(Calendar("FR"), "2024-10-03T12:00")[0][0] == 12
    assert slots(Calendar("IL"), "2024-01-05T12:00")[0][0] == HOURS + 12
    assert slots(Calendar("IL"), "2024-01-07T12:00")[0][0] == 12


def test_hours_are_those_of_the_time_zone_through_a_change_of_clocks() -> None:
    berlin = Calendar(timezone="Europe/Berlin")
    assert slots(berlin, "2024-03-31T00:30", "2024-03-31T01:30") == [
        (HOURS + 1, HOURS + 2, 0.5),
        (HOURS + 3, HOURS + 4, 0.5),
    ]
    assert slots(Calendar(timezone="Asia/Kathmandu"), "2024-01-03T00:00") == [(5, 6, 0.75)]


def test_the_plain_calendar_agrees_with_the_one_that_looks_days_up() -> None:
    time = np.random.default_rng(1).integers(0, 4_000_000_000_000, size=500)
    plain, looked_up = Calendar(), Calendar(timezone="Etc/GMT")
    for ours, theirs in zip(plain.hours(time), looked_up.hours(time), strict=True):
        assert (ours == theirs).all()


@pytest.mark.parametrize("wrong", [{"country": "XX"}, {"timezone": "Europe/Atlantis"}])
def test_what_does_not_exist_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="there is no"):
        Calendar(**wrong)


def test_holidays_are_not_imported_without_a_country() -> None:
    code = (
        "import sys; from functions.detect.detectors.baseline import Detector; Detector();"
        "sys.exit('holidays' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
