"""What came of a course."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Second:
    """One second of a course.

    Attributes:
        at: Its end, in seconds.
        waiting: Samples that have arrived and are not handled.
        wanted: Instances there should be.
        ready: Instances that serve.
        in_flight: Requests on their way, on average.
        delay: The longest time from arrival to handled among the records handled in it.
    """

    at: float
    waiting: int
    wanted: int
    ready: int
    in_flight: float
    delay: float


@dataclass(slots=True)
class Outcome:
    """What came of a course under some settings.

    Attributes:
        arrived: Records.
        waiting: Records that have not been handled at the end.
        dead: Records that became dead letters.
        delays: Seconds from arrival to handled of each record handled.
        seconds: The course of it.
        pod_seconds: Seconds of all instances.
        starts: When each instance was asked for.
    """

    arrived: int = 0
    waiting: int = 0
    dead: int = 0
    delays: list[float] = field(default_factory=list)
    seconds: list[Second] = field(default_factory=list)
    pod_seconds: float = 0.0
    starts: list[float] = field(default_factory=list)

    def delay(self, share: float) -> float:
        """Return the delay that this share of the records did not exceed; infinite with dead ones.

        What still waits counts as never handled.
        """
        handled = sorted(self.delays)
        place = math.ceil(share * (len(handled) + self.waiting + self.dead)) - 1
        return handled[place] if 0 <= place < len(handled) else math.inf

    @property
    def most_waiting(self) -> int:
        """The most samples that waited."""
        return max((second.waiting for second in self.seconds), default=0)

    @property
    def most_wanted(self) -> int:
        """The most instances that were wanted."""
        return max((second.wanted for second in self.seconds), default=0)


def until_zero(seconds: Sequence[Second], after: float) -> float:
    """Return after how many seconds no instance was left; infinite where one was."""
    gone = (second.at - after for second in seconds if second.at > after and not second.wanted)
    return next(gone, math.inf)
