"""The clock: who is woken, and what is asked of Prometheus."""

import json

import pytest

from aiops.adapters.memory_action_log import MemoryActionLog
from aiops.adapters.memory_broker import MemoryPublisher
from aiops.adapters.memory_call_sightings import MemoryCallSightings
from aiops.adapters.memory_incidents import MemoryIncidents
from aiops.adapters.memory_open_windows import MemoryOpenWindows
from aiops.adapters.memory_published import MemoryPublished
from aiops.adapters.memory_series import MemorySeriesStore
from aiops.adapters.memory_training import MemoryTrainingQueue
from aiops.adapters.prometheus import Answer, Prometheus, Sample
from aiops.clock import ManualClock
from aiops.errors import Rejected, Unavailable
from aiops.events import Samples, SeriesHead, TrainingRequested, WorkDue
from aiops.ports import Event
from aiops.queries import STARTER_QUERIES
from aiops.series import SeriesMap
from aiops.series_store import Write
from functions.collect.config import CollectConfig
from functions.collect.handler import TICK, CollectHandler

MINUTE = 60_000
NOW = 1_767_225_600_000


class FakePrometheus:
    """Answers each query with one series without a value and one with, unless told otherwise."""

    def __init__(self, failing: str = "") -> None:
        self.failing = failing
        self.asked: list[tuple[str, int, int]] = []
        self.warnings: tuple[str, ...] = ()

    def query(self, promql: str, at: int) -> Answer:
        return self.query_range(promql, at, at, 1)

    def query_range(self, promql: str, since: int, until: int, step: int) -> Answer:
        self.asked.append((promql, since, until))
        if self.failing and self.failing in promql:
            raise Unavailable("Prometheus: timeout")
        times = range(since, until + 1, step)
        cart = {"service": "cart"}
        empty = tuple(Sample(cart, at, float("nan")) for at in times)
        pay = {"service": "pay"}
        return Answer((*empty, *(Sample(pay, at, self.value(at)) for at in times)), self.warnings)

    @staticmethod
    def value(at: int) -> float:
        return float(at // 1000 % 1000)


def make(metrics: FakePrometheus | None = None, **parts) -> CollectHandler:
    return CollectHandler(
        series=parts.get("series", MemorySeriesStore()),
        incidents=parts.get("incidents", MemoryIncidents()),
        actions=MemoryActionLog(),
        training=parts.get("training", MemoryTrainingQueue()),
        publisher=parts.get("publisher", MemoryPublisher(partition_count=3)),
        clock=ManualClock(NOW),
        names=SeriesMap(),
        domain="default",
        config=parts.get("config", CollectConfig()),
        metrics=metrics,
        logs=parts.get("logs"),
        published=parts.get("published", MemoryPublished()),
        windows=parts.get("windows", ()),
        calls=parts.get("calls", MemoryCallSightings()),
        log=parts.get("log", lambda _: None),
    )


def tick(now: int = NOW) -> Event:
    return Event("tick-1", "ping", TICK, now, b"")


def woken(publisher: MemoryPublisher) -> list[WorkDue]:
    messages = [m for topic in ("metrics", "control") for m in publisher.topics[topic]]
    return [WorkDue.model_validate_json(m.event.data) for m in messages]


def test_services_that_tell_nothing_more_are_looked_at_when_their_time_has_come() -> None:
    windows = MemoryOpenWindows()
    windows.note(["cart"], NOW + 1)
    handler = make(windows=[MemoryOpenWindows(), windows])
    assert handler(tick())["wake_ups"] == 0
    assert handler(tick(NOW + MINUTE))["wake_ups"] == 1
    (message,) = handler.publisher.topics["metrics"]
    assert (message.event.subject, message.partition) == ("windows", 0)
    assert woken(handler.publisher) == [WorkDue(stage="detect", now=NOW + MINUTE)]


def test_nobody_is_woken_when_nothing_is_due() -> None:
    handler = make()
    assert handler(tick())["wake_ups"] == 0
    assert woken(handler.publisher) == []


def test_an_output_left_behind_wakes_detect_through_every_partition() -> None:
    series = MemorySeriesStore()
    series.commit([Write(3, "k", b"", b"x" * 64, outputs=(("k:1", b"{}"),))], NOW - 60_000)
    handler = make(series=series)
    handler(tick())
    messages = handler.publisher.topics["metrics"]
    assert [m.partition for m in messages] == [0, 1, 2]
    assert {w.stage for w in woken(handler.publisher)} == {"detect"}


def test_a_request_for_a_model_wakes_train_once_it_is_due_and_not_while_it_is_worked_on() -> None:
    training = MemoryTrainingQueue()
    head = SeriesHead(metric="m")
    wish = TrainingRequested(
        series="a" * 32, head=head, detector="auto", reason="age", requested_at=NOW
    )
    training.add(wish, NOW + 60_000)
    handler = make(training=training)
    handler(tick())
    assert woken(handler.publisher) == []
    handler(tick(NOW + 60_000))
    assert woken(handler.publisher) == [WorkDue(stage="train", now=NOW + 60_000)]
    handler.publisher.take("control")
    training.claim(NOW + 60_000, 90_000, 1)
    handler(tick(NOW + 120_000))
    assert woken(handler.publisher) == []


def test_five_queries_become_samples_of_their_series() -> None:
    handler = make(FakePrometheus())
    assert handler(tick())["samples"] == 2 * len(STARTER_QUERIES)
    facts = [Samples.model_validate_json(m.event.data) for m in handler.publisher.topics["metrics"]]
    metrics = {head.metric for fact in facts for head in fact.series}
    assert metrics == {query.metric for query in STARTER_QUERIES}
    assert all(m.event.time == NOW for m in handler.publisher.topics["metrics"])


def test_a_query_that_fails_does_not_keep_the_others_from_being_published() -> None:
    handler = make(FakePrometheus(failing="memory"))
    with pytest.raises(Unavailable, match="container_memory_working_set_bytes: Prometheus"):
        handler(tick())
    assert handler.publisher.topics["metrics"]


def test_a_repeated_tick_publishes_nothing_again_or_the_same_ids_where_nobody_remembers() -> None:
    handler = make(FakePrometheus())
    handler(tick())
    first = {m.event.id for m in handler.publisher.take("metrics")}
    handler(tick())
    assert handler.publisher.take("metrics") == []
    handler.published = MemoryPublished()
    handler(tick())
    assert {m.event.id for m in handler.publisher.take("metrics")} == first


def test_only_ticks_are_taken() -> None:
    with pytest.raises(Rejected, match="type: collect takes no"):
        make()(Event("1", "s", Samples.type, NOW, b"{}"))


class Sluggish(FakePrometheus):
    """Takes four seconds for each answer."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 0.0

    def query(self, promql: str, at: int) -> Answer:
        self.seconds += 4.0
        return super().query(promql, at)


def test_a_slow_prometheus_does_not_hold_a_tick_beyond_its_deadline() -> None:
    slow = Sluggish()
    handler = make(slow, config=CollectConfig(concurrency=1))
    handler.timer = lambda: slow.seconds
    with pytest.raises(Unavailable, match="no time left"):
        handler(tick())
    assert slow.seconds + handler.config.timeout <= 20.0
    assert handler.publisher.topics["metrics"]


@pytest.mark.parametrize(
    "content", [{}, {"data": []}, {"data": {"resultType": "vector", "result": [{}]}}]
)
def test_an_answer_of_another_shape_is_no_bug_of_ours(
    monkeypatch: pytest.MonkeyPatch, content: dict[str, object]
) -> None:
    prometheus = Prometheus("http://127.0.0.1:1", 1.0)
    body = json.dumps({"status": "success"} | content).encode()
    monkeypatch.setattr(prometheus, "_send", lambda *_: (200, body))
    with pytest.raises(Unavailable, match="Prometheus: "):
        prometheus.query("up", NOW)
