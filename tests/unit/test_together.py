"""Several metrics of a service as one: what is unusual only as a combination."""

import numpy as np
import pytest
from pydantic import ValidationError

from aiops.artefact import Artefact
from aiops.combination import apart, interleaved, looked_at, rows
from aiops.errors import Rejected
from aiops.events import Samples, SeriesHead
from aiops.history import POINT, History
from functions.detect.config import DetectConfig, Rule
from functions.detect.models import together as models_together
from functions.detect.record import TRACK
from functions.train import acceptance, together
from functions.train.baseline import baseline
from functions.train.fit import Span, Unfit
from functions.train.fits.isolation_forest import Fit
from functions.train.procedure import Task, serve
from tests.detecting import DAY, HOUR, MINUTE, NAMES, START, Detecting

METRICS = ("cpu", "traffic", "latency")
HEADS = tuple(SeriesHead(metric=name, labels={"service": "shop"}) for name in METRICS)
JOINT = SeriesHead(metric="cpu+traffic+latency", labels={"service": "shop"})
STEP = 5 * MINUTE


def config(**changes):
    rule = {"detector": "isolation_forest", "together": METRICS} | changes
    return DetectConfig(rules=(Rule(**rule),))


def course(time, seed=1):
    """Return rows of a service whose load has a daily course, and everything goes with it."""
    random = np.random.default_rng(seed)
    load = 100 + 60 * np.sin(2 * np.pi * (time % DAY) / DAY) + random.normal(0, 6, len(time))
    cpu = load / 200 + random.normal(0, 0.02, len(time))
    latency = 20 + load / 10 + random.normal(0, 0.6, len(time))
    return np.stack([cpu, load, latency], axis=1)


def past(days=7.0, seed=1):
    time = np.arange(START - int(days * DAY), START, STEP)
    points = np.concatenate([
        interleaved(int(at), STEP, row)
        for at, row in zip(time, course(time, seed), strict=True)
    ])  # fmt: skip
    return History(points["time"], points["value"])


def fitted(history=None, until=START + 36 * HOUR):
    key = NAMES.read(JOINT).key
    model = Fit(together=METRICS).fit(history or past(), Span(START, until, 7.0), lambda _: None)
    return Artefact(
        key, model.kind, "isolation_forest", START, until, {}, "", model.params, model.arrays
    )


def event(time, values, heads=HEADS):
    values = np.atleast_2d(values)
    samples = tuple(
        (place, int(at), float(value))
        for at, row in zip(np.atleast_1d(time), values, strict=True)
        for place, value in enumerate(row)
    )
    return Samples(series=heads, samples=samples)


def feed(detecting, time, values, size=1, heads=HEADS):
    for at in range(0, len(time), size):
        part = slice(at, at + size)
        detecting.tell(event(time[part], values[part], heads), int(time[part][-1]))
    return detecting.found()


def day():
    time = np.arange(START + MINUTE, START + DAY, STEP)
    return time, course(time, seed=2)


@pytest.fixture(scope="module")
def model():
    return fitted()


@pytest.fixture
def detecting(model):
    made = Detecting(config())
    made.fit(model, JOINT)
    return made


# what is found


def test_busy_processors_without_traffic_are_found_together_and_by_no_metric_alone(detecting):
    time, row = day()
    quiet = int(np.argmin(row[:, 1]))
    row[quiet, 0] = np.sort(row[:, 0])[-5]
    found = feed(detecting, time, row)
    (one,) = [anomaly for anomaly in found if anomaly.time == time[quiet]]
    assert (one.metric, one.detector, one.service) == (JOINT.metric, "isolation_forest", "shop")
    assert one.reason.startswith(f"cpu is {row[quiet, 0]:.6g} where what goes with the others is")
    assert one.reason.endswith("a combination this service hardly shows")
    assert one.value == pytest.approx(row[quiet, 0])
    assert one.lower < one.expected < one.upper < one.value
    assert one.expected == pytest.approx(row[quiet, 1] / 200, abs=0.08)


