import threading
import time
from dataclasses import dataclass, field

import pytest

from local.chaos import redelivery
from local.chaos.redelivery import Redelivery
from local.delivery.cloudevent import CloudEvent
from local.delivery.policy import Answer

EVENT = CloudEvent({"type": "t", "id": "1"}, b"")


@dataclass
class Slow:
    """A sink that notes when an attempt begins and when it ends."""

    seconds: float = 0.0
    destination: str = "http://slow"
    began: list[float] = field(default_factory=list)
    ended: list[float] = field(default_factory=list)

    def send(self, event: CloudEvent, timeout: float) -> Answer:
        self.began.append(time.monotonic())
        threading.Event().wait(self.seconds)
        self.ended.append(time.monotonic())
        return Answer(204)


def only(kind: str, monkeypatch: pytest.MonkeyPatch) -> Redelivery:
    monkeypatch.setattr(redelivery, "SHARES", {kind: 1.0})
    monkeypatch.setattr(redelivery, "_LATE_SECONDS", (0.05, 0.1))
    return Redelivery(1)


def test_each_kind_happens_to_its_share_of_deliveries() -> None:
    some, sink = Redelivery(1), Slow()
    kinds = [some.draw()[0] for _ in range(20_000)]
    for kind, share in redelivery.SHARES.items():
        assert kinds.count(kind) == pytest.approx(20_000 * share, rel=0.2)
        assert some.counts[kind] == kinds.count(kind)
    assert sink.began == []


def test_twice_is_one_attempt_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    sink = Slow(0.02)
    assert only("twice", monkeypatch).through(sink).send(EVENT, 1.0).status == 204
    assert len(sink.began) == 2
    assert sink.began[1] >= sink.ended[0]


def test_a_zombie_runs_while_the_event_is_delivered_again(monkeypatch: pytest.MonkeyPatch) -> None:
    some, sink = only("zombie", monkeypatch), Slow(0.2)
    some.through(sink).send(EVENT, 1.0)
    some.calm()
    assert len(sink.ended) == 2
    assert sink.began[1] < sink.ended[0]


def test_a_late_one_comes_after_delivery_was_content(monkeypatch: pytest.MonkeyPatch) -> None:
    some, sink = only("late", monkeypatch), Slow()
    some.through(sink).send(EVENT, 1.0)
    assert len(sink.began) == 1
    some.calm()
    assert len(sink.began) == 2


def test_once_calm_everything_is_delivered_once(monkeypatch: pytest.MonkeyPatch) -> None:
    some, sink = only("twice", monkeypatch), Slow()
    some.calm()
    some.through(sink).send(EVENT, 1.0)
    assert len(sink.began) == 1
