"""Records of logs and traces in; counts and durations by the minute out, each once in effect."""

import re
from dataclasses import dataclass, field
from typing import Protocol

from aiops.clock import Clock
from aiops.open_windows import OpenWindows
from aiops.ports import Counts, Event, Publisher
from aiops.series_store import SeriesStore
from functions.detect.settling import Changed, Form, Output, Settling
from functions.detect.sources import topic_of
from functions.detect.windows.config import WindowsConfig
from functions.detect.windows.fold import Folded, fold, pass_by, waits
from functions.detect.windows.state import Origin, ServiceState, packed, unpacked
from functions.detect.windows.tally import Tally
from functions.detect.windows.telling import Telling

OFFSET = re.compile(r"partition:(\d+)/offset:(\d+)")
"""How KafkaSource names a record."""


class SignalReader(Protocol):
    """Reads one kind of telemetry."""

    def tally(self, event: Event) -> Tally:
        """Return what a record adds up to; the same for the same event.

        Raises:
            Rejected: it is no such record.
        """


@dataclass(frozen=True, slots=True)
class WindowHandler:
    """Counts what is told one by one.

    Attributes:
        store: States of services, and what is not published yet.
        index: Which services the clock has to look at.
        max_future: Milliseconds something may lie after the time it was sent.
    """

    store: SeriesStore
    index: OpenWindows
    publisher: Publisher
    clock: Clock
    telling: Telling
    config: WindowsConfig
    max_future: int
    settling: Settling[ServiceState] = field(init=False)

    def __post_init__(self) -> None:
        """Settle services as they are kept."""
        form = Form(unpacked, packed, waits)
        parts = (self.store, self.index, self.publisher, self.clock)
        settling = Settling(*parts, form, self.telling.messages, int(self.config.idle * 1000))
        object.__setattr__(self, "settling", settling)

    def __call__(self, event: Event, signal: SignalReader) -> Counts:
        """Count what a record tells.

        Raises:
            Rejected: the signal cannot read it.
            Unavailable: something could not be stored or published.
        """
        tally = signal.tally(event)
        origin = origin_of(event)
        latest = event.time + self.max_future

        def change(name: str, state: ServiceState) -> Changed:
            folded = fold(state, tally.services[name], origin, latest, self.config)
            state.touched = max(state.touched, self.clock.now())
            return self._changed(name, folded)

        counts = self.settling.settle(event, list(tally.services), change)
        counts.update(tally.dropped)
        return counts

    def tick(self, event: Event, now: int) -> Counts:
        """Let time pass for services that tell nothing.

        Args:
            event: The reason.
            now: By the clock.
        """
        return self.settling.tick(
            event, now, lambda name, state: self._changed(name, pass_by(state, now, self.config))
        )

    def _changed(self, name: str, folded: Folded) -> Changed:
        outputs: list[Output] = list(self.telling.samples(name, folded.counted))
        for template, seen in folded.fresh.items():
            found = self.telling.anomaly(name, template, seen)
            if found is not None:
                outputs.append(found)
        folded.counts["counted"] += len(folded.counted)
        folded.counts["new_errors"] += len(folded.fresh)
        return Changed(outputs, folded.counts)


def origin_of(event: Event) -> Origin:
    """Return where a record comes from; its offset where KafkaSource tells it."""
    found = OFFSET.fullmatch(event.id)
    if found is None:
        return Origin(event.id, event.time)
    partition, offset = found.groups()
    return Origin(event.id, event.time, f"{topic_of(event)}/{partition}", int(offset))
