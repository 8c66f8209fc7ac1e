"""The publisher's twin in memory: topics as lists, in order of arrival."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from aiops.ports import Message


@dataclass(slots=True)
class MemoryPublisher:
    """Keeps what was published, by topic."""

    topics: defaultdict[str, list[Message]] = field(default_factory=lambda: defaultdict(list))
    partition_count: int = 1

    def publish(self, messages: Sequence[Message]) -> None:
        """Append every message to its topic."""
        for message in messages:
            self.topics[message.topic].append(message)

    def partitions(self, topic: str) -> int:  # noqa: ARG002 - the same for every topic
        """Return the number of partitions."""
        return self.partition_count

    def take(self, topic: str) -> list[Message]:
        """Return what a topic holds, and empty it."""
        return self.topics.pop(topic, [])
