"""Waiting for rest: for as long as there is progress, and not much longer."""

from types import SimpleNamespace

import pytest

from local.chaos import resting
from local.chaos.resting import Resting, Unsettled


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch):
    time = SimpleNamespace(now=0.0)
    monkeypatch.setattr(resting.time, "monotonic", lambda: time.now)
    monkeypatch.setattr(resting, "Waiting", lambda *_: SimpleNamespace(close=lambda: None))
    return time


@pytest.fixture
def rest(clock):
    manifests = SimpleNamespace(topics=[])
    stage = SimpleNamespace(
        pipeline=SimpleNamespace(manifests=manifests),
        redis=SimpleNamespace(url=""),
        kafka=SimpleNamespace(bootstrap=""),
    )

    def pass_by() -> None:
        clock.now += 0.1

    one = Resting(stage, 10.0, pass_by)
    yield one
    one.close()


def test_what_becomes_less_is_waited_for_however_long_it_takes(rest: Resting, clock) -> None:
    rest.until("records", lambda: max(0, 100 - int(clock.now / 5)))
    assert clock.now >= 500


def test_what_stays_as_it_is_is_given_up_with_what_was_left(rest: Resting, clock) -> None:
    with pytest.raises(Unsettled, match="records: no less than 7 for 10 s"):
        rest.until("records", lambda: 7 + int(clock.now) % 2)
    assert clock.now > 10


def test_silence_is_no_progress_and_no_end(rest: Resting) -> None:
    with pytest.raises(Unsettled, match="records: no less than None"):
        rest.until("records", lambda: None)


def test_what_may_be_deferred_is_waited_for_as_much_longer(rest: Resting, clock) -> None:
    rest.until("steps", lambda: int(clock.now < 300), deferred=300)
    assert clock.now >= 300
    with pytest.raises(Unsettled, match="steps: no less than 1 for 310 s"):
        rest.until("steps", lambda: 1, deferred=300)