def test_a_day_like_the_others_hardly_alarms_together(detecting):
    time, row = day()
    found = [one for one in feed(detecting, time, row) if one.metric == JOINT.metric]
    assert len(found) <= 1


def test_a_value_far_from_all_it_ever_was_is_told_as_such(detecting):
    time, row = day()
    row[50] = (row[50, 0], row[50, 1], 900.0)
    found = [one for one in feed(detecting, time, row) if one.time == time[50]]
    (one,) = [one for one in found if one.metric == JOINT.metric]
    assert "latency is 900 where" in one.reason


def test_what_was_found_before_a_moment_does_not_depend_on_what_comes_after(model):
    time, row = day()
    row[40, 0], row[90, 2], row[200, 1] = 1.0, 60.0, 400.0
    told = []
    for upto in (len(time), 120, 91):
        made = Detecting(config())
        made.fit(model, JOINT)
        found = feed(made, time[:upto], row[:upto])
        told.append([one.model_dump() for one in found if one.time <= time[90]])
    assert told[0] == told[1] == told[2]
    assert any(one["metric"] == JOINT.metric for one in told[0])


@pytest.mark.parametrize("kind", ["gauge", "counter"])
def test_rows_are_scored_the_same_in_any_batches_that_keep_them_whole(model, kind):
    time, row = day()
    row[40, 0], row[90, 2], row[200, 1] = 1.0, 60.0, 400.0
    heads = HEADS
    if kind == "counter":
        row[:, 1] = np.cumsum(row[:, 1] * STEP / 1000.0)
        row[150:, 1] -= row[150, 1]
        heads = (HEADS[0], HEADS[1].model_copy(update={"kind": "counter"}), HEADS[2])
    outcomes = []
    for size in (1, 7, 97):
        made = Detecting(config())
        made.fit(model, JOINT)
        found = feed(made, time, row, size, heads)
        feed(made, time[:30], row[:30], 5, heads)
        outcomes.append((sorted(one.model_dump_json() for one in found), made.store.records))
    assert outcomes[0] == outcomes[1] == outcomes[2]
    assert sum(JOINT.metric in one for one in outcomes[0][0]) >= 2


def test_a_repeated_event_says_nothing_new(detecting):
    time, row = day()
    row[40, 0] = 1.0
    first = feed(detecting, time[:60], row[:60])
    assert any(one.metric == JOINT.metric for one in first)
    before = dict(detecting.store.records)
    assert feed(detecting, time[:60], row[:60]) == []
    assert detecting.store.records == before


# which metrics are put together


def header(detecting, head=JOINT):
    return detecting.header(head)


def joint_places(detecting):
    series = NAMES.read(JOINT)
    return (series.shard, series.key) in detecting.store.records


def test_a_row_takes_all_metrics_in_one_event_at_one_time():
    detecting = Detecting(config())
    at = START + MINUTE
    detecting.tell(event(at, [[0.4, 80.0]], HEADS[:2]), at)
    detecting.tell(event(at, [[25.0]], HEADS[2:]), at)
    assert not joint_places(detecting)
    torn = Samples(series=HEADS, samples=((0, at + 1, 0.4), (1, at + 2, 80.0), (2, at + 1, 25.0)))
    detecting.tell(torn, at + 2)
    assert not joint_places(detecting)
    detecting.tell(event(at + 3, [[0.4, 80.0, 25.0]]), at + 3)
    assert header(detecting)["count"] == 1
    assert detecting.header(HEADS[0])["count"] == 3


