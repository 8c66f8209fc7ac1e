"""Records on their way: one of each partition at a time, and again after a failure."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from bench.autoscaler.work import Work


@dataclass(frozen=True, slots=True)
class Policy:
    """How a request is repeated; as the KafkaSources of knative/base say.

    Attributes:
        timeout: Seconds a request may wait for an instance.
        retries: How often it is repeated before it is a dead letter.
        delay: Seconds before the first repetition; twice as many before each further one.
    """

    timeout: float = 60.0
    retries: int = 5
    delay: float = 1.0


@dataclass(frozen=True, slots=True)
class Cluster:
    """Where a course happens.

    Attributes:
        work: What a record costs.
        start: Seconds from asking for an instance until it serves.
        lanes: The partition of each key.
        policy: How requests are repeated.
    """

    work: Work
    start: float
    lanes: Sequence[int]
    policy: Policy = Policy()


@dataclass(slots=True)
class Lane:
    """A partition with what waits in it.

    Attributes:
        waiting: When each record arrived, oldest first; the first may be on its way.
        sent: Since when the first is on its way and has no instance.
        busy: Whether the first is on its way, or waits to be sent again.
        failed: How often the first failed.
    """

    waiting: deque[float] = field(default_factory=deque)
    sent: float = 0.0
    busy: bool = False
    failed: int = 0
