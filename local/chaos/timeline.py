"""When what happens, in the pipeline's time: two acts, and waits that nobody has to sit out. Pure.

Nobody is told of an incident before all of its anomalies can have arrived, and none ends before
everybody was told: so that what is told follows from the input alone, and not from the schedule.
"""

from dataclasses import dataclass

from local.chaos.faults import Act
from local.chaos.workload import SPEED

HOUR = 3_600_000
MINUTE = 60_000


@dataclass(frozen=True, slots=True)
class Timeline:
    """All in milliseconds, times as unix time.

    Attributes:
        tell_after: People are told so long after an incident began.
        resolve_after: An incident ends once it was quiet for so long.
    """

    acts: tuple[Act, Act]
    tell_after: int
    resolve_after: int

    @classmethod
    def before(cls, now: int, seconds: float) -> "Timeline":
        """Return times for input that takes so many real seconds, all of them long before `now`."""
        length = round(seconds / 2 * SPEED) * 1000
        tell_after, resolve_after = length + 2 * HOUR, 2 * length + 5 * HOUR
        between = resolve_after + HOUR
        start = (now - 2 * (length + between) - 2 * HOUR) // MINUTE * MINUTE
        acts = Act(start, length), Act(start + length + between, length)
        return cls(acts, tell_after, resolve_after)

    @property
    def start(self) -> int:
        """When the input begins."""
        return self.acts[0].start

    def drained(self, act: Act) -> tuple[int, int]:
        """Return from when to when ticks may run while anomalies are on their way."""
        return act.end, act.start + self.tell_after - HOUR

    def told(self, act: Act) -> tuple[int, int]:
        """Return from when to when people are told of an act's incidents."""
        return act.end + self.tell_after, act.start + self.resolve_after - HOUR

    def resolved(self, act: Act) -> tuple[int, int]:
        """Return from when to when an act's incidents end, those reopened after it too."""
        return act.end + self.resolve_after + MINUTE, act.end + self.resolve_after + HOUR // 2
