"""What waits in Redis to be done, and how full it is, as counts of one moment."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits.

    Attributes:
        unpublished_anomalies: Committed and not published yet, all shards together.
        due_steps: Incidents whose next step or look is due, and not done yet.
        open_incidents: Those that go on.
        unpublished_incidents: Changed and not published yet.
        memory_used: Bytes Redis uses.
        memory_limit: Bytes it may use; 0 for no limit.
    """

    unpublished_anomalies: int
    due_steps: int
    open_incidents: int
    unpublished_incidents: int
    memory_used: int
    memory_limit: int


class BacklogReader(Protocol):
    """Looks at what waits."""

    def read(self, now: int) -> Backlog:
        """Return what waits at a time, in unix milliseconds.

        Raises:
            Unavailable: it cannot be read.
        """
