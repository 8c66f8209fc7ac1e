"""Requests for models: kept, leased, served once in effect, and told of."""

from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from flask.testing import FlaskClient

from aiops.adapters.memory_broker import MemoryPublisher
from aiops.adapters.memory_history import MemoryHistory
from aiops.adapters.memory_models import MemoryModels
from aiops.adapters.memory_series import MemorySeriesStore
from aiops.adapters.memory_training import MemoryTrainingQueue
from aiops.adapters.prometheus import MOST_POINTS, Answer, Sample
from aiops.clock import ManualClock
from aiops.errors import Rejected, Unavailable
from aiops.events import (
    AnomaliesDetected,
    ModelFitted,
    Samples,
    SeriesHead,
    TrainingRequested,
    WorkDue,
)
from aiops.history import History
from aiops.ports import Event
from aiops.queries import Query
from aiops.series import SeriesMap
from functions.train.backfill import Backfill
from functions.train.config import TrainConfig
from functions.train.finding import Finding
from functions.train.fit import DAY_MS
from functions.train.handler import TrainHandler
from functions.train.procedure import Outcome
from functions.train.workshop import Done

NOW = 1_767_225_600_000
NAMES = SeriesMap()
HEAD = SeriesHead(metric="m", labels={"service": "cart"})
SERIES = NAMES.read(HEAD)
MODEL = Outcome("active", "prophet", "it fits", NOW + DAY_MS, {"winkler": 1.0}, b"packed")


@dataclass
class FakeFitter:
    """Ends every fit as it is told to, and does something meanwhile where it is told to."""

    outcome: Outcome = MODEL
    meanwhile: object = None
    tasks: list = field(default_factory=list)
    limits: list = field(default_factory=list)

    def fit(self, task, limits, beat):
        self.tasks.append(task)
        self.limits.append(limits)
        beat("fitting")
        if self.meanwhile:
            self.meanwhile()
        return Done(self.outcome, 1.5, 200 << 20)


@dataclass
class FakePrometheus:
    """Has a point a minute of every series, and answers one query in pieces."""

    asked: list = field(default_factory=list)
    away: bool = False

    def query_range(self, promql, since, until, step):
        if self.away:
            raise Unavailable("Prometheus: timeout")
        self.asked.append((promql, since, until))
        assert (until - since) // step < MOST_POINTS
        times = range(since, until + 1, step)
        return Answer(
            tuple(
                Sample({"service": service}, at, float(at % 7))
                for service in ("cart", "pay")
                for at in times
            )
        )


class Broken(MemoryPublisher):
    def publish(self, messages):
        raise Unavailable("Kafka: away")


def made(fitter=None, **parts):
    series = MemorySeriesStore()
    lines = []
    clock = parts.get("clock", ManualClock(NOW))
    metrics = parts.get("metrics")
    handler = TrainHandler(
        history=MemoryHistory(series),
        models=parts.get("models", MemoryModels()),
        queue=parts.get("queue", MemoryTrainingQueue()),
        publisher=parts.get("publisher", MemoryPublisher()),
        clock=clock,
        names=NAMES,
        config=parts.get("config", TrainConfig()),
        fitter=fitter or FakeFitter(),
        domain="default",
        backfill=Backfill(metrics, parts.get("queries", ()), NAMES, 60_000) if metrics else None,
        log=lines.append,
        timer=parts.get("timer", lambda: 0.0),
    )
    return handler, lines


def request(at=NOW, **changes):
    values = {
        "series": SERIES.key,
        "head": HEAD,
        "detector": "prophet",
        "reason": "history",
        "requested_at": at,
    }
    return TrainingRequested(**values | changes)


def event(fact, at=NOW):
    return Event("1", "/t", fact.type, at, fact.model_dump_json().encode())


TICK = event(WorkDue(stage="train", now=NOW))


def told(handler, topic="control"):
    return [m.event for m in handler.publisher.topics[topic]]


