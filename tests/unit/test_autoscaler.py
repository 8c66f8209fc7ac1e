"""The simulated autoscaler keeps Knative's rules, and what is delivered to it is never lost."""

from itertools import pairwise

import pytest

from bench.autoscaler.averages import Averages
from bench.autoscaler.courses import Course, burst, scrapes, trickle, wave
from bench.autoscaler.delivery import Cluster, Policy
from bench.autoscaler.idleness import Idleness
from bench.autoscaler.kpa import Autoscaler
from bench.autoscaler.outcome import until_zero
from bench.autoscaler.pods import Pods
from bench.autoscaler.settings import Settings
from bench.autoscaler.simulation import Simulation
from bench.autoscaler.work import BATCH, Work, lanes, work
from local.delivery.policy import backoff
from local.functions import ROOT
from local.manifests import load

WORK = Work(processor=0.016, waiting=0.004, hops=0.005)
NEAR = Cluster(WORK, start=5.0, lanes=range(12))
ONE = Settings(target=1.0, utilization=100.0)


def feed(autoscaler: Autoscaler, figure: float, seconds: range) -> None:
    for second in seconds:
        autoscaler.averages.record(second, figure)


def test_the_wanted_count_is_the_average_by_target_and_utilization_rounded_up() -> None:
    autoscaler = Autoscaler(Settings(target=10.0, utilization=70.0))
    feed(autoscaler, 15.0, range(60))
    assert autoscaler.decide(60.0, ready=3) == 3  # 15 / 7


def test_the_target_is_never_more_than_an_instance_takes() -> None:
    assert Settings(target=100.0, concurrency=4).aim == pytest.approx(2.8)
    assert Settings(target=2.0, concurrency=4).aim == pytest.approx(1.4)
    assert Settings(target=2.0, concurrency=0).aim == pytest.approx(1.4)


def test_what_began_a_moment_ago_is_averaged_over_that_moment() -> None:
    averages = Averages(60)
    averages.record(1000, 8.0)
    assert averages.over(60, 1001) == 8.0
    averages.record(1001, 0.0)
    assert averages.over(60, 1002) == 4.0


def test_nothing_is_wanted_where_nothing_is_known() -> None:
    averages = Averages(60)
    assert averages.over(60, 100) is None
    assert Autoscaler(ONE).decide(100.0, ready=0) is None


@pytest.mark.parametrize(("figure", "panics"), [(3.0, False), (4.0, True)])
def test_a_panic_begins_at_twice_what_is_ready(figure: float, panics: bool) -> None:
    autoscaler = Autoscaler(ONE)
    feed(autoscaler, 2.0, range(54))
    feed(autoscaler, figure, range(54, 60))
    autoscaler.decide(60.0, ready=2)
    assert autoscaler.panics is panics


def test_in_a_panic_the_count_never_falls_and_a_window_later_it_may() -> None:
    autoscaler = Autoscaler(ONE)
    feed(autoscaler, 8.0, range(6))
    assert autoscaler.decide(6.0, ready=1) == 8
    counts = []
    for now in range(8, 90, 2):
        feed(autoscaler, 1.0, range(now - 2, now))
        counts.append((now, autoscaler.decide(float(now), ready=8)))
    assert {count for now, count in counts if now <= 66} == {8}
    assert {count for now, count in counts if now > 66} == {4}  # half of what is ready


def test_each_time_the_threshold_is_crossed_the_panic_lasts_another_window() -> None:
    autoscaler = Autoscaler(ONE)
    feed(autoscaler, 8.0, range(6))
    autoscaler.decide(6.0, ready=1)
    feed(autoscaler, 8.0, range(6, 40))
    autoscaler.decide(40.0, ready=4)
    feed(autoscaler, 1.0, range(40, 110))
    autoscaler.decide(100.0, ready=8)
    assert autoscaler.panics
    autoscaler.decide(102.0, ready=8)
    assert not autoscaler.panics


def test_one_decision_multiplies_by_no_more_than_the_rates() -> None:
    up = Autoscaler(Settings(target=1.0, utilization=100.0, up_rate=3.0))
    feed(up, 50.0, range(60))
    assert up.decide(60.0, ready=2) == 6
    down = Autoscaler(ONE)
    feed(down, 1.0, range(60))
    assert down.decide(60.0, ready=9) == 4


def test_a_delay_keeps_the_most_that_was_wanted_in_it() -> None:
    autoscaler = Autoscaler(Settings(target=1.0, utilization=100.0, down_delay=30.0, window=6))
    feed(autoscaler, 5.0, range(6))
    assert autoscaler.decide(6.0, ready=5) == 5
    feed(autoscaler, 1.0, range(6, 40))
    assert autoscaler.decide(34.0, ready=5) == 5
    assert autoscaler.decide(37.0, ready=5) == 2


def test_the_last_instance_goes_after_the_window_and_the_grace_period() -> None:
    settings = Settings(target=1.0, burst_capacity=0.0)
    idleness = Idleness(settings)
    kept = []
    for now in range(0, 200, 2):
        idleness.watch(float(now), 1, 0.0)
        kept.append((now, idleness.allowed(float(now), 0)))
    assert next(now for now, count in kept if count == 0) == 60 + 30


