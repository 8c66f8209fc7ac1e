"""The edge: which sender a request is of, how much of it is read, and the answer."""

import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable

import flask

from aiops.adapters.counting import counting
from aiops.adapters.serve import (
    Reply,
    note_answer,
    parent_of,
    probed,
    read_body,
    started,
    tell,
    traced,
    write_line,
)
from aiops.clock import SystemClock
from aiops.errors import AiopsError, Rejected
from aiops.settings import Settings
from functions.gateway.handler import GatewayHandler, Outcome
from functions.gateway.sender import Request

_REAL = SystemClock()
_AGAIN = {"Retry-After": "5"}


class Edge:
    """Serves the senders, each under its name."""

    def __init__(self, build: Callable[[Settings], GatewayHandler]) -> None:
        self._settings, self._handler = started("gateway", build)
        self._counting = counting(self._settings.redis_url, self._settings.generation)
        self._tracing = traced("gateway")

    def __call__(self, request: flask.Request) -> Reply:
        """Answer one request: without a word where it went well."""
        if request.method in {"GET", "HEAD"}:
            return probed(request)
        if request.method != "POST":
            return "POST\n", 405, {"Allow": "GET, HEAD, POST"}
        name = request.path.removeprefix("/")
        if name not in self._handler.senders:
            return "nobody of that name is listened to\n", 404
        begun = time.perf_counter()
        with self._tracing.answering(parent_of(request)) as known:
            outcome = self._outcome(name, request)
            known.tell(outcome.status, outcome.counts)
        took = (time.perf_counter() - begun) * 1000
        note_answer(self._counting, "gateway", outcome.status, outcome.counts, took)
        tell(self._counting, outcome.error)
        more = {"sender": name, **({"error": outcome.error} if outcome.error else {})}
        now = self._settings.clock.now()
        write_line(now, "gateway", outcome.status, took, more | dict(outcome.counts))
        if outcome.status == 200:
            return "", 200
        text = f"{outcome.error}\n".encode(errors="backslashreplace").decode()
        return (text, 503, _AGAIN) if outcome.status == 503 else (text, outcome.status)

    def _outcome(self, name: str, request: flask.Request) -> Outcome:
        try:
            body = read_body(request, self._handler.senders[name].sender.max_bytes)
        except Rejected as rejected:
            return Outcome(413, str(rejected), Counter())
        except AiopsError as cut:
            return Outcome(503, str(cut), Counter())
        try:
            return self._handler(name, self._read(request, body))
        except AiopsError as problem:
            return Outcome(503, str(problem), Counter())
        except Exception as bug:  # noqa: BLE001 - the one place that turns a bug into an answer
            traceback.print_exc(file=sys.stderr)
            return Outcome(500, f"bug: {type(bug).__name__}", Counter())

    def _read(self, request: flask.Request, body: bytes) -> Request:
        clock = self._settings.clock
        unix_ms = _REAL.now()
        now = unix_ms if isinstance(clock, SystemClock) else clock.now()
        headers = {key.lower(): text for key, text in request.headers.items()}
        return Request(headers, body, now, unix_ms)