def test_a_request_becomes_a_model_an_event_a_status_and_a_line_in_the_log():
    handler, lines = made()
    assert handler(event(request())) == {"active": 1}
    (fact,) = told(handler)
    fitted = ModelFitted.model_validate_json(fact.data)
    assert fitted == ModelFitted(series=SERIES.key, made_at=NOW, until=NOW + DAY_MS)
    assert handler.models.fetch([(SERIES.shard, SERIES.key, NOW)]) == [b"packed"]
    status = handler.models.status(SERIES.key)
    assert (status.state, status.detector, status.shard) == ("active", "prophet", SERIES.shard)
    assert status.labels == {"service": "cart"}
    (line,) = lines
    assert line["outcome"] == "active"
    assert (line["seconds"], line["peak_mib"]) == (1.5, 200)
    assert handler.queue.due(NOW + DAY_MS) == 0


@pytest.mark.parametrize("state", ["refused", "failed"])
def test_what_ends_without_a_model_is_noted_and_nobody_is_told_of_a_model(state):
    outcome = Outcome(state, "prophet", "because", NOW + DAY_MS, {"winkler": 2.0})
    handler, _ = made(FakeFitter(outcome))
    assert handler(event(request())) == {state: 1}
    assert told(handler) == []
    status = handler.models.status(SERIES.key)
    assert (status.state, status.reason) == (state, "because")


def test_the_same_request_delivered_again_is_not_served_again():
    handler, _ = made()
    handler(event(request()))
    assert handler(event(request())) == {"already_served": 1}
    assert len(handler.fitter.tasks) == 1
    handler.clock.ms += 1
    assert handler(event(request(NOW + 1))) == {"active": 1}


def test_what_a_fit_repeats_has_the_same_ids():
    one, _ = made()
    two, _ = made()
    one(event(request()))
    two(event(request(reason="age")))
    assert told(one)[0].id == told(two)[0].id


def test_the_clock_serves_what_was_left_and_only_its_own_stage():
    queue = MemoryTrainingQueue()
    queue.add(request(), NOW)
    queue.add(request(series="b" * 32), NOW + 1)
    handler, _ = made(queue=queue)
    assert handler(TICK) == {"active": 1}
    with pytest.raises(Rejected, match="no work of 'act'"):
        handler(event(WorkDue(stage="act", now=NOW)))
    with pytest.raises(Rejected, match="train takes no"):
        handler(Event("1", "/t", Samples.type, NOW, b"{}"))
    with pytest.raises(Rejected, match="series"):
        handler(Event("1", "/t", TrainingRequested.type, NOW, b"{}"))


def test_no_fit_is_begun_when_there_is_no_time_left_for_it():
    passed = []
    queue = MemoryTrainingQueue()
    for place in range(5):
        queue.add(request(series=f"{place:032x}"), NOW)
    fitter = FakeFitter(meanwhile=lambda: passed.append(31.0))
    handler, _ = made(fitter, queue=queue, timer=lambda: sum(passed))
    assert handler(TICK) == {"active": 2}
    assert queue.due(NOW) == 3


def test_while_one_fits_the_others_take_requests_in():
    handler, _ = made()
    counts = []
    other = request(series="b" * 32)
    handler.fitter.meanwhile = lambda: counts.append(handler(event(other))) if not counts else None
    assert handler(event(request())) == {"active": 2}
    assert counts == [{"busy": 1}]


def test_a_request_from_a_clock_that_is_ahead_is_served_at_once_and_only_once():
    handler, _ = made()
    ahead = event(request(NOW + 60_000))
    assert handler(ahead) == {"active": 1}
    assert handler(ahead) == {"already_served": 1}


def test_two_instances_never_fit_the_same():
    queue, models = MemoryTrainingQueue(), MemoryModels()
    two, _ = made(queue=queue, models=models)
    one, _ = made(FakeFitter(meanwhile=lambda: two(TICK)), queue=queue, models=models)
    assert one(event(request())) == {"active": 1}
    assert two.fitter.tasks == []


