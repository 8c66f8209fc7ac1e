"""What became of events, counted per source, for a live view."""

import threading
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Counts:
    """One source's figures at one moment.

    Attributes:
        delivered: Events a function answered with 2xx.
        retried: Attempts beyond the first.
        dead_lettered: Events the dead letter sink took.
        lost: Events given up: no dead letter sink, or it failed too.
        discarded: Records that are no CloudEvent, or that a filter did not let pass.
        missed: Ticks that came due while an earlier one was still being delivered.
        in_flight: Events being delivered now.
        latest_event: The largest `time` of an event delivered, in unix milliseconds, 0 if none.
    """

    delivered: int = 0
    retried: int = 0
    dead_lettered: int = 0
    lost: int = 0
    discarded: int = 0
    missed: int = 0
    in_flight: int = 0
    latest_event: int = 0


class Counters:
    """Counts that several threads add to."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts = Counts()

    def add(self, **amounts: int) -> None:
        """Add to the named counts."""
        with self._lock:
            changed = {name: getattr(self._counts, name) + by for name, by in amounts.items()}
            self._counts = replace(self._counts, **changed)

    def seen(self, event_time: int) -> None:
        """Note the time of an event that was delivered."""
        with self._lock:
            if event_time > self._counts.latest_event:
                self._counts = replace(self._counts, latest_event=event_time)

    def snapshot(self) -> Counts:
        """Return the counts as they are now."""
        with self._lock:
            return self._counts
