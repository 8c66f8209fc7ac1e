"""A recording as events on their way to Kafka, in slices of time. Pure."""

from collections.abc import Iterator

import numpy as np

from aiops import topics
from aiops.batching import Reading, batches
from aiops.events import ChangeObserved, TopologyObserved
from aiops.ids import derive
from aiops.ports import Event, Message
from aiops.series import SeriesMap
from local.recording import Recording

SOURCE = "/aiops/demo"
MINUTE = 60_000
HISTORY_SLICE = 40 * MINUTE
"""About 500 samples of a shard."""


class Feed:
    """Hands out a recording's samples and changes once, in order of time.

    Attributes:
        reached: Everything up to this time was handed out, unix milliseconds.
        latest: Time of the last sample handed out.

    Args:
        recording: What is handed out.
        history_until: Up to this time a slice may span `HISTORY_SLICE`, after it a minute, so that
            what comes late still comes in order.
    """

    def __init__(self, recording: Recording, history_until: int) -> None:
        self._recording = recording
        self._history_until = history_until
        self._order = np.argsort(recording.time, kind="stable")
        self._times = recording.time[self._order]
        self._taken = 0
        self._changes = sorted(recording.changes, key=lambda change: change.observed_at)
        self._names = SeriesMap()
        self.reached = self.latest = self.start - 1

    @property
    def start(self) -> int:
        """Time of the first sample, unix milliseconds."""
        return int(self._times[0])

    @property
    def end(self) -> int:
        """Time of the last sample, unix milliseconds."""
        return int(self._times[-1])

    @property
    def taken(self) -> int:
        """How many samples were handed out."""
        return self._taken

    @property
    def finished(self) -> bool:
        """Whether everything was handed out."""
        return self._taken == len(self._times)

    def topology(self, domain: str) -> Message:
        """Return the event that states who calls whom."""
        fact = TopologyObserved(
            domain=domain, calls=self._recording.calls, observed_at=max(self.start - 1, 0)
        )
        return _control(fact, domain, fact.observed_at)

    def take(self, until: int) -> list[Message]:
        """Return the next slice: what lies up to a time, but not more than a slice of it."""
        longest = HISTORY_SLICE if self.reached < self._history_until else MINUTE
        upto = min(until, self.reached + longest)
        found = int(np.searchsorted(self._times, upto, side="right"))
        rows = self._order[self._taken : found]
        self._taken = found
        self.reached = max(self.reached, upto)
        if len(rows) == 0:
            return list(self._due_changes(upto))
        self.latest = int(self._recording.time[rows[-1]])
        samples = batches((self._reading(row) for row in rows), self._names, SOURCE, self.latest)
        return [*self._due_changes(upto), *samples]

    def _reading(self, row: int) -> Reading:
        recording = self._recording
        head = recording.heads[recording.series[row]]
        return Reading(head, int(recording.time[row]), float(recording.value[row]))

    def _due_changes(self, until: int) -> Iterator[Message]:
        while self._changes and self._changes[0].observed_at <= until:
            change = self._changes.pop(0)
            yield _control(change, change.service, change.observed_at)


def _control(fact: TopologyObserved | ChangeObserved, key: str, time: int) -> Message:
    data = fact.model_dump_json().encode()
    event = Event(
        id=derive("demo", fact.type, key, time),
        source=SOURCE,
        type=fact.type,
        time=time,
        data=data,
        subject=key,
    )
    return Message(topics.CONTROL, key, event)
