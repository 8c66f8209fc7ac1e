"""What `detect` left behind is published by whoever comes next, in a way that is believed."""

from dataclasses import replace

from aiops import topics
from aiops.adapters.memory_broker import MemoryPublisher
from aiops.adapters.memory_series import MemorySeriesStore
from aiops.clock import ManualClock
from aiops.errors import Unavailable
from tests.property import detect_world as world

HOUR = 3_600_000


class Away:
    """A broker that is not there."""

    def publish(self, messages):
        raise Unavailable("away")


def test_what_was_left_behind_is_not_published_as_older_than_it_is() -> None:
    store, publisher = MemorySeriesStore(), MemoryPublisher()
    clock = ManualClock(world.START)
    late = world.START + 10 * HOUR
    points = [world.Point(0, late + second * 1_000, float(second)) for second in range(6)]
    try:
        world.make(store, Away(), clock)(replace(world.event(points, 1), time=late))
    except Unavailable:
        clock.ms += 60_000
    old = world.event([world.Point(0, world.START, 1.0)], 0)
    world.make(store, publisher, clock)(replace(old, time=world.START))
    (message,) = publisher.topics[topics.ANOMALIES]
    assert message.event.time >= max(one["time"] for one in world.published(publisher).values())
