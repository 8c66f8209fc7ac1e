"""Connections to receivers: looked up once, every address checked, then to one of these."""

import queue
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult

from functions.act.allowed import Allowed

Found = tuple[int, int, int, str, tuple[Any, ...]]
"""Family, kind, protocol, canonical name and address, as `socket.getaddrinfo` returns them."""

Lookup = Callable[[str, int], Sequence[Found]]


class NotAllowed(OSError):
    """A name leads where no request may go."""


def look_up(host: str, port: int) -> Sequence[Found]:
    """Return the addresses of a name, as the system knows them."""
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)


@dataclass(frozen=True, slots=True)
class Connector:
    """Connects to the host of an address.

    The name is looked up once, and the connection goes to an address that was checked: a name that
    means something else a moment later changes nothing. One address that is not allowed among
    several makes the whole name suspect.
    """

    allowed: Allowed = field(default_factory=Allowed)
    lookup: Lookup = look_up

    def connect(self, url: SplitResult, seconds: float) -> socket.socket:
        """Return a connection to the first address that answers, all of it in so many seconds.

        Raises:
            NotAllowed: the name has an address that no request may go to, or none at all.
            TimeoutError: it took too long.
            OSError: nobody answers there, or the name is unknown.
            UnicodeError: that can be no name.
        """
        deadline = time.monotonic() + seconds
        host = url.hostname or ""
        port = url.port or (443 if url.scheme == "https" else 80)
        found = _in_time(lambda: self.lookup(host, port), seconds)
        if not found or not all(self.allowed.permits(host, one[4][0]) for one in found):
            raise NotAllowed
        return _first(found, deadline)


def _in_time(call: Callable[[], Sequence[Found]], seconds: float) -> Sequence[Found]:
    """Return what a call returns; one that hangs is left to itself.

    The system's resolver takes no time-out, and a call must end before its lease does.
    """
    results: queue.SimpleQueue[Sequence[Found] | Exception] = queue.SimpleQueue()

    def run() -> None:
        try:
            results.put(call())
        except Exception as error:  # noqa: BLE001 - raised again by the one who waits
            results.put(error)

    threading.Thread(target=run, daemon=True).start()
    try:
        result = results.get(timeout=max(0.0, seconds))
    except queue.Empty:
        raise TimeoutError from None
    if isinstance(result, Exception):
        raise result
    return result


def _first(found: Sequence[Found], deadline: float) -> socket.socket:
    problem: OSError = TimeoutError()
    for family, kind, protocol, _, address in found:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        attempt = socket.socket(family, kind, protocol)
        try:
            attempt.settimeout(left)
            attempt.connect(address)
        except OSError as error:
            attempt.close()
            problem = error
        else:
            attempt.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return attempt
    raise problem
