"""P1 and P2 over thousands of random schedules, and the mistakes they must catch."""

from collections import defaultdict
from random import Random
from zlib import crc32

import pytest

from aiops.adapters.memory_broker import MemoryPublisher
from aiops.adapters.memory_series import MemorySeriesStore
from local.chaos.mutations import detect as mistakes
from tests.property import detect_world as world
from tests.property.scheduler import Scheduler

SCHEDULES = 5_000
SEARCH = 400
"""Schedules within which a mistake must show."""


def run_in_order(seed: int, handler_of=world.make, store=None) -> None:
    """Deliver every shard's batches in order, with trouble, and compare with one instance."""
    random = Random(seed)
    points = world.walk(random, series=3, length=5)
    store, publisher = store or MemorySeriesStore(), MemoryPublisher()
    scheduler = Scheduler(seed)
    handler = handler_of(scheduler.watch(store), scheduler.watch(publisher))
    shards = defaultdict(list)
    for point in points:
        shards[world.shard(point.series) % 3].append(point)
    queues = [
        [
            lambda e=world.event(batch, 100 * q + n): handler(e)
            for n, batch in enumerate(world.cut(random, shard, 4))
        ]
        for q, shard in enumerate(shards.values())
    ]
    scheduler.run(*queues)
    world.drain(store, publisher)
    anomalies, records = world.expected(points)
    assert anomalies == world.published(publisher), scheduler.trace
    assert records == store.records, scheduler.trace
    assert not any(store.waiting.values())


def run_in_any_order(seed: int, handler_of=world.make) -> None:
    """Deliver batches of the same series over several queues, in no order, with trouble."""
    random = Random(seed)
    points = world.walk(random, series=3, length=5)
    store, publisher = world.LoggingStore(), MemoryPublisher()
    scheduler = Scheduler(seed, workers=4)
    handler = handler_of(scheduler.watch(store), scheduler.watch(publisher))
    batches = world.cut(random, points, 3)
    random.shuffle(batches)
    queues = [
        [lambda e=world.event(batch, 100 * q + n): handler(e) for n, batch in enumerate(part)]
        for q, part in enumerate((batches[::3], batches[1::3], batches[2::3]))
    ]
    scheduler.run(*queues)
    world.drain(store, publisher)
    accepted = []
    for series in range(3):
        key = world.NAMES.read(world.head(series)).key
        times = store.accepted[key]
        assert times == sorted(set(times)), scheduler.trace
        accepted += [p for p in points if p.series == series and p.time in set(times)]
    anomalies, records = world.expected(accepted)
    assert anomalies == world.published(publisher), scheduler.trace
    assert records == store.records, scheduler.trace


MORE = pytest.mark.parametrize("first", [0, pytest.param(1_000_000, marks=pytest.mark.slow)])
"""Where the seeds begin: the same schedules each time, and as many others in the long run."""


@MORE
def test_p1_any_batching_crash_or_redelivery_gives_what_one_instance_in_order_gives(
    first: int,
) -> None:
    for seed in range(first, first + SCHEDULES):
        run_in_order(seed)


@MORE
def test_p2_in_any_order_the_state_is_the_fold_of_what_was_accepted(first: int) -> None:
    for seed in range(first, first + SCHEDULES):
        run_in_any_order(seed)


class _StateOnly:
    """A store that is never told of outputs."""

    def __init__(self, store):
        self._store = store

    def __getattr__(self, name):
        return getattr(self._store, name)

    def commit(self, writes, now):
        bare = [write._replace(outputs=()) for write in writes]
        return self._store.commit(bare, now)


class OverwritingStore(MemorySeriesStore):
    """Writes whatever is stored meanwhile."""

    def commit(self, writes, now):
        stored = [self.records.get((write.shard, write.key), b"") for write in writes]
        blind = [w._replace(expected=old[:8]) for w, old in zip(writes, stored, strict=True)]
        return MemorySeriesStore.commit(self, blind, now)


class ForgettingStore(MemorySeriesStore):
    """Forgets a series' times after a while, as a lifetime on what was seen would."""

    def load(self, keys, shards, overdue_before):
        for key, record in list(self.records.items()):
            if crc32(record) % 16 == 0:
                del self.records[key]
        return MemorySeriesStore.load(self, keys, shards, overdue_before)


HASTY = [
    mistakes.publishes_before_the_state,
    mistakes.forgets_before_publishing,
    mistakes.takes_silence_for_success,
]


@pytest.mark.parametrize("mistake", HASTY, ids=lambda mistake: mistake.__name__)
def test_a_mistake_in_the_order_of_steps_is_caught(mistake, monkeypatch) -> None:
    mistake(monkeypatch.setattr)
    with pytest.raises(AssertionError):
        for seed in range(SEARCH):
            run_in_order(seed)
            run_in_any_order(seed)


def test_outputs_that_are_kept_out_of_the_commit_are_missed() -> None:
    with pytest.raises(AssertionError):
        for seed in range(SEARCH):
            run_in_order(seed, lambda store, publisher: world.make(_StateOnly(store), publisher))


@pytest.mark.parametrize("mistake", [OverwritingStore, ForgettingStore])
def test_a_mistake_in_the_store_is_caught(mistake: type[MemorySeriesStore]) -> None:
    with pytest.raises(AssertionError):
        for seed in range(SEARCH):
            run_in_order(seed, store=mistake())