def test_the_grace_period_is_over_where_the_activator_is_between_already() -> None:
    idleness = Idleness(Settings(target=1.0))
    kept = []
    for now in range(0, 200, 2):
        idleness.watch(float(now), 1, 0.0)
        kept.append((now, idleness.allowed(float(now), 0)))
    assert next(now for now, count in kept if count == 0) == 62


def test_retention_keeps_the_last_instance_so_much_longer() -> None:
    course = Course("once", ((0.0, 0),), BATCH, 0.0)
    gone = {
        retention: until_zero(
            Simulation(course, Settings(retention=retention), NEAR).run().seconds, 5.0
        )
        for retention in (0.0, 300.0)
    }
    assert gone[300.0] - gone[0.0] == pytest.approx(300, abs=4)


def test_the_first_request_starts_an_instance_at_once() -> None:
    course = Course("once", ((7.3, 0),), BATCH, 10.0)
    outcome = Simulation(course, Settings(target=1.0, utilization=100.0), NEAR).run()
    assert outcome.starts == [7.3]
    assert outcome.delays == [pytest.approx(5.0 + 0.016 + 0.004 + 0.005)]


def test_there_are_never_fewer_or_more_instances_than_said() -> None:
    course = burst(33_000.0, BATCH, 60.0, keys=12)
    settings = Settings(target=1.0, concurrency=1, least=2, most=5)
    outcome = Simulation(course, settings, NEAR).run()
    assert {2, 5} <= {second.wanted for second in outcome.seconds} <= {2, 3, 4, 5}


def test_an_instance_serves_with_one_core_however_many_requests_it_has() -> None:
    course = Course("many", tuple((0.0, each) for each in range(12)), BATCH, 10.0)
    outcome = Simulation(course, Settings(least=1), Cluster(WORK, 0.0, range(12))).run()
    assert max(outcome.delays) == pytest.approx(12 * 0.016 + 0.004 + 0.005)


def test_an_instance_takes_no_more_than_its_concurrency_at_once() -> None:
    pods = Pods(start=0.0, concurrency=2)
    [pod] = pods.scale(1, 0.0)
    pod.requests = 2
    assert pods.free(0.0) is None


def test_a_request_that_waits_too_long_is_repeated_and_then_a_dead_letter() -> None:
    course = Course("once", ((0.0, 0),), BATCH, 600.0)
    slow = Cluster(WORK, 10_000.0, range(1), Policy(timeout=60.0, retries=2, delay=1.0))
    outcome = Simulation(course, Settings(), slow).run()
    assert (outcome.arrived, outcome.dead, outcome.waiting) == (1, 1, 0)
    patient = Cluster(WORK, 90.0, range(1), Policy(timeout=60.0, retries=2, delay=1.0))
    assert len(Simulation(course, Settings(), patient).run().delays) == 1


def test_each_record_has_all_its_repetitions() -> None:
    course = Course("two", ((0.0, 0), (0.0, 0)), BATCH, 300.0)
    never = Cluster(WORK, 10_000.0, range(1), Policy(timeout=60.0, retries=1, delay=1.0))
    outcome = Simulation(course, Settings(), never).run()
    assert outcome.dead == 2
    waiting = [second.waiting for second in outcome.seconds]
    assert [waiting.count(BATCH * left) for left in (2, 1)] == [120, 121]


def test_requests_are_repeated_as_the_sources_say() -> None:
    sources = load(ROOT / "knative" / "base").sources
    [spec] = {each.spec.delivery for each in sources if "metrics" in each.spec.topics}
    policy = Policy()
    assert (policy.timeout, policy.retries) == (spec.timeout, spec.retry)
    waits = [policy.delay * 2**failed for failed in range(policy.retries)]
    assert waits == [backoff(spec, attempt) for attempt in range(1, policy.retries + 1)]


def test_a_record_costs_what_was_measured_at_both_ends() -> None:
    figures = {
        "detect_mixed_batches_samples_per_second": 25_000.0,
        "format_one_sample_records_per_second": 500.0,
        "detect_samples_per_second": 50_000.0,
        "batch_milliseconds": 15.0,
    }
    assert work(BATCH, figures, 0.0).processor == pytest.approx(0.02)
    assert work(1, figures, 0.0).processor == pytest.approx(0.002)
    assert work(BATCH, figures, 0.0).waiting == pytest.approx(0.005)


def test_courses_bring_as_much_as_they_say() -> None:
    for course, records in (
        (burst(33_000.0, 500, 600.0), 39_600),
        (wave(33_000.0, 500, 1_800.0), 59_400),
        (scrapes(33_000.0, 500, 15.0, 600.0), 39_600),
    ):
        assert len(course.arrivals) == pytest.approx(records, rel=0.02), course.name
        assert list(course.arrivals) == sorted(course.arrivals, key=lambda one: one[0])
    gaps = trickle(60.0, 500).arrivals[::16]
    assert max(b[0] - a[0] for a, b in pairwise(gaps)) <= 72.0


def test_sixteen_shards_do_not_fill_twelve_partitions_evenly() -> None:
    keyed = lanes(12)
    assert len(keyed) == 16
    assert len(set(keyed)) == 8
    assert max(keyed.count(lane) for lane in keyed) == 3