def test_a_request_whose_worker_was_cut_off_is_served_after_the_lease():
    queue = MemoryTrainingQueue()
    clock = ManualClock(NOW)
    first, _ = made(queue=queue, clock=clock)

    def cut_off():
        raise KeyboardInterrupt

    first.fitter.meanwhile = cut_off
    with pytest.raises(KeyboardInterrupt):
        first(event(request()))
    second, _ = made(queue=queue, clock=clock)
    assert second(TICK) == {}
    clock.ms += int(second.config.lease_seconds * 1000)
    assert second(TICK) == {"active": 1}


def test_a_request_that_takes_train_along_each_time_has_failed_for_a_day():
    queue = MemoryTrainingQueue()
    clock = ManualClock(NOW)
    handler, lines = made(queue=queue, clock=clock)
    queue.add(request(), NOW)
    for _ in range(3):
        queue.claim(clock.ms, 1_000, 1)
        clock.ms += 1_000
    assert handler(TICK) == {"failed": 1}
    assert handler.fitter.tasks == []
    assert "begun 3 times and never ended" in handler.models.status(SERIES.key).reason
    assert lines[-1]["outcome"] == "failed"
    clock.ms += 60_000
    assert handler(event(request(clock.ms))) == {"failed_lately": 1}
    assert handler(event(request(clock.ms + 1, reason="wish"))) == {"active": 1}


def test_a_failure_is_over_after_a_day():
    clock = ManualClock(NOW)
    handler, _ = made(FakeFitter(Outcome("failed", "prophet", "hung", NOW + DAY_MS)), clock=clock)
    handler(event(request()))
    clock.ms += DAY_MS
    handler.fitter.outcome = replace(MODEL, until=NOW + 2 * DAY_MS)
    assert handler(event(request(clock.ms))) == {"active": 1}


def test_a_broker_that_is_away_leaves_the_request_due_and_the_attempt_uncounted():
    queue = MemoryTrainingQueue()
    handler, _ = made(publisher=Broken(), queue=queue)
    with pytest.raises(Unavailable):
        handler(event(request()))
    assert handler.models.status(SERIES.key) is None
    assert queue.due(NOW) == 0
    (claim,) = queue.claim(NOW + 60_000, 1_000, 1)
    assert claim.attempts == 0


def test_a_fit_is_given_history_params_and_limits_as_configured():
    config = TrainConfig(
        country="DE", params={"prophet": {"horizon_hours": 24}}, luminaire_seconds=90
    )
    handler, _ = made(config=config)
    points = History(np.array([NOW - 9 * DAY_MS, NOW - DAY_MS, NOW]), np.arange(3.0))
    handler.history.backfill(SERIES.shard, SERIES.key, points)
    handler(event(request(params={"changepoint_prior_scale": 0.1}, since=NOW - 2 * DAY_MS)))
    handler.clock.ms += 5
    handler(event(request(NOW + 5, detector="auto")))
    first, second = handler.fitter.tasks
    assert first.history.value.tolist() == [1.0, 2.0]
    assert second.history.value.tolist() == [0.0, 1.0, 2.0]
    assert first.params["prophet"] == {
        "country": "DE",
        "time_zone": "UTC",
        "horizon_hours": 24,
        "changepoint_prior_scale": 0.1,
    }
    assert [one.seconds for one in handler.fitter.limits] == [60, 90]


def test_a_fit_that_goes_on_is_told_of_now_and_then():
    seconds = iter([0.0, 0.0, 0.0, 11.0, 11.0, 70.0, 70.0])
    handler, lines = made(timer=lambda: next(seconds))
    handler(event(request()))
    assert lines[0] == {"series": SERIES.key, "doing": "fitting"}


