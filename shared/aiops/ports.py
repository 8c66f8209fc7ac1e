"""What the functions need from outside: publishing, and the shape of a handled event."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Event:
    """A CloudEvent with its data as the bytes that came.

    Attributes:
        time: Unix milliseconds; the moment of arrival where the event did not say.
        extensions: Extension attributes, lower case names.
        content_type: Of the data, empty where the event did not say.
    """

    id: str
    source: str
    type: str
    time: int
    data: bytes
    subject: str | None = None
    extensions: Mapping[str, str] = field(default_factory=dict)
    content_type: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """An event on its way to a topic.

    Attributes:
        key: The record's key; records of one key stay in order.
        partition: Where it must go, instead of where the key says.
    """

    topic: str
    key: str
    event: Event
    partition: int | None = None


class Publisher(Protocol):
    """Where a function's outputs go."""

    def publish(self, messages: Sequence[Message]) -> None:
        """Return once every message is acknowledged.

        Raises:
            Unavailable: one or more may not have arrived; all may be published again.
        """

    def partitions(self, topic: str) -> int:
        """Return how many partitions a topic has.

        Raises:
            Unavailable: the broker cannot be asked.
        """


Counts = Counter[str]
"""What happened to the parts of an event: how many by word, such as `accepted` or `late`."""

Handler = Callable[[Event], Counts]
"""Handles one event: returns what happened, raises `Rejected` or `Unavailable`."""