def test_services_are_not_mixed_up_and_a_metric_there_twice_goes_with_nobody():
    def heads(service, **labels):
        return tuple(
            SeriesHead(metric=name, labels={"service": service, **labels}) for name in METRICS
        )

    detecting = Detecting(config())
    at = START + MINUTE
    both = heads("shop") + heads("cart")
    detecting.tell(event(at, [[0.4, 80.0, 25.0, 0.1, 20.0, 5.0]], both), at)
    other = SeriesHead(metric=JOINT.metric, labels={"service": "cart"})
    assert header(detecting)["count"] == header(detecting, other)["count"] == 1
    detecting = Detecting(config())
    pods = heads("shop", pod="a") + heads("shop", pod="b")
    detecting.tell(event(at, [[0.4, 80.0, 25.0, 0.1, 20.0, 5.0]], pods), at)
    assert not joint_places(detecting)
    detecting = Detecting(config(by=("pod",)))
    detecting.tell(event(at, [[0.4, 80.0, 25.0, 0.1, 20.0, 5.0]], pods), at)
    mine = SeriesHead(metric=JOINT.metric, labels={"service": "shop", "pod": "b"})
    assert header(detecting, mine)["count"] == 1


def test_only_services_that_match_are_looked_at():
    detecting = Detecting(config(match={"labels": {"service": "cart"}}))
    detecting.tell(event(START + MINUTE, [[0.4, 80.0, 25.0]]), START + MINUTE)
    assert not joint_places(detecting)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"detector": "prophet"}, "isolation_forest"),
        ({"together": ["cpu"]}, "two metrics"),
        ({"together": ["cpu", "cpu"]}, "two metrics"),
        ({"together": list("abcdefghi")}, "at most 8"),
    ],
)
def test_what_cannot_be_looked_at_together_is_said(changes, words):
    with pytest.raises(ValidationError, match=words):
        config(**changes)


