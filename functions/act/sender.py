"""Requests over HTTP: one try, bounded in time, no redirects, nothing secret in what it reports."""

import http.client
import socket
import ssl
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol
from urllib.parse import SplitResult, quote, unquote, urlsplit

import certifi

from functions.act.answer import Answer, answer_of, no_answer
from functions.act.channel import Request
from functions.act.connecting import Connector, NotAllowed

CONNECT_SECONDS = 2.0
READ_SECONDS = 4.0
CALL_SECONDS = CONNECT_SECONDS + 2 * READ_SECONDS
"""A delivery at its slowest: however many calls it takes, and however slowly a receiver takes or
gives byte after byte, it ends then."""

NOT_ALLOWED = "its address is neither public nor in ALLOWED_ADDRESSES"

_BODY_BYTES = 2_048
_AS_THEY_ARE = "!#$%&'()*+,/:;=?@[]~"
"""What may stand in a path that was written by people; anything else is escaped."""


class Sender(Protocol):
    """Where requests go."""

    def send(self, request: Request, seconds: float) -> Answer:
        """Make one attempt, for so long at most, and return what became of it.

        Never raises for what a receiver does.
        """


@dataclass(slots=True)
class Calls:
    """The calls of one delivery, with one end for all of them.

    Attributes:
        ends: On `timer`, in seconds.
    """

    sender: Sender
    timer: Callable[[], float]
    ends: float

    def left(self) -> float:
        """Return the seconds until the end, 0 once it has come."""
        return max(0.0, self.ends - self.timer())

    def call(self, request: Request) -> Answer:
        """Make one call in the time that is left."""
        left = self.left()
        if left <= 0:
            return no_answer("no time left for the call", may_have_arrived=False)
        return self.sender.send(request, left)


class HttpSender:
    """Sends over real sockets, each request over a connection of its own.

    A kept connection may have been closed by the receiver just when it is used again, and nobody
    knows then whether the request arrived. Neither proxies nor credentials are taken from the
    environment or from `.netrc`.

    Args:
        connector: Knows where requests may go.
        read_seconds: How long a receiver may say nothing at all.
        authorities: File of the certificates that receivers are verified by.
    """

    def __init__(
        self,
        connector: Connector | None = None,
        read_seconds: float = READ_SECONDS,
        authorities: str = "",
    ) -> None:
        self._connector = connector or Connector()
        self._read_seconds = read_seconds
        self._authorities = authorities

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self._authorities or certifi.where())

    def send(self, request: Request, seconds: float = CALL_SECONDS) -> Answer:
        """Make one attempt."""
        ends = time.monotonic() + seconds
        url = urlsplit(request.url)
        try:
            plain = self._connector.connect(url, min(CONNECT_SECONDS, seconds))
        except NotAllowed:
            return no_answer(NOT_ALLOWED, may_have_arrived=False)
        except (OSError, UnicodeError) as error:
            late = isinstance(error, TimeoutError)
            words = "no connection in time" if late else "connection failed"
            return no_answer(words, may_have_arrived=False)
        with closing(plain), _ended_after(plain, ends - time.monotonic()) as ended:
            return self._exchange(plain, url, request, ended)

    def _exchange(
        self, plain: socket.socket, url: SplitResult, request: Request, ended: threading.Event
    ) -> Answer:
        connection = http.client.HTTPConnection(url.hostname or "")
        try:
            plain.settimeout(self._read_seconds)
            connection.sock = self._secured(plain, url)
        except (OSError, ValueError) as error:
            slow = ended.is_set() or isinstance(error, TimeoutError)
            words = "no connection in time" if slow else "TLS: the receiver could not be verified"
            return no_answer(words, may_have_arrived=False)
        try:
            with closing(connection):
                method, body = request.method, None if request.method == "GET" else request.body
                connection.request(method, _target(url), body, _headers(url, request))
                with closing(http.client.HTTPResponse(connection.sock, method=method)) as response:
                    return _read(response, request)
        except (OSError, http.client.HTTPException) as error:
            slow = ended.is_set() or isinstance(error, TimeoutError)
            return no_answer(
                "no answer in time" if slow else "connection failed", may_have_arrived=True
            )

    def _secured(self, plain: socket.socket, url: SplitResult) -> socket.socket:
        if url.scheme != "https":
            return plain
        return self._tls.wrap_socket(plain, server_hostname=url.hostname)


@contextmanager
def _ended_after(connection: socket.socket, seconds: float) -> Iterator[threading.Event]:
    """Shut a connection down after a time: whoever waits for it goes on, with nothing more to read.

    TLS takes the socket over, so it is shut down by a second handle on it.
    """
    ended = threading.Event()

    def end() -> None:
        ended.set()
        try:
            handle.shutdown(socket.SHUT_RDWR)
        except OSError:  # it ended by itself meanwhile
            return

    with connection.dup() as handle:
        timer = threading.Timer(max(0.0, seconds), end)
        timer.daemon = True
        timer.start()
        try:
            yield ended
        finally:
            timer.cancel()
            timer.join()


def _read(response: http.client.HTTPResponse, request: Request) -> Answer:
    """Return what a response says; its status counts, whatever becomes of the rest.

    Raises:
        OSError: the connection ended before there was a status.
        http.client.HTTPException: that is no HTTP.
    """
    body, retry_after = b"", ""
    try:
        response.begin()
    except (OSError, http.client.HTTPException):
        if not isinstance(response.status, int):
            raise
    else:
        wanted = request.reads if response.status < 400 else max(_BODY_BYTES, request.reads)
        body = _beginning(response, wanted)
        retry_after = response.headers.get("Retry-After", "")
    secrets = (request.url, *request.secrets)
    return answer_of(response.status, body, retry_after, request.retry, secrets)


def _beginning(response: http.client.HTTPResponse, wanted: int) -> bytes:
    """Return the beginning of an answer's body; a broken one is none, as the status says enough."""
    try:
        return response.read(wanted) if wanted else b""
    except (OSError, http.client.HTTPException):
        return b""


def _target(url: SplitResult) -> str:
    path = quote(url.path or "/", safe=_AS_THEY_ARE)
    return f"{path}?{quote(url.query, safe=_AS_THEY_ARE)}" if url.query else path


def _headers(url: SplitResult, request: Request) -> dict[str, str]:
    """Return the headers; credentials may stand in the address."""
    host = (url.hostname or "").encode("idna").decode()
    host = f"[{host}]" if ":" in host else host
    headers = {
        "Host": host if url.port is None else f"{host}:{url.port}",
        **({} if request.method == "GET" else {"Content-Type": request.content_type}),
        "User-Agent": "aiops",
        "Accept-Encoding": "identity",
        "Connection": "close",
        **request.headers,
    }
    if url.username is not None:
        pair = f"{unquote(url.username)}:{unquote(url.password or '')}"
        headers["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
    return headers
