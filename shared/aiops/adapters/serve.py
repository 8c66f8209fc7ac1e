"""The edge of every function: health, decode once, status codes, trace context, one log line.

2xx: done. 400: wrong and will stay wrong, to the dead letter sink. 503: a dependency is away,
delivered again. 500: a bug of ours, delivered again and loud.
"""

import gc
import io
import json
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TypeVar

import flask

from aiops.adapters.cloudevent import decode, iso
from aiops.adapters.counting import Counting, counting
from aiops.adapters.tracing import PARENT, Answering, Tracing
from aiops.counters import ARRIVAL, EVENTS, INCIDENT, REQUEST, RESULTS
from aiops.errors import AiopsError, Misconfigured, Rejected, Unavailable
from aiops.events import AnomaliesDetected
from aiops.ports import Event, Handler
from aiops.settings import Settings

MAX_BODY_BYTES = 1 << 20
"""Kafka's own default for the largest record."""

Reply = tuple[str, int] | tuple[str, int, dict[str, str]]
Served = TypeVar("Served")


class Edge:
    """Serves one function's events over HTTP.

    Settings and configuration are read at once, so that a wrong one stops the start. Clients
    connect with the first event, after the server has forked.
    """

    def __init__(self, function: str, build: Callable[[Settings], Handler]) -> None:
        self._function = function
        self._settings, self._handler = started(function, build)
        self._counting = counting(self._settings.redis_url, self._settings.generation)
        self._tracing = traced(function)

    def __call__(self, request: flask.Request) -> Reply:
        """Answer one request."""
        if request.method in {"GET", "HEAD"}:
            return probed(request)
        if request.method != "POST":
            return "POST a CloudEvent\n", 405, {"Allow": "GET, HEAD, POST"}
        with self._tracing.answering(parent_of(request)) as known:
            return self._deliver(request, known)

    def _deliver(self, request: flask.Request, known: Answering) -> Reply:
        started = time.perf_counter()
        answer = _Answer(500, "bug")
        event: Event | None = None
        try:
            event = decode(dict(request.headers), read_body(request), self._settings.clock.now())
            answer = _Answer(204, counts=self._handler(event))
        except AiopsError as problem:
            answer = _Answer(status_of(problem), str(problem))
        except Exception as bug:  # noqa: BLE001 - the one place that turns a bug into an answer
            answer = _Answer(500, f"bug: {type(bug).__name__}")
            traceback.print_exc(file=sys.stderr)
        took = (time.perf_counter() - started) * 1000
        known.tell(answer.status, answer.counts, event)
        self._count(event, answer)
        note_answer(self._counting, self._function, answer.status, answer.counts, took)
        tell(self._counting, answer.error)
        self._log(event, answer, took)
        return ("", 204) if answer.status == 204 else (f"{answer.error}\n", answer.status)

    def _count(self, event: Event | None, answer: "_Answer") -> None:
        """Note how long an event was on its way, where it is handled now."""
        if event is None or answer.status != 204:
            return
        clock = self._settings.clock
        ms = (clock.now() - event.time) / clock.rate
        self._counting.observe(ARRIVAL, self._function, ms=ms)
        if event.type == AnomaliesDetected.type and answer.counts.get("published"):
            self._counting.observe(INCIDENT, ms=ms)

    def _log(self, event: Event | None, answer: "_Answer", took_ms: float) -> None:
        """Write one line of JSON about one request; never any data of the event."""
        line: dict[str, object] = {}
        if event is not None:
            line |= {"event": event.id, "type": event.type}
            for name in ("correlationid", "traceparent"):
                if name in event.extensions:
                    line[name] = event.extensions[name]
        if answer.error:
            line["error"] = answer.error
        line |= dict(answer.counts)
        write_line(self._settings.clock.now(), self._function, answer.status, took_ms, line)


def started(function: str, build: Callable[[Settings], Served]) -> tuple[Settings, Served]:
    """Return the settings, and what serves under them.

    Raises:
        SystemExit: a setting is wrong; one line names it.
    """
    try:
        settings = Settings.from_env()
        served = build(settings)
    except Misconfigured as error:
        raise SystemExit(f"aiops {function}: {error}") from None
    _spare_the_collector()
    return settings, served


