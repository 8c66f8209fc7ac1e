"""All that `detect` is sent: to each kind of it the handler that reads it."""

from collections.abc import Mapping
from dataclasses import dataclass

from aiops.adapters.cloudevent import read_fact
from aiops.events import WorkDue
from aiops.open_windows import SUBJECT
from aiops.ports import Counts, Event
from functions.detect.handler import DetectHandler
from functions.detect.sources import PLAIN_RECORD, Signal, source_of
from functions.detect.windows.handler import SignalReader, WindowHandler


@dataclass(frozen=True, slots=True)
class TelemetryHandler:
    """Handles samples, logs, traces, Events of Kubernetes and what comes by `control`.

    Attributes:
        detect: Handles all but logs and traces.
        windows: Counts these.
        readers: How they are read.
    """

    detect: DetectHandler
    windows: WindowHandler
    readers: Mapping[Signal, SignalReader]

    def __call__(self, event: Event) -> Counts:
        """Handle one event.

        Raises:
            Rejected: it is no event for this function, or not what its topic carries.
            Unavailable: something could not be stored or published.
        """
        if event.type == PLAIN_RECORD:
            reader = self.readers.get(source_of(event, self.detect.config.topics).signal)
            if reader is not None:
                return self.windows(event, reader)
        if event.type == WorkDue.type and event.subject == SUBJECT:
            return self.windows.tick(event, read_fact(event, WorkDue).now)
        return self.detect(event)
