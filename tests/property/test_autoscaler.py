"""Whatever arrives and however it is scaled, nothing is lost and order bounds what is in flight."""

from hypothesis import given, settings
from hypothesis import strategies as st

from bench.autoscaler.courses import Course
from bench.autoscaler.delivery import Cluster, Policy
from bench.autoscaler.kpa import Autoscaler
from bench.autoscaler.outcome import Outcome
from bench.autoscaler.settings import Settings
from bench.autoscaler.simulation import Simulation
from bench.autoscaler.work import Work

ARRIVALS = st.lists(st.tuples(st.floats(0, 300), st.integers(0, 15)), min_size=1, max_size=300).map(
    lambda found: tuple(sorted(found))
)
SETTINGS = st.builds(
    Settings,
    target=st.sampled_from((0.5, 1.0, 2.0, 8.0)),
    utilization=st.sampled_from((50.0, 70.0, 100.0)),
    concurrency=st.integers(0, 4),
    window=st.integers(6, 60),
    retention=st.sampled_from((0.0, 30.0)),
    down_delay=st.sampled_from((0.0, 20.0)),
    most=st.integers(0, 4),
)
PLACES = st.builds(
    Cluster,
    work=st.builds(Work, st.floats(0.001, 5), st.floats(0, 5), st.floats(0, 0.1)),
    start=st.floats(0, 200),
    lanes=st.lists(st.integers(0, 3), min_size=16, max_size=16),
    policy=st.builds(Policy, timeout=st.sampled_from((1.0, 60.0)), retries=st.integers(0, 3)),
)


def outcome(arrivals: tuple[tuple[float, int], ...], how: Settings, where: Cluster) -> Outcome:
    return Simulation(Course("any", arrivals, 1, 300.0), how, where).run()


@settings(max_examples=60, deadline=None)
@given(ARRIVALS, SETTINGS, PLACES)
def test_what_arrived_was_handled_is_dead_or_still_waits(
    arrivals: tuple[tuple[float, int], ...], how: Settings, where: Cluster
) -> None:
    came = outcome(arrivals, how, where)
    assert came.arrived == len(arrivals)
    assert came.arrived == len(came.delays) + came.dead + came.waiting


@settings(max_examples=60, deadline=None)
@given(ARRIVALS, SETTINGS, PLACES)
def test_never_more_requests_are_in_flight_than_partitions_nor_more_instances_than_allowed(
    arrivals: tuple[tuple[float, int], ...], how: Settings, where: Cluster
) -> None:
    came = outcome(arrivals, how, where)
    assert all(second.in_flight <= len(set(where.lanes)) + 1e-6 for second in came.seconds)
    assert not how.most or came.most_wanted <= how.most
    assert all(second.ready <= second.wanted for second in came.seconds)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0, 40), min_size=1, max_size=120), SETTINGS, st.integers(0, 20))
def test_a_panic_never_lets_the_count_fall(figures: list[float], how: Settings, ready: int) -> None:
    autoscaler, before = Autoscaler(how), 0
    for second, figure in enumerate(figures):
        autoscaler.averages.record(second, figure)
        wanted = autoscaler.decide(second + 1.0, ready)
        assert wanted is not None
        assert not autoscaler.panics or wanted >= before
        before = wanted if autoscaler.panics else 0
