"""What waits on Kafka: how far groups are behind, and how many dead letters lie there."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from aiops import topics

Position = tuple[str, int]
"""A topic and one of its partitions."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """What was found.

    Attributes:
        lag: By group and topic, records that the group has not handled yet.
        dead_letters: Records in the topic of dead letters.
    """

    lag: Mapping[tuple[str, str], int]
    dead_letters: int


class Offsets(Protocol):
    """What brokers know of positions."""

    def groups(self) -> Mapping[str, Mapping[Position, int]]:
        """Return where each group goes on, for the partitions it has begun.

        Raises:
            Unavailable: the brokers cannot be asked.
        """

    def bounds(self, topics: Collection[str]) -> Mapping[Position, tuple[int, int]]:
        """Return first and next offset of each partition of topics that exist.

        Raises:
            Unavailable: the brokers cannot be asked.
        """


def waiting(offsets: Offsets) -> Waiting:
    """Return what waits in the pipeline's own topics.

    A group is behind in all partitions of a topic it reads; one it has not begun counts from its
    first record.

    Raises:
        Unavailable: the brokers cannot be asked.
    """
    groups = offsets.groups()
    bounds = offsets.bounds(topics.ALL)
    lag: dict[tuple[str, str], int] = defaultdict(int)
    for group, positions in groups.items():
        reads = {topic for topic, _ in positions} & set(topics.ALL)
        for place, (first, end) in bounds.items():
            if place[0] in reads:
                lag[group, place[0]] += max(0, end - max(first, positions.get(place, first)))
    letters = sum(
        end - first for (topic, _), (first, end) in bounds.items() if topic == topics.DEAD_LETTERS
    )
    return Waiting(dict(lag), letters)