def test_without_a_model_rows_say_nothing_and_history_is_kept_and_a_model_asked_for():
    detecting = Detecting(config())
    time = np.arange(START + MINUTE, START + 3 * DAY, STEP)
    row = course(time)
    row[600, 1] = 1e6
    found = feed(detecting, time, row, size=20)
    assert JOINT.metric not in {one.metric for one in found}
    asked = detecting.asked()
    assert {one.head.metric for one in asked} == {JOINT.metric}
    assert asked[0].params == {"together": list(METRICS)}
    assert [one.reason for one in asked][:2] == ["history", "history"]
    series = NAMES.read(JOINT)
    kept = b"".join(
        bytes(detecting.store.history[key])
        for key in sorted(detecting.store.history)
        if key[:2] == (series.shard, series.key)
    )
    points = np.frombuffer(kept, POINT)
    at, whole = rows(points["time"], points["value"], len(METRICS))
    assert at.tolist() == (time // STEP * STEP).tolist()
    assert np.array_equal(whole, row)
    assert {key[1] for key in detecting.store.history} == {series.key}


def test_after_a_restarted_counter_there_is_no_row_until_the_next():
    detecting = Detecting(config())
    heads = (HEADS[0], HEADS[1].model_copy(update={"kind": "counter"}), HEADS[2])
    time = START + MINUTE * np.arange(1, 6)
    row = np.array([[0.4, n, 25.0] for n in (100.0, 160.0, 220.0, 3.0, 63.0)])
    feed(detecting, time, row, heads=heads)
    assert header(detecting)["count"] == 3


# the fit


def test_the_fit_is_used_where_it_finds_what_the_baselines_of_its_metrics_do_not():
    task = Task("a" * 32, "isolation_forest", {"isolation_forest": {"together": METRICS}}, START,
                past(days=6.0))  # fmt: skip
    outcome = serve(task, baseline, lambda _: None)
    assert outcome.state == "active", outcome.reason
    assert outcome.quality["found"] > outcome.quality["found_baseline"]
    made = Artefact.unpack(outcome.artefact)
    assert (made.kind, made.params["metrics"]) == ("together", ",".join(METRICS))
    assert models_together.Models().add(made) == 0


def test_metrics_that_have_nothing_to_do_with_each_other_are_better_judged_alone():
    time = np.arange(START - 6 * DAY, START, STEP)
    random = np.random.default_rng(3)
    points = np.concatenate([interleaved(int(at), STEP, random.normal(100, 5, 3)) for at in time])
    history = History(points["time"], points["value"])
    head, tail = acceptance.split(history)
    model = Fit(together=METRICS).fit(head, Span(START, START + HOUR, 6.0), lambda _: None)
    verdict = together.compare(model, baseline(), head, tail)
    assert verdict.quality["found"] < 0.3


def test_a_metric_that_never_moves_is_named():
    time = np.arange(START - DAY, START, STEP)
    row = course(time)
    row[:, 2] = 7.0
    points = np.concatenate(
        [interleaved(int(at), STEP, one) for at, one in zip(time, row, strict=True)]
    )
    with pytest.raises(Unfit, match="latency does not move"):
        Fit(together=METRICS).fit(
            History(points["time"], points["value"]), Span(START, START + 1, 1.0), lambda _: None
        )


def test_detect_and_train_score_a_row_alike(model):
    time, row = day()
    models = models_together.Models()
    models.add(model)
    wide = np.zeros((len(row), 8))
    wide[:, :3] = row
    said = models.score(
        np.zeros(len(row), np.int64), time, wide, np.zeros(len(row), TRACK), np.ones(len(row), bool)
    )
    kept = together.Model("together", "", model.params, model.arrays)
    assert said.evidence == pytest.approx(together.evidence(kept, row), rel=1e-12)


def test_the_distance_from_what_the_others_let_expect_is_that_of_a_regression():
    random = np.random.default_rng(1)
    row = random.multivariate_normal([1, 2, 3], [[4, 3, 1], [3, 9, 2], [1, 2, 5]], 4_000)
    inverse = np.linalg.inv(np.cov(row, rowvar=False))
    distance, deviations = apart(row, row.mean(axis=0), inverse)
    others = np.column_stack([np.ones(len(row)), row[:, 1:]])
    residual = row[:, 0] - others @ np.linalg.lstsq(others, row[:, 0], rcond=None)[0]
    assert distance[:, 0] == pytest.approx(residual, abs=1e-9)
    assert deviations.std(axis=0) == pytest.approx(np.ones(3), rel=0.01)


def test_a_row_is_looked_at_the_same_alone_and_among_others():
    random = np.random.default_rng(2)
    row = random.normal(0, 1, (50, 4))
    inverse = np.linalg.inv(np.cov(row, rowvar=False))
    middle = np.zeros(4)
    among = looked_at(row, middle, inverse)
    alone = [looked_at(row[[n]], middle, inverse)[0] for n in range(50)]
    assert np.array_equal(among, np.array(alone))


def test_rows_that_lack_a_value_are_left_out():
    whole = [interleaved(START + n * STEP, STEP, np.arange(3.0) + n) for n in range(4)]
    points = np.concatenate([whole[0][1:], whole[1], whole[2][:2], whole[3]])
    time, row = rows(points["time"], points["value"], 3)
    assert time.tolist() == [START + STEP, START + 3 * STEP]
    assert row.tolist() == [[1, 2, 3], [3, 4, 5]]


@pytest.mark.parametrize(
    "wrong",
    [
        {"params": {"metrics": "cpu"}},
        {"params": {"metrics": "cpu,traffic"}},
        {"params": {"offset": 0.0}},
        {"arrays": {"usual": np.zeros(3)}},
        {"arrays": {"middle": np.full(3, np.nan)}},
        {"arrays": {"inverse": np.zeros((3, 3))}},
    ],
)
def test_what_is_no_model_of_rows_is_refused(model, wrong):
    params = {**model.params, **wrong.get("params", {})}
    arrays = {**model.arrays, **wrong.get("arrays", {})}
    broken = Artefact(
        model.series, model.kind, model.detector, START, model.until, {}, "", params, arrays
    )
    with pytest.raises(Rejected, match="artefact"):
        models_together.Models().add(broken)
