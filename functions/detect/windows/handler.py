"""Records of logs and traces in; counts and durations by the minute out, each once in effect.

The state of a service and what it gives out are stored together, before anything is published.
What may not be published yet stands in the state: whoever comes next publishes it first, so that
nothing is overtaken.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from aiops.adapters.serve import child_trace
from aiops.clock import Clock
from aiops.errors import Unavailable
from aiops.open_windows import OpenWindows
from aiops.ports import Counts, Event, Publisher
from aiops.series import shard_of
from aiops.series_store import Field, SeriesStore, Write
from functions.detect.sources import topic_of
from functions.detect.windows.config import WindowsConfig
from functions.detect.windows.fold import Folded, fold, pass_by, waits
from functions.detect.windows.state import Origin, ServiceState, nonce_of, packed, unpacked
from functions.detect.windows.tally import Tally
from functions.detect.windows.telling import Output, Telling

ROUNDS = 8
"""How often services changed by someone else meanwhile are folded again."""

SERVICES_A_TICK = 500
"""Services one tick looks at; the next looks at the others."""

MOST_PENDING = 200
"""Unpublished outputs of one service beyond which nothing more is taken of it."""

OFFSET = re.compile(r"partition:(\d+)/offset:(\d+)")
"""How KafkaSource names a record."""


class SignalReader(Protocol):
    """Reads one kind of telemetry."""

    def tally(self, event: Event) -> Tally:
        """Return what a record adds up to; the same for the same event.

        Raises:
            Rejected: it is no such record.
        """


Change = Callable[[str, ServiceState], Folded]
"""Changes the state of a service, by name."""


@dataclass(slots=True)
class _Taken:
    """A service whose state was read, and what came of it.

    Attributes:
        state: After the fold.
        nonce: Of the state as it was read.
        folded: What the fold gave.
        earlier: Outputs of before that are not published.
        outputs: New ones.
    """

    state: ServiceState
    nonce: bytes
    folded: Folded
    earlier: list[Output]
    outputs: list[Output] = field(default_factory=list)


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

    def __call__(self, event: Event, signal: SignalReader) -> Counts:
        """Count what a record tells.

        Raises:
            Rejected: the signal cannot read it.
            Unavailable: something could not be stored or published.
        """
        tally = signal.tally(event)
        origin = origin_of(event)
        latest = event.time + self.max_future

        def change(name: str, state: ServiceState) -> Folded:
            folded = fold(state, tally.services[name], origin, latest, self.config)
            state.touched = max(state.touched, self.clock.now())
            return folded

        counts = self._settle(event, list(tally.services), change)
        counts.update(tally.dropped)
        return counts

    def tick(self, event: Event, now: int) -> Counts:
        """Let time pass for services that tell nothing.

        Args:
            event: The reason.
            now: By the clock.
        """
        due = self.index.due(now, SERVICES_A_TICK)

        def change(_: str, state: ServiceState) -> Folded:
            return pass_by(state, now, self.config)

        counts = self._settle(event, [one.service for one in due], change)
        self.index.settle(due)
        return counts

    def _settle(self, event: Event, names: Sequence[str], change: Change) -> Counts:
        """Change services until each is stored, then publish what came of them."""
        counts: Counts = Counter()
        published: list[tuple[Field, Output]] = []
        left = list(names)
        for _ in range(ROUNDS):
            taken = self._take(event, left, change)
            refused = self._commit(taken)
            for name, one in taken.items():
                if name not in refused:
                    counts.update(one.folded.counts)
                    counts["counted"] += len(one.folded.counted)
                    counts["new_errors"] += len(one.folded.fresh)
                    published += _placed(name, (*one.earlier, *one.outputs))
            left = [name for name in left if name in refused]
            if not left:
                self._publish(event, published)
                return +counts
        raise Unavailable("windows: services changed by others again and again")

    def _take(self, event: Event, names: Sequence[str], change: Change) -> dict[str, _Taken]:
        """Read services and change them."""
        records = self.store.load([(shard_of(name), name) for name in names], (), 0).records
        states = [unpacked(record) for record in records]
        pending = self._pending(zip(names, states, strict=True))
        taken = {}
        for name, state, record in zip(names, states, records, strict=True):
            fields = ((out, (shard_of(name), out)) for out in state.pending)
            earlier = [(out, pending[field]) for out, field in fields if field in pending]
            if len(earlier) > MOST_PENDING:
                self._publish(event, _placed(name, earlier))
                earlier = []
            one = _Taken(state, nonce_of(record), change(name, state), earlier)
            one.outputs = self._outputs(name, one.folded)
            state.pending = [out for out, _ in (*earlier, *one.outputs)]
            taken[name] = one
        return taken

    def _pending(self, states: Iterable[tuple[str, ServiceState]]) -> Mapping[Field, bytes]:
        """Return what services gave out that is not published."""
        fields = [(shard_of(name), out) for name, state in states for out in state.pending]
        return self.store.outputs(fields) if fields else {}

    def _outputs(self, name: str, folded: Folded) -> list[Output]:
        outputs = list(self.telling.samples(name, folded.counted))
        for template, seen in folded.fresh.items():
            found = self.telling.anomaly(name, template, seen)
            if found is not None:
                outputs.append(found)
        return outputs

    def _commit(self, taken: Mapping[str, _Taken]) -> set[str]:
        """Store what was changed, noted for the clock before; return which were refused."""
        now = self.clock.now()
        idle = int(self.config.idle * 1000)
        soon = []
        for name, one in taken.items():
            if not waits(one.state):
                one.state.wake = 0
            elif one.state.wake <= now + idle // 2:
                one.state.wake = now + idle
                soon.append(name)
        self.index.note(soon, now + idle)
        writes = [
            Write(shard_of(name), name, one.nonce, packed(one.state), outputs=tuple(one.outputs))
            for name, one in taken.items()
        ]
        names = list(taken)
        return {names[place] for place in self.store.commit(writes, now)} if writes else set()

    def _publish(self, cause: Event, published: Sequence[tuple[Field, Output]]) -> None:
        """Publish outputs, then forget them; a repeat carries the same ids."""
        if not published:
            return
        extensions = {"causationid": cause.id, **child_trace(cause, "detect")}
        messages = [self.telling.message(one, cause.time, extensions) for _, one in published]
        self.publisher.publish(messages)
        self.store.remove([place for place, _ in published])


def origin_of(event: Event) -> Origin:
    """Return where a record comes from; its offset where KafkaSource tells it."""
    found = OFFSET.fullmatch(event.id)
    if found is None:
        return Origin(event.id, event.time)
    partition, offset = found.groups()
    return Origin(event.id, event.time, f"{topic_of(event)}/{partition}", int(offset))


def _placed(service: str, outputs: Iterable[Output]) -> list[tuple[Field, Output]]:
    return [((shard_of(service), output[0]), output) for output in outputs]
