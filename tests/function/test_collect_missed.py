"""What ticks missed is asked for later, and becomes what they would have made of it."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiops.adapters.memory_broker import MemoryPublisher
from aiops.adapters.memory_published import MemoryPublished
from aiops.adapters.prometheus import Answer, Sample
from aiops.errors import Unavailable
from aiops.events import Samples
from aiops.ports import Message
from aiops.queries import Query
from functions.collect.asking import STEPS
from functions.collect.config import CollectConfig
from functions.collect.handler import CollectHandler
from local.in_process import InProcess
from tests.function.test_collect import NOW, FakePrometheus, make, tick

MINUTE = 60_000
QUERIES = (Query(metric="a", promql="a"), Query(metric="b", promql="b"))


def config(**fields) -> CollectConfig:
    return CollectConfig(queries=QUERIES, service_graphs=(), **fields)


def rig(metrics: FakePrometheus | None = None, **fields) -> CollectHandler:
    return make(metrics or FakePrometheus(), config=config(**fields))


def told(messages: Sequence[Message]) -> set[tuple[str, int, bytes, str]]:
    return {(m.event.id, m.event.time, m.event.data, m.key) for m in messages}


def ticked(handler: CollectHandler, minutes: Sequence[int]) -> set[tuple[str, int, bytes, str]]:
    """Let ticks come, and return all that was published."""
    for minute in minutes:
        try:
            handler(tick(NOW + minute * MINUTE))
        except Unavailable:
            continue
    return told(handler.publisher.take("metrics"))


@given(st.sets(st.integers(1, 40)))
def test_whichever_ticks_are_missed_the_same_events_are_published_by_the_next(
    missed: set[int],
) -> None:
    every = ticked(rig(), range(42))
    assert len({time for _, time, _, _ in every}) == 42
    assert ticked(rig(), [m for m in range(42) if m not in missed]) == every


def test_a_tick_that_comes_late_or_early_asks_for_whole_minutes() -> None:
    handler, on_time = rig(), ticked(rig(), range(4))
    for at in (NOW + 40, NOW + MINUTE + 31_000, NOW + 2 * MINUTE - 10, NOW + 3 * MINUTE + 1):
        handler(tick(at))
    assert told(handler.publisher.take("metrics")) == on_time


def test_a_time_is_asked_for_when_it_is_as_long_past_as_samples_may_come_late() -> None:
    metrics = FakePrometheus()
    handler = rig(metrics, delay=90)
    handler(tick(NOW))
    assert {asked[1:] for asked in metrics.asked} == {(NOW - 2 * MINUTE, NOW - 2 * MINUTE)}


def test_steps_between_ticks_are_all_asked_for() -> None:
    handler = rig(every=15)
    handler(tick(NOW))
    handler.publisher.take("metrics")
    handler(tick(NOW + MINUTE))
    times = {m.event.time for m in handler.publisher.take("metrics")}
    assert times == {NOW + step * 15_000 for step in range(1, 5)}


@pytest.mark.parametrize("failing", ["a", "b"])
def test_a_query_that_fails_is_caught_up_once_it_answers_and_the_other_goes_on(
    failing: str,
) -> None:
    handler = rig(FakePrometheus(failing))
    for minute in range(3):
        with pytest.raises(Unavailable, match=f"{failing}: Prometheus: timeout"):
            handler(tick(NOW + minute * MINUTE))
    handler.publisher.take("metrics")
    handler.metrics.failing = ""
    counts = handler(tick(NOW + 3 * MINUTE))
    assert (counts["samples"], counts["caught_up"]) == (10, 3)
    facts = [Samples.model_validate_json(m.event.data) for m in handler.publisher.take("metrics")]
    found = {(fact.series[place].metric, at) for fact in facts for place, at, _ in fact.samples}
    late = {(failing, NOW + minute * MINUTE) for minute in range(3)}
    assert found == late | {(metric, NOW + 3 * MINUTE) for metric in "ab"}


def test_nothing_is_caught_up_beyond_the_span_and_what_is_given_up_is_counted() -> None:
    metrics = FakePrometheus()
    handler = rig(metrics, catch_up=600)
    handler(tick(NOW))
    counts = handler(tick(NOW + 60 * MINUTE))
    assert counts["given_up"] == 2 * 49
    assert min(since for _, since, _ in metrics.asked[2:]) == NOW + 50 * MINUTE
    assert counts["caught_up"] == 2 * 10


def test_a_long_gap_is_asked_for_in_pieces_and_finished_by_later_ticks_where_time_is_short() -> (
    None
):
    metrics = FakePrometheus()
    handler = rig(metrics, concurrency=1)
    handler(tick(NOW))
    handler.timer = lambda: 0.0 if len(metrics.asked) < 2 + 3 else 12.0
    counts = handler(tick(NOW + 60 * MINUTE))
    assert all(until - since < STEPS * MINUTE for _, since, until in metrics.asked)
    assert 0 < counts["behind"] < 2 * 60
    del handler.timer
    handler.timer = lambda: 0.0
    handler(tick(NOW + 60 * MINUTE))
    assert told(handler.publisher.take("metrics")) == ticked(rig(), range(61))


def test_an_instance_that_dies_before_it_remembers_is_repeated_with_the_same_events() -> None:
    class Forgetful(MemoryPublished):
        def advance(self, until, oldest) -> None:
            if max(until.values()) >= NOW:
                raise Unavailable("Redis: away")

    handler = rig()
    handler.published = Forgetful()
    first = ticked(handler, [0])
    handler.published = MemoryPublished()
    assert ticked(handler, [0]) == first != set()


def test_two_instances_at_once_double_nothing() -> None:
    """Both find the same minutes missing; what both publish is one and the same to `detect`."""
    both = Barrier(2, timeout=30)

    class Slow(FakePrometheus):
        def query_range(self, promql, since, until, step) -> Answer:
            both.wait()
            return super().query_range(promql, since, until, step)

    published, publisher = MemoryPublished(), MemoryPublisher()
    handlers = [
        make(
            Slow(),
            config=config(concurrency=1),
            published=published,
            publisher=publisher,
        )
        for _ in range(2)
    ]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda handler: handler(tick()), handlers))
    messages = publisher.take("metrics")
    assert len(messages) == 2 * len(told(messages))
    pipeline = InProcess.of({})
    for message in messages:
        pipeline.samples(message.event)
    assert pipeline.counts == {"accepted": 2, "duplicate": 2, "not_finite": 4}


def test_a_partial_answer_is_recorded_and_asked_for_once_more() -> None:
    lines: list = []
    metrics = FakePrometheus()
    metrics.warnings = ("store gateway 2: not reachable",)
    handler = rig(metrics)
    handler.log = lines.append
    counts = handler(tick())
    assert (counts["partial_answers"], counts["samples"]) == (2, 4)
    assert lines[0] == {"query": "a", "warnings": ["store gateway 2: not reachable"]}
    metrics.warnings = ()
    metrics.asked.clear()
    handler(tick(NOW + MINUTE))
    assert {asked[1:] for asked in metrics.asked} == {(NOW, NOW + MINUTE)}
    metrics.asked.clear()
    handler(tick(NOW + 2 * MINUTE))
    assert {asked[1:] for asked in metrics.asked} == {(NOW + 2 * MINUTE,) * 2}


def test_series_a_part_of_the_storage_kept_back_are_no_gap_but_come_a_minute_later() -> None:
    class Halved(FakePrometheus):
        def query_range(self, promql, since, until, step) -> Answer:
            found = super().query_range(promql, since, until, step)
            if until > NOW:
                return found
            some = tuple(one for one in found.samples if one.labels["service"] == "cart")
            return Answer(some, ("one of two stores did not answer",))

    whole = {row[:2] for row in ticked(rig(), range(2))}
    handler, pipeline = rig(Halved()), InProcess.of({})
    for minute in range(2):
        handler(tick(NOW + minute * MINUTE))
    messages = handler.publisher.take("metrics")
    assert {row[:2] for row in told(messages)} > whole - {row[:2] for row in told(messages[:1])}
    for message in messages:
        pipeline.samples(message.event)
    assert pipeline.counts["accepted"] == 4  # `pay` of both metrics, at both minutes
    assert pipeline.counts["late"] == 0


def test_which_series_are_kept_does_not_depend_on_their_order_and_a_new_one_replaces_one() -> None:
    def listed(names: Sequence[str]) -> SimpleNamespace:
        def query(promql: str, at: int) -> Answer:
            return Answer(tuple(Sample({"service": name}, at, 1.0) for name in names))

        return SimpleNamespace(query=query)

    def kept(names: Sequence[str]) -> set[str]:
        handler = make(listed(names), config=config(max_series=10))
        assert handler(tick())["over_max_series"] == 2 * (len(names) - 10)
        facts = [
            Samples.model_validate_json(m.event.data) for m in handler.publisher.take("metrics")
        ]
        return {head.labels["service"] for f in facts for head in f.series if head.metric == "a"}

    names = [f"s{n}" for n in range(40)]
    before = kept(names)
    assert kept(names[::-1]) == before
    assert len(kept(["new", *names]) - before) <= 1


def test_a_query_whose_text_is_changed_begins_anew() -> None:
    metrics = FakePrometheus()
    handler = rig(metrics)
    handler(tick())
    handler.config = CollectConfig(
        queries=(Query(metric="a", promql="a2"), QUERIES[1]), service_graphs=()
    )
    metrics.asked.clear()
    handler(tick(NOW + 3 * MINUTE))
    assert {promql: since for promql, since, _ in metrics.asked} == {
        "a2": NOW + 3 * MINUTE,
        "b": NOW + MINUTE,
    }


def test_no_more_queries_are_asked_at_once_than_allowed() -> None:
    at_once, most = set(), [0]

    class Watched(FakePrometheus):
        def query_range(self, promql, since, until, step) -> Answer:
            at_once.add(promql)
            most[0] = max(most[0], len(at_once))
            found = super().query_range(promql, since, until, step)
            at_once.discard(promql)
            return found

    queries = tuple(Query(metric=f"m{n}", promql=f"m{n}") for n in range(50))
    handler = make(Watched(), config=CollectConfig(queries=queries, concurrency=3))
    handler(tick())
    assert most[0] <= 3
    heads = [
        Samples.model_validate_json(m.event.data).series[0].metric
        for m in handler.publisher.take("metrics")
    ]
    assert heads == sorted(heads, key=lambda name: int(name[1:]))
