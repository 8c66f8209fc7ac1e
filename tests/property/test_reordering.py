"""P3: in whatever order samples come within the window, the outcome is that of their order."""

from collections import defaultdict
from random import Random

import pytest

from aiops import topics
from aiops.adapters.memory_broker import MemoryPublisher
from aiops.adapters.memory_open_windows import MemoryOpenWindows
from aiops.adapters.memory_series import MemorySeriesStore
from aiops.clock import ManualClock
from aiops.ports import Event
from functions.detect.config import DetectConfig, Rule
from functions.detect.reordering import holding as holding_module
from functions.detect.reordering.held import HeldState, hold, packed, pass_by, release, unpacked
from functions.detect.reordering.holding import SOURCE, Holding
from functions.detect.settling import Settling
from tests.property import detect_world as world
from tests.property.detect_world import START, Point
from tests.property.scheduler import Scheduler

STEP = 60_000
SERIES = 3
SCHEDULES = 300
HOUR = 3_600_000


def points_of(random: Random, length: int) -> list[Point]:
    return [
        Point(series, START + n * STEP, float(random.randrange(100)))
        for series in range(SERIES)
        for n in range(length)
    ]


def shuffled(random: Random, points: list[Point], window: int) -> list[Point]:
    """Return points of which none comes after one that is later by the window or more."""
    order = sorted(points, key=lambda p: p.time + random.uniform(0, window - 1))
    repeated = [p for p in order if random.random() < 0.2]
    for one in repeated:
        at = order.index(one)
        order.insert(random.randint(at, min(len(order), at + 3)), one)
    return order


class Instance:
    """`detect` that puts samples in order, over twins that all instances share."""

    def __init__(self, window: float, scheduler: Scheduler | None = None) -> None:
        self.store, self.held = MemorySeriesStore(), MemorySeriesStore()
        self.index, self.publisher = MemoryOpenWindows(), MemoryPublisher()
        self.config = DetectConfig(default=Rule(reorder_window=window))
        watch = scheduler.watch if scheduler else lambda port: port
        self.ports = [watch(one) for one in (self.store, self.publisher, self.held, self.index)]
        self.handler = self.at(START)

    def at(self, now: int):
        """Return an instance by whose clock it is so late."""
        store, publisher, held, index = self.ports
        clock = ManualClock(now)
        made = world.make(store, publisher, clock)
        made.holding = Holding(self.config, held, index, publisher, clock)
        return made

    def flush(self) -> list[Event]:
        """Let time pass until nothing waits; return the batches that were put in order."""
        now = START
        while self.index.noted:
            now += HOUR
            tick = Event(f"tick-{now}", "test", "tick", now, b"")
            self.at(now).holding.tick(tick, now)
        assert not any(self.held.waiting.values()), "something was never passed on"
        return [message.event for message in self.publisher.topics[topics.METRICS]]

    def outcome(self, points: list[Point]) -> None:
        """Compare with one instance that is given all points in order."""
        world.drain(self.store, self.publisher)
        anomalies, records = world.expected(points)
        assert world.published(self.publisher) == anomalies
        assert self.store.records == records


def test_any_order_within_the_window_gives_the_outcome_of_their_order() -> None:
    passed_early = 0
    for seed in range(SCHEDULES):
        random = Random(seed)
        points = points_of(random, 12)
        window = random.choice((1, 3, 7)) * STEP
        instance = Instance(window / 1000)
        given = shuffled(random, points, window)
        sizes = iter(range(10**6))
        while given:
            size = random.randint(1, 5)
            instance.handler(world.event(given[:size], next(sizes)))
            given = given[size:]
        passed_early += len(instance.publisher.topics[topics.METRICS])
        for event in instance.flush():
            for _ in range(random.randint(1, 2)):
                instance.handler(event)
        instance.outcome(points)
    assert passed_early > SCHEDULES


def queues_of(random: Random, points: list[Point], spread: bool) -> list[list[Event]]:
    """Return events by partition: those of a series in its own, in order, or all over."""
    parts = defaultdict(list)
    order = points if not spread else random.sample(points, len(points))
    for point in order:
        parts[random.randrange(3) if spread else point.series].append(point)
    return [
        [world.event(batch, 100 * q + n) for n, batch in enumerate(world.cut(random, part, 3))]
        for q, part in parts.items()
    ]


def run(seed: int, *, spread: bool) -> None:
    """Hold and pass on under trouble, then score what was passed on under trouble as well."""
    random = Random(seed)
    points = points_of(random, 6)
    scheduler = Scheduler(seed)
    instance = Instance(6 * STEP / 1000 if spread else STEP / 1000, scheduler)
    handler = instance.handler
    queues = queues_of(random, points, spread)
    scheduler.run(*([lambda e=e: handler(e) for e in queue] for queue in queues))
    shards = defaultdict(list)
    for event in instance.flush():
        assert event.source == SOURCE
        shards[event.subject].append(event)
    scheduler.reseed(seed, 3)
    scheduler.run(*([lambda e=e: handler(e) for e in queue] for queue in shards.values()))
    instance.outcome(points)


@pytest.mark.slow
@pytest.mark.parametrize("spread", [False, True], ids=["in order", "in no order"])
def test_whatever_dies_in_between_the_outcome_is_that_of_their_order(spread: bool) -> None:
    for seed in range(SCHEDULES):
        run(seed, spread=spread)


def overlooks_what_waits(_settling, _states):
    return {}


def passes_on_too_early(state, _window):
    return release(state, 0)


@pytest.mark.parametrize(
    ("owner", "name", "mistake"),
    [
        (Settling, "_pending", overlooks_what_waits),
        (holding_module, "release", passes_on_too_early),
    ],
)
def test_a_mistake_shows(owner, name, mistake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(owner, name, mistake)
    with pytest.raises(AssertionError):
        for seed in range(SCHEDULES):
            run(seed, spread=False)
            run(seed, spread=True)


def test_the_first_value_of_a_time_counts_and_what_is_late_is_dropped() -> None:
    state = HeldState()
    assert hold(state, [(5, 1.0), (5, 2.0), (3, 3.0)]) == {"duplicate": 1}
    assert release(state, 1) == [(3, 3.0)]
    assert hold(state, [(3, 9.0), (4, 4.0)]) == {"late": 1}
    assert release(state, 1) == []
    hold(state, [(6, 6.0)])
    assert release(state, 1) == [(4, 4.0)]
    assert unpacked(packed(state)) == state


def test_time_goes_on_for_a_series_that_tells_nothing() -> None:
    state = HeldState(touched=1_000)
    hold(state, [(5_000, 1.0)])
    pass_by(state, 1_500, 1_000)
    assert release(state, 0) == []
    pass_by(state, 2_000, 1_000)
    assert release(state, 999) == [(5_000, 1.0)]


def test_no_more_samples_of_a_series_wait_than_allowed(monkeypatch) -> None:
    monkeypatch.setattr("functions.detect.reordering.held.MOST_HELD", 2)
    assert hold(HeldState(), [(n, 0.0) for n in range(1, 5)]) == {"too_many_held": 2}


def test_rules_without_a_window_and_metrics_looked_at_together_are_not_held() -> None:
    with pytest.raises(ValueError, match="reorder_window: not for metrics"):
        Rule(reorder_window=5, detector="isolation_forest", together=("a", "b"))
    instance = Instance(0.0)
    counts = instance.handler(world.event(points_of(Random(1), 3), 1))
    assert counts["accepted"] == 9
    assert not instance.held.records