def parent_of(request: flask.Request) -> str:
    """Return the span a request belongs to: the event's own, else that of whoever delivers."""
    headers = request.headers
    return headers.get(f"ce-{PARENT}") or headers.get(PARENT, "")


def traced(function: str) -> Tracing:
    """Return what makes spans of answers, where somebody asks for them.

    Raises:
        SystemExit: somebody does, and the image cannot.
    """
    try:
        return Tracing(function)
    except Misconfigured as error:
        raise SystemExit(f"aiops {function}: {error}") from None


def note_answer(
    counts_in: Counting, function: str, status: int, counts: Mapping[str, int], took_ms: float
) -> None:
    """Note one answer: how it ended, what became of the event's parts, how long it took."""
    counts_in.count(EVENTS, function, outcome_of(status))
    for result, n in counts.items():
        if n:
            counts_in.count(RESULTS, function, result, n=n)
    counts_in.observe(REQUEST, function, ms=took_ms)


def tell(counts_in: Counting, error: str) -> None:
    """Tell what was noted, unless Redis was away a moment ago: then with the next answer."""
    if not error.startswith("Redis: "):
        counts_in.tell()


def outcome_of(status: int) -> str:
    """Return how an event ended that was answered so."""
    words = {429: "limited", 500: "bug", 503: "unavailable"}
    return words.get(status, "ok" if status < 300 else "rejected")


def probed(request: flask.Request) -> Reply:
    """Answer a GET: the probes' pages are there, and nothing else."""
    known = request.path in {"/health/liveness", "/health/readiness"}
    return ("ok\n", 200) if known else ("no such page\n", 404)


def write_line(
    now: int, function: str, status: int, took_ms: float, more: Mapping[str, object]
) -> None:
    """Write one line of JSON about one request."""
    severity = "INFO" if status < 400 else "WARNING" if status < 500 else "ERROR"
    line: dict[str, object] = {
        "time": iso(now),
        "severity": severity,
        "function": function,
        "status": status,
        "milliseconds": round(took_ms, 2),
    }
    sys.stdout.write(json.dumps(line | dict(more)) + "\n")
    sys.stdout.flush()


@dataclass(frozen=True, slots=True)
class _Answer:
    """How an event was answered."""

    status: int
    error: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)


def _spare_the_collector() -> None:
    """Keep the garbage collector from walking what lives as long as the process, again and again.

    An event makes thousands of small lists and leaves no cycles behind; what the imports made
    would be walked for them. Before the server forks, freezing also keeps its pages shared.
    """
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def status_of(problem: AiopsError) -> int:
    """Return the HTTP status that says what is to become of the event."""
    return 400 if isinstance(problem, Rejected) else 503


def child_trace(event: Event, function: str) -> dict[str, str]:
    """Return the `traceparent` extension for what an event causes, none where it carries none.

    The span id is derived, so that a redelivered event names the same span.
    Source: https://www.w3.org/TR/trace-context/#traceparent-header
    """
    parts = event.extensions.get("traceparent", "").split("-")
    if len(parts) != 4 or len(parts[1]) != 32:
        return {}
    span = blake2b(f"{event.source}\x1f{event.id}\x1f{function}".encode(), digest_size=8)
    return {"traceparent": f"{parts[0]}-{parts[1]}-{span.hexdigest()}-{parts[3]}"}


def read_body(request: flask.Request, limit: int = MAX_BODY_BYTES) -> bytes:
    """Return the body, read up to the limit; the framework, which reads on, finds no more.

    Raises:
        Rejected: it is too long, and will stay so.
        Unavailable: it was cut off on its way.
    """
    length = request.content_length or 0
    body = b"" if length > limit else request.stream.read(limit + 1)
    request.stream = io.BytesIO()
    if max(length, len(body)) > limit:
        raise Rejected(f"body: more than {limit} bytes")
    if len(body) < length:
        raise Unavailable(f"body: {len(body)} of {length} bytes arrived")
    return body
