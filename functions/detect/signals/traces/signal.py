"""Spans of any format as rate, errors and durations: of services, and of the calls between them."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import orjson

from aiops.call_sightings import CallSightings, SeenCall
from aiops.errors import Rejected
from aiops.plugins import available, load
from aiops.ports import Event
from aiops.series import SeriesMap
from aiops.span_pairs import Half, SpanPairs
from functions.detect.gathering import WRONG
from functions.detect.signals.origin import service_of
from functions.detect.signals.traces.config import TracesConfig
from functions.detect.signals.traces.span import ASKED, ASKING, Span
from functions.detect.sniffing import documents
from functions.detect.sources import Source, source_of
from functions.detect.windows.tally import Labels, Tally

FORMATS = "functions.detect.signals.traces.formats"

MOST_SPANS = 20_000
"""Spans of one record; what it holds beyond is dropped and counted."""

OFTEN_ENOUGH = 60_000
"""Milliseconds in which an instance says only once that a call was seen."""

MOST_CALLS = 1 << 14
"""Calls of which an instance remembers when it last said so."""


class Format(Protocol):
    """How spans are written: `Format` of a module in `functions.detect.signals.traces.formats`."""

    def recognises(self, fields: Collection[str]) -> bool:
        """Return whether a JSON object with these fields is one of its documents."""

    def spans(self, document: Any) -> Iterator[Span | None]:
        """Yield the spans of a document, a JSON object or the bytes of a binary record.

        None stands for one that is not as the format says.

        Raises:
            WRONG: it is not as the format says; what was yielded before stays.
        """


@dataclass(frozen=True, slots=True)
class End:
    """What one service tells of a call.

    Attributes:
        end: Unix milliseconds.
        seconds: How long it took.
    """

    service: str
    end: int
    seconds: float
    failed: bool
    trace: str

    def packed(self) -> bytes:
        """Return it as it is kept until the other end comes."""
        return orjson.dumps((self.service, self.end, self.seconds, self.failed, self.trace))


class TraceSignal:
    """Reads records of spans.

    Args:
        config: How much is kept.
        names: How series are read.
        topics: What topics carry.
        pairs: Brings both ends of calls together.
        calls: Is told who calls whom.
    """

    def __init__(
        self,
        config: TracesConfig,
        names: SeriesMap,
        topics: Mapping[str, Source],
        pairs: SpanPairs,
        calls: CallSightings,
    ) -> None:
        self._config, self._names, self._topics = config, names, topics
        self._pairs, self._calls = pairs, calls
        self._formats: dict[str, Format] = {}
        self._said: dict[SeenCall, int] = {}

    def tally(self, event: Event) -> Tally:
        """Return what the spans of a record add up to.

        Raises:
            Rejected: it is no record of spans.
            Unavailable: what was kept of other records is not to be had.
        """
        tally = Tally()
        spans = self.spans(event, tally)
        if not spans and tally.dropped["malformed"]:
            raise Rejected("data: malformed, not as its format says")
        # The worst come first, as few examples are kept.
        spans.sort(key=lambda one: (not one.failed, -one.seconds))
        operations: dict[str, set[str]] = {}
        halves: list[Half] = []
        seen: dict[SeenCall, int] = {}
        for one in spans:
            service = service_of(one.labels, self._names)
            told = End(service, one.end, one.seconds, one.failed, one.trace)
            if one.kind in ASKED:
                self._served(tally, told, self._operation(one, service, operations))
            if one.store:
                self._asked_store(tally, told, one.store)
                seen[SeenCall(service, one.store, "database")] = one.end
            elif half := _half(one, told):
                halves.append(half)
        self._join(event, halves, tally, seen)
        # A clock that is ahead must not keep a call that nobody makes any more.
        self._say({call: min(at, event.time) for call, at in seen.items()})
        return tally

    def _operation(self, one: Span, service: str, operations: dict[str, set[str]]) -> str:
        known = operations.setdefault(service, set())
        if one.operation not in known and len(known) >= self._config.max_operations:
            return "other"
        known.add(one.operation)
        return one.operation

    @staticmethod
    def _served(tally: Tally, told: End, operation: str) -> None:
        labels = (("operation", operation),)
        service = tally.services[told.service]
        trace = told.trace if told.failed else ""
        service.count(told.end, ("span_requests", labels))
        service.count(told.end, ("span_errors", labels), int(told.failed), trace)
        service.duration(told.end, ("span_duration_seconds", labels), told.seconds, told.trace)

    @staticmethod
    def _asked_store(tally: Tally, told: End, store: str) -> None:
        _called(tally, store, _pair(told.service, store), told)

    def _join(
        self, event: Event, halves: Sequence[Half], tally: Tally, seen: dict[SeenCall, int]
    ) -> None:
        """Count the calls of which this record brings the second end."""
        if not halves:
            return
        for whole in self._pairs.join(f"{event.source} {event.id}", halves):
            client, server = (End(*orjson.loads(one)) for one in whole)
            if client.service == server.service:
                continue
            labels = _pair(client.service, server.service)
            _called(tally, server.service, labels, client)
            row = ("edge_server_duration_seconds", labels)
            service = tally.services[server.service]
            service.duration(server.end, row, server.seconds, server.trace)
            seen[SeenCall(client.service, server.service)] = client.end

    def _say(self, seen: Mapping[SeenCall, int]) -> None:
        """Tell of calls, but not of those that were told of just now."""
        fresh = {
            call: at for call, at in seen.items() if at - self._said.get(call, 0) >= OFTEN_ENOUGH
        }
        if fresh:
            self._calls.note(fresh)
            if len(self._said) > MOST_CALLS:
                self._said.clear()
            self._said |= fresh

    def spans(self, event: Event, tally: Tally) -> list[Span]:
        """Return the spans of a record; what is left out is counted in the tally.

        Raises:
            Rejected: it is no record of spans.
        """
        found: list[Span] = []
        for one in self._read(event, tally):
            if one is None:
                tally.dropped["malformed"] += 1
            elif len(found) >= MOST_SPANS:
                tally.dropped["too_many_spans"] += 1
            else:
                found.append(one)
        return found

    def _read(self, event: Event, tally: Tally) -> Iterator[Span | None]:
        encoding = source_of(event, self._topics).encoding
        if encoding != "json":
            yield from self._each(self._format(encoding), event.data)
            return
        known = False
        for document in documents(event.data):
            one = self._recognised(document) if isinstance(document, dict) else None
            if one is None:
                tally.dropped["unknown_format"] += 1
            else:
                known = True
                yield from self._each(one, document)
        if not known:
            raise Rejected("data: unknown format; expected spans as docs/traces.md lists them")

    @staticmethod
    def _each(one: Format, document: Any) -> Iterator[Span | None]:
        try:
            yield from one.spans(document)
        except WRONG:
            yield None

    def _recognised(self, document: Mapping[str, Any]) -> Format | None:
        every = map(self._format, available(FORMATS))
        return next((one for one in every if one.recognises(document)), None)

    def _format(self, name: str) -> Format:
        if name not in self._formats:
            self._formats[name] = load(FORMATS, name, "Format")()
        return self._formats[name]


def _half(one: Span, told: End) -> Half | None:
    """Return the end of a call that a span is, None where it is none."""
    call = one.id if one.kind in ASKING else one.parent if one.kind in ASKED else ""
    return Half(one.trace, call, one.kind in ASKED, told.packed()) if one.trace and call else None


def _pair(client: str, server: str) -> Labels:
    return (("client", client), ("server", server))


def _called(tally: Tally, server: str, labels: Labels, client: End) -> None:
    """Count a call as its client saw it."""
    service = tally.services[server]
    trace = client.trace if client.failed else ""
    service.count(client.end, ("call_requests", labels))
    service.count(client.end, ("call_errors", labels), int(client.failed), trace)
    row = ("edge_client_duration_seconds", labels)
    service.duration(client.end, row, client.seconds, client.trace)
