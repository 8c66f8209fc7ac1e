"""What is on the topics and not answered yet."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from aiops.topics import ANOMALIES, INCIDENTS, METRICS
from local.delivery.counters import Counts
from local.demo.watcher import Watcher

SOURCES = {
    METRICS: "KafkaSource metrics-to-detect",
    ANOMALIES: "KafkaSource anomalies-to-correlate",
    INCIDENTS: "KafkaSource incidents-to-act",
}
"""The source that delivers each topic, by the name it is counted under."""


@dataclass(slots=True)
class Backlog:
    """Compares what was put on the topics with what delivery is done with.

    Attributes:
        counts: Delivery's counts by source.
        watcher: Counts the records on the topics.
        published: Events with samples that were published by us.
    """

    counts: Callable[[], Mapping[str, Counts]]
    watcher: Watcher
    published: int = 0

    def for_detect(self) -> int:
        """Return how many records wait for `detect`."""
        return max(self.published - self.watcher.batches, 0) + self._behind(METRICS)

    def everywhere(self) -> int:
        """Return how many records wait for any function."""
        return self.for_detect() + self._behind(ANOMALIES) + self._behind(INCIDENTS)

    def _behind(self, topic: str) -> int:
        done = self.counts()[SOURCES[topic]]
        finished = done.delivered + done.dead_lettered + done.lost + done.discarded
        return max(self.watcher.seen(topic) - finished, 0)
