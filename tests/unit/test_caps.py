"""A selector takes so many series and no more, whichever instance is asked."""

from typing import Any

from aiops.adapters.memory_admissions import MemoryAdmissions
from aiops.events import Samples, SeriesHead
from functions.detect.caps import CERTAIN_MS, REFUSED_MS
from functions.detect.config import DetectConfig
from tests.detecting import START, Detecting

CONFIG = DetectConfig.model_validate(
    {
        "rules": [
            {"match": {"metric": "pods_.*"}, "max_series": 3},
            {"match": {"metric": "free_.*"}},
        ],
        "default": {"max_series": 1},
    }
)


def samples(metric: str, hosts: range, at: int = START) -> Samples:
    heads = tuple(SeriesHead(metric=metric, labels={"host": str(host)}) for host in hosts)
    return Samples(series=heads, samples=tuple((place, at, 1.0) for place in range(len(heads))))


def test_series_beyond_the_cap_of_their_selector_are_counted_and_leave_no_state() -> None:
    detecting = Detecting(CONFIG)
    told = detecting.tell(samples("pods_up", range(5)), START)
    assert told == {"accepted": 3, "too_many_series": 2}
    assert len(detecting.store.records) == 3
    assert detecting.tell(samples("free_up", range(5)), START) == {"accepted": 5}
    assert detecting.tell(samples("other", range(2)), START) == {
        "accepted": 1,
        "too_many_series": 1,
    }


def test_another_instance_takes_the_same_series() -> None:
    one = Detecting(CONFIG)
    other = Detecting(CONFIG, store=one.store, admissions=one.admissions)
    one.tell(samples("pods_up", range(3)), START)
    told = other.tell(samples("pods_up", range(2, 6), START + 1), START + 1)
    assert told == {"accepted": 1, "too_many_series": 3}


class Counting(MemoryAdmissions):
    """Counts how often it is asked."""

    asked = 0

    def admit(self, *args: Any) -> list[bool]:
        self.asked += 1
        return MemoryAdmissions.admit(self, *args)


def test_what_is_known_is_not_asked_for_again_for_a_while() -> None:
    admissions = Counting()
    detecting = Detecting(CONFIG, admissions=admissions)
    for minute in range(3):
        at = START + minute * 1_000
        detecting.tell(samples("pods_up", range(3), at), at)
    assert admissions.asked == 1
    later = START + CERTAIN_MS
    detecting.tell(samples("pods_up", range(3), later), later)
    assert admissions.asked == 2


def test_a_series_is_taken_in_once_there_is_room() -> None:
    detecting = Detecting(CONFIG)
    detecting.tell(samples("pods_up", range(4)), START)
    (pods,) = detecting.admissions.taken.values()
    pods.pop(next(iter(pods)))
    at = START + REFUSED_MS - 1
    assert detecting.tell(samples("pods_up", range(3, 4), at), at) == {"too_many_series": 1}
    at += 1
    assert detecting.tell(samples("pods_up", range(3, 4), at), at) == {"accepted": 1}


def test_without_a_cap_nobody_is_asked() -> None:
    admissions = Counting()
    Detecting(DetectConfig(), admissions=admissions).tell(samples("up", range(9)), START)
    assert admissions.asked == 0
