"""The proxy as the run sees it: started, ordered about, asked for its counts."""

import json
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from aiops.errors import Unavailable
from local.chaos.proxy import HOST
from local.functions import ROOT
from local.servers.process import ChildProcess, free_ports, listens

_READY_SECONDS = 15.0
_ORDER_SECONDS = 10.0


class Links:
    """Ports that lead to servers, of which single connections can be troubled; a context manager.

    Args:
        links: Addresses by the name of the link, as `host:port`.
        seed: What the choice of connections is drawn from.
        log: The file its complaints go to.
    """

    def __init__(self, links: Mapping[str, Sequence[str]], seed: int, log: Path) -> None:
        *ports, self._control = free_ports(len(links) + 1)
        self._ports = dict(zip(links, ports, strict=True))
        plan = {
            "seed": seed,
            "control": self._control,
            "links": {
                name: {"port": self._ports[name], "upstreams": [_address(one) for one in upstreams]}
                for name, upstreams in links.items()
            },
        }
        command = [sys.executable, "-m", "local.chaos.proxy", json.dumps(plan)]
        path = f"{ROOT}:{ROOT / 'shared'}"
        self._child = ChildProcess("proxy", command, log, {"PYTHONPATH": path})
        self._socket: socket.socket | None = None

    def __enter__(self) -> Self:
        """Start it and return once it listens.

        Raises:
            Unavailable: it ended, or does not listen in time.
        """
        self._child.start()
        try:
            self._child.wait_until(lambda: listens(self._control), _READY_SECONDS)
            self._socket = socket.create_connection((HOST, self._control), _ORDER_SECONDS)
        except BaseException:
            self._child.stop(1.0)
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        if self._socket is not None:
            with suppress(OSError):
                self._socket.close()
        self._child.stop(1.0)

    def address(self, link: str) -> str:
        """Return where a link begins, as `host:port`."""
        return f"{HOST}:{self._ports[link]}"

    def cut(self, link: str) -> None:
        """Cut one of its connections."""
        self._order(f"cut {link}")

    def swallow(self, link: str) -> None:
        """Drop the next reply on one of its connections."""
        self._order(f"swallow {link}")

    def sever(self, link: str, server: str) -> None:
        """Cut all of its connections to one server, given by its URL, that wait for a reply."""
        self._order(f"sever {link} {_address(server)[1]}")

    def counts(self) -> dict[str, dict[str, int]]:
        """Return what was done on each link: `connections`, `cut`, `swallowed`, `severed`."""
        return self._order("counts")

    def _order(self, line: str) -> dict[str, dict[str, int]]:
        if self._socket is None:
            raise Unavailable("proxy: not started")
        try:
            self._socket.sendall(line.encode() + b"\n")
            answer = self._socket.makefile("rb").readline()
        except OSError as error:
            raise Unavailable(f"proxy: {error}") from error
        if not answer:
            raise Unavailable(f"proxy: ended: {self._child.last_words()}")
        counts: dict[str, dict[str, int]] = json.loads(answer)
        return counts


def _address(written: str) -> tuple[str, int]:
    parts = urlsplit(written if "//" in written else f"//{written}")
    return str(parts.hostname), int(parts.port or 0)