def test_a_day_unlike_others_becomes_one_anomaly_however_often_it_is_found():
    finding = Finding(NOW, 5.0, 3.0, 2.0, 4.0, 6.0, "spread otherwise")
    handler, _ = made(FakeFitter(replace(MODEL, finding=finding)))
    handler(event(request()))
    handler.clock.ms += 1
    handler(event(request(NOW + 1)))
    first, second = told(handler, "anomalies")
    assert first.id == second.id
    (anomaly,) = AnomaliesDetected.model_validate_json(first.data).anomalies
    assert (anomaly.service, anomaly.detector, anomaly.score) == ("cart", "luminaire", 0.5)
    assert (anomaly.lower, anomaly.expected, anomaly.upper) == (2.0, 3.0, 4.0)


# backfill


def test_history_that_is_too_short_is_filled_from_prometheus_once():
    metrics = FakePrometheus()
    handler, lines = made(metrics=metrics)
    recent = History(np.array([NOW - 60_000]), np.array([50.0]))
    handler.history.backfill(SERIES.shard, SERIES.key, recent)
    handler(event(request()))
    (task,) = handler.fitter.tasks
    minutes = int(14.5 * 24 * 60)
    assert len(task.history.time) == minutes
    assert task.history.value[-1] == 50.0
    assert np.all(np.diff(task.history.time) == 60_000)
    assert [promql for promql, _, _ in metrics.asked] == ['{__name__="m",service="cart"}'] * 2
    assert lines[0] == {"series": SERIES.key, "backfilled": minutes - 1}
    handler.clock.ms += 1
    handler(event(request(NOW + 1)))
    assert len(metrics.asked) == 2


def test_a_prometheus_that_is_away_does_not_keep_a_fit_from_what_there_is():
    handler, lines = made(metrics=FakePrometheus(away=True))
    assert handler(event(request())) == {"active": 1}
    assert lines[0]["backfill"] == "Prometheus: timeout"


def test_the_past_is_asked_for_as_the_present_is_and_for_one_series_alone():
    queries = (Query(metric="m", promql="sum by (service) (x)"),)
    backfill = Backfill(FakePrometheus(), queries, NAMES, 60_000)
    assert backfill.promql(HEAD) == (
        "(sum by (service) (x)) and on (service)"
        ' label_replace(vector(1), "service", "cart", "", "")'
    )
    assert backfill.promql(SeriesHead(metric="m")) == "(sum by (service) (x)) and on () vector(1)"
    quoted = SeriesHead(metric="n", labels={"a": 'x"\\$1', "b": "y"}, kind="counter")
    assert backfill.promql(quoted) == 'rate({__name__="n",a="x\\"\\\\$1",b="y"}[5m])'
    asked = SeriesHead(metric="m", labels={"a": "$1"})
    assert 'label_replace(vector(1), "a", "$$1", "", "")' in backfill.promql(asked)


def test_a_long_history_is_asked_for_in_few_queries_of_coarser_steps():
    metrics = FakePrometheus()
    found = Backfill(metrics, (), NAMES, 60_000).read(HEAD, NOW - 100 * DAY_MS, NOW)
    assert len(metrics.asked) <= 3
    assert set(np.diff(found.time)) == {300_000}
    assert found.time[0] <= NOW - 100 * DAY_MS + 300_000
    assert NOW - 300_000 <= found.time[-1] < NOW
    assert len(Backfill(metrics, (), NAMES, 60_000).read(HEAD, NOW, NOW).time) == 0


# the edge


def test_train_serves_probes_and_answers_503_while_redis_is_away(serve) -> None:
    client: FlaskClient = serve("train")
    assert client.get("/health/readiness").status_code == 200
    headers = {
        "ce-specversion": "1.0",
        "ce-id": "1",
        "ce-source": "/t",
        "ce-type": TrainingRequested.type,
        "content-type": "application/json",
    }
    body = request().model_dump_json()
    assert client.post("/", data=body, headers=headers).status_code == 503
    assert client.post("/", data="{}", headers=headers).status_code == 400
