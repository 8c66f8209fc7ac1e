"""From the feed to Kafka: never ahead of the clock, never far ahead of the pipeline."""

import time
from dataclasses import dataclass, field

from aiops import topics
from aiops.clock import Clock
from aiops.errors import Unavailable
from aiops.ports import Publisher
from local.demo.backlog import Backlog
from local.demo.feed import Feed
from local.demo.picture import Picture

MOST_WAITING = 36
"""Records that may wait for `detect`: about three for each partition."""

_STUCK_SECONDS = 30.0


@dataclass(slots=True)
class Stream:
    """Publishes what is due.

    Attributes:
        feed: What there is to publish.
        publisher: Where it goes.
        clock: The pipeline's time.
        backlog: What waits already.
        picture: Told when the samples of a time went out.
    """

    feed: Feed
    publisher: Publisher
    clock: Clock
    backlog: Backlog
    picture: Picture
    _moved: float = field(default_factory=time.monotonic)

    def step(self) -> bool:
        """Publish one slice if one is due and there is room; return whether it was.

        Raises:
            Unavailable: the broker does not take it, or nothing moves any more.
        """
        if self.backlog.for_detect() >= MOST_WAITING:
            if time.monotonic() - self._moved > _STUCK_SECONDS:
                raise Unavailable(f"detect: no room for new samples in {_STUCK_SECONDS:.0f} s")
            return False
        self._moved = time.monotonic()
        messages = self.feed.take(self.clock.now())
        if not messages:
            return False
        self.publisher.publish(messages)
        self.backlog.published += sum(one.topic == topics.METRICS for one in messages)
        self.picture.published(self.feed.latest, time.monotonic())
        return True
