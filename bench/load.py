"""The load generator: finished requests over a few connections that are kept open.

It costs well under a tenth of a millisecond a request, because it neither encodes nor parses: what
is not a 204 ends the run.
"""

import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

_TIMEOUT_SECONDS = 60.0
_ANSWER = b"HTTP/1.1 204"


@dataclass(frozen=True, slots=True)
class Timing:
    """What a run took.

    Attributes:
        seconds: From the first request to the last answer.
        latencies: Seconds of every request.
    """

    seconds: float
    latencies: tuple[float, ...]


class _Connection(threading.Thread):
    """Sends its requests one after the other."""

    def __init__(self, url: str, requests: Sequence[bytes], start: threading.Barrier) -> None:
        super().__init__(daemon=True)
        self._requests, self._gate = requests, start
        self._socket = connected(url)
        self.latencies: list[float] = []
        self.problem: Exception | None = None

    def run(self) -> None:
        """Send all; a problem is kept for who waits."""
        try:
            with self._socket:
                self._gate.wait()
                for request in self._requests:
                    began = time.perf_counter()
                    exchange(self._socket, request)
                    self.latencies.append(time.perf_counter() - began)
        except Exception as problem:  # noqa: BLE001 - raised again by the thread that waits
            self.problem = problem


def drive(url: str, requests: Sequence[bytes], connections: int, apart: int = 1) -> Timing:
    """Send requests over so many connections and return what that took.

    Args:
        url: Where to.
        requests: In the order in which they are to be sent.
        connections: How many are in flight at most.
        apart: Of how many streams the requests take turns; a stream's requests stay in order,
            because a series must not be overtaken by its own later samples.

    Raises:
        OSError: no answer.
        ValueError: one was answered with something else than 204.
    """
    lanes: list[list[bytes]] = [[] for _ in range(connections)]
    for place, request in enumerate(requests):
        lanes[place % apart % connections].append(request)
    gate = threading.Barrier(connections + 1)
    threads = [_Connection(url, lane, gate) for lane in lanes]
    for thread in threads:
        thread.start()
    gate.wait()
    began = time.perf_counter()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - began
    for thread in threads:
        if thread.problem is not None:
            raise thread.problem
    return Timing(seconds, tuple(one for thread in threads for one in thread.latencies))


def connected(url: str) -> socket.socket:
    """Return an open connection to the host of a URL."""
    parts = urlsplit(url)
    found = socket.create_connection((parts.hostname or "", parts.port or 80), _TIMEOUT_SECONDS)
    found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return found


def exchange(connection: socket.socket, request: bytes) -> None:
    """Send one request and read its answer.

    Raises:
        ValueError: the answer is not 204.
    """
    connection.sendall(request)
    answer = connection.recv(65_536)
    while b"\r\n\r\n" not in answer:
        more = connection.recv(65_536)
        if not more:
            raise ValueError(f"hung up after {answer[:200]!r}")
        answer += more
    if not answer.startswith(_ANSWER):
        raise ValueError(f"answered {answer[:400]!r}")
