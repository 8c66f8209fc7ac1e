"""What the demo has seen so far: the one state that views read and watchers write."""

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from aiops.events import Anomaly, Incident
from local.evaluation import Fault
from local.receiving import Message


@dataclass(frozen=True, slots=True)
class Flow:
    """How far the events have come.

    Attributes:
        samples: Samples published.
        share: Part of the recording published, 0 to 1.
        backlog: Records on the topics that no function has answered yet.
        ticks: Ticks of the clock that were answered.
        retries: Deliveries beyond the first of an event.
        dead_letters: Events that were given up.
        refused: Messages a receiver would not take.
    """

    samples: int = 0
    share: float = 0.0
    backlog: int = 0
    ticks: int = 0
    retries: int = 0
    dead_letters: int = 0
    refused: int = 0


@dataclass(slots=True)
class Picture:
    """Everything a view shows; written and read under its lock.

    Attributes:
        servers: Which Redis and Kafka it runs against, in words.
        phase: What is going on, in words.
        now: The pipeline's time, unix milliseconds; 0 before it runs.
        judged_from: Anomalies before this time belong to the history and are only counted.
        fault: The fault that is going on.
        recent: The latest anomalies after `judged_from`, the oldest first.
        appeared: Real seconds from the publishing of the first sample of an incident to its
            first snapshot on Kafka.
    """

    servers: str = ""
    phase: str = "starting"
    now: int = 0
    rate: float = 1.0
    judged_from: int = 0
    fault: Fault | None = None
    flow: Flow = field(default_factory=Flow)
    anomalies: int = 0
    recent: deque[Anomaly] = field(default_factory=lambda: deque(maxlen=200))
    incidents: dict[str, Incident] = field(default_factory=dict)
    sent: tuple[Message, ...] = ()
    appeared: dict[str, float] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)
    _seen: set[str] = field(default_factory=set)
    _published: dict[int, float] = field(default_factory=dict)

    def published(self, time: int, at: float) -> None:
        """Note when, by a monotonic clock, the samples of a time went out."""
        with self.lock:
            self._published[time] = at

    def take_anomalies(self, anomalies: Sequence[Anomaly]) -> None:
        """Take over anomalies that arrived; a repeat is known by its id."""
        with self.lock:
            for anomaly in anomalies:
                if anomaly.id not in self._seen:
                    self._seen.add(anomaly.id)
                    self.anomalies += 1
                    if anomaly.time >= self.judged_from:
                        self.recent.append(anomaly)

    def take_incident(self, incident: Incident, at: float) -> None:
        """Take over a snapshot that arrived at a monotonic time, unless a later one is known."""
        with self.lock:
            known = self.incidents.get(incident.id)
            if known is not None and known.version >= incident.version:
                return
            self.incidents[incident.id] = incident
            went_out = self._published.get(incident.opened_at)
            if known is None and went_out is not None:
                self.appeared[incident.id] = at - went_out

    @property
    def notified(self) -> list[Incident]:
        """Incidents people were told of since `judged_from`, the latest first."""
        with self.lock:
            found = [
                incident
                for incident in self.incidents.values()
                if incident.notified_at is not None
                and incident.opened_at >= self.judged_from
                and incident.status != "merged"
            ]
        return sorted(found, key=lambda incident: -incident.opened_at)
