"""Answers like Loki where there is none: counts of lines it was given, by two label sets.

Source: https://grafana.com/docs/loki/latest/reference/loki-http-api/ (query, query_range).
"""

import json
from collections.abc import Iterable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

WINDOW_SECONDS = 60.0


class LokiStandIn:
    """A server for tests; a context manager. It counts, and does not read LogQL.

    Attributes:
        lines: What each query counts, by its text: labels, and times in unix seconds.
        asked: Path and parameters of every request.
    """

    def __init__(self) -> None:
        self.lines: dict[str, list[tuple[dict[str, str], list[float]]]] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, kind, body = stand_in.answer(self.path)
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        """Serve."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, target: str) -> tuple[int, str, bytes]:
        """Return status, content type and body; a wrong query is told of in plain text."""
        place = urlsplit(target)
        given = {name: values[0] for name, values in parse_qs(place.query).items()}
        self.asked.append((place.path, given))
        known = self.lines.get(given.get("query", ""))
        if known is None:
            return HTTPStatus.BAD_REQUEST, "text/plain", b"parse error : syntax error"
        if place.path == "/loki/api/v1/query":
            return _found("vector", _vector(known, float(given["time"])))
        if place.path == "/loki/api/v1/query_range":
            first, last, step = (float(given[name]) for name in ("start", "end", "step"))
            times = [first + n * step for n in range(int((last - first) / step) + 1)]
            return _found("matrix", _matrix(known, times))
        return HTTPStatus.NOT_FOUND, "text/plain", b"404 page not found"


def _vector(known: Iterable[tuple[dict[str, str], list[float]]], at: float) -> list[dict[str, Any]]:
    counted = ((labels, _count(times, at)) for labels, times in known)
    return [{"metric": labels, "value": [at, str(n)]} for labels, n in counted if n]


def _matrix(
    known: Iterable[tuple[dict[str, str], list[float]]], times: list[float]
) -> list[dict[str, Any]]:
    rows = (
        (labels, [[at, str(n)] for at in times if (n := _count(lines, at))])
        for labels, lines in known
    )
    return [{"metric": labels, "values": values} for labels, values in rows if values]


def _count(times: Iterable[float], at: float) -> int:
    """Return how many lines lie in the window before a time, which belongs to it."""
    return sum(at - WINDOW_SECONDS < time <= at for time in times)


def _found(kind: str, result: list[dict[str, Any]]) -> tuple[int, str, bytes]:
    data = {"resultType": kind, "result": result, "stats": {"summary": {}}}
    body = json.dumps({"status": "success", "data": data}).encode()
    return HTTPStatus.OK, "application/json", body
