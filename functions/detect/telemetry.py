"""All that `detect` is sent: to each kind of it the handler that reads it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from aiops.adapters.cloudevent import read_fact
from aiops.events import WorkDue
from aiops.open_windows import SUBJECT
from aiops.ports import Counts, Event
from functions.detect.handler import DetectHandler
from functions.detect.signals.kubernetes.counting import EventCounts
from functions.detect.signals.kubernetes.handler import TAKEN
from functions.detect.sources import PLAIN_RECORD, Signal, source_of
from functions.detect.windows.handler import SignalReader, WindowHandler


@dataclass(frozen=True, slots=True)
class TelemetryHandler:
    """Handles samples, logs, traces, Events of Kubernetes and what comes by `control`.

    Attributes:
        detect: Handles all but logs and traces.
        windows: Counts these, and Events.
        readers: How logs and traces are read.
    """

    detect: DetectHandler
    windows: WindowHandler
    readers: Mapping[Signal, SignalReader]
    events: EventCounts = field(init=False)

    def __post_init__(self) -> None:
        """Count Events as they are judged."""
        object.__setattr__(self, "events", EventCounts(self.detect.kubernetes.judge))

    def __call__(self, event: Event) -> Counts:
        """Handle one event.

        Raises:
            Rejected: it is no event for this function, or not what its topic carries.
            Unavailable: something could not be stored or published.
        """
        signal = self._signal(event)
        if signal in self.readers:
            return self.windows(event, self.readers[signal])
        if signal == "events":
            # What is an anomaly is told at once, and not only when its minute is over.
            counts = self.detect(event)
            return counts if counts["other_kind"] else counts + self.windows(event, self.events)
        if event.type == WorkDue.type and event.subject == SUBJECT:
            return self._tick(event, read_fact(event, WorkDue).now)
        return self.detect(event)

    def _tick(self, event: Event, now: int) -> Counts:
        """Let time pass for what tells nothing more."""
        counts = self.windows.tick(event, now)
        holding = self.detect.holding
        return counts if holding is None else counts + holding.tick(event, now)

    def _signal(self, event: Event) -> Signal:
        if event.type == PLAIN_RECORD:
            return source_of(event, self.detect.config.topics).signal
        return "events" if event.type in TAKEN else "metrics"
