"""A TCP relay whose connections can be cut, and made to swallow a reply."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from random import Random

Address = tuple[str, int]
_BUFFERED_BYTES = 1 << 20
REFUSAL_SECONDS = 0.4
"""How long a connection is held that no server takes; at once, clients would try without end."""


class Relay:
    """Hands connections on to servers that take turns; one that refuses is passed over.

    Args:
        upstreams: The servers.
        random: Picks the connections that are cut.
    """

    def __init__(self, upstreams: Sequence[Address], random: Random) -> None:
        self._upstreams = tuple(upstreams)
        self._turn = 0
        self._random = random
        self._pairs: list[_Client] = []
        self.counts: Counter[str] = Counter()

    def __call__(self) -> asyncio.Protocol:
        """Return what serves the next connection."""
        return _Client(self)

    def cut(self) -> None:
        """Cut a connection, one that waits for a reply if there is any."""
        if self._pairs:
            self._pick().close()
            self.counts["cut"] += 1

    def sever(self, port: int) -> None:
        """Cut all connections to one server that wait for a reply; it does not notice at once."""
        for pair in [one for one in self._pairs if one.waits and one.port == port]:
            pair.close()
            self.counts["severed"] += 1

    def swallow(self) -> None:
        """Drop the next reply on a connection, and the connection with it."""
        if self._pairs:
            self._pick().swallows = True

    def turn(self) -> list[Address]:
        """Return the servers in the order in which they are to be tried."""
        self._turn = (self._turn + 1) % len(self._upstreams)
        return [*self._upstreams[self._turn :], *self._upstreams[: self._turn]]

    def opened(self, pair: "_Client") -> None:
        """Note a connection."""
        self._pairs.append(pair)
        self.counts["connections"] += 1

    def closed(self, pair: "_Client") -> None:
        """Forget a connection."""
        if pair in self._pairs:
            self._pairs.remove(pair)

    def _pick(self) -> "_Client":
        waiting = [pair for pair in self._pairs if pair.waits]
        return self._random.choice(waiting or self._pairs)


class _Client(asyncio.Protocol):
    """The side of whoever connected to us.

    Attributes:
        waits: Whether something was asked that was not answered yet.
        swallows: Whether the next reply is dropped.
        port: Of the server, 0 before there is one.
    """

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self._server = _Server(self)
        self._transport: asyncio.Transport | None = None
        self._connecting: asyncio.Task[None] | None = None
        self.waits = self.swallows = False
        self.port = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - what a TCP server is given
        self._transport = transport
        transport.set_write_buffer_limits(_BUFFERED_BYTES)
        transport.pause_reading()
        self._relay.opened(self)
        self._connecting = asyncio.ensure_future(self._connect())

    def data_received(self, data: bytes) -> None:
        self.waits = True
        self._server.write(data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self.close()

    def pause_writing(self) -> None:
        self._server.pause()

    def resume_writing(self) -> None:
        self._server.resume()

    def replied(self, data: bytes) -> None:
        """Hand a reply on, or swallow it."""
        if self.swallows:
            self._relay.counts["swallowed"] += 1
            self.close()
        elif self._transport is not None:
            self.waits = False
            self._transport.write(data)

    def pause(self, *, paused: bool) -> None:
        """Read no more from whoever connected, or read on."""
        if self._transport is None or self._transport.is_closing():
            return
        if paused:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def close(self) -> None:
        """End both sides at once, as a broken network does; what was written may be lost."""
        self._relay.closed(self)
        for transport in (self._transport, self._server.transport):
            if transport is not None:
                transport.abort()

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        for host, port in self._relay.turn():
            try:
                await loop.create_connection(lambda: self._server, host, port)
            except OSError:
                continue
            self.port = port
            self.pause(paused=False)
            return
        await asyncio.sleep(REFUSAL_SECONDS)
        self.close()


class _Server(asyncio.Protocol):
    """The side of the server."""

    def __init__(self, client: _Client) -> None:
        self._client = client
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - what a TCP client is given
        transport.set_write_buffer_limits(_BUFFERED_BYTES)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self._client.replied(data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._client.close()

    def pause_writing(self) -> None:
        self._client.pause(paused=True)

    def resume_writing(self) -> None:
        self._client.pause(paused=False)

    def write(self, data: bytes) -> None:
        """Send on."""
        if self.transport is not None:
            self.transport.write(data)

    def pause(self) -> None:
        """Read no more from the server."""
        if self.transport is not None:
            self.transport.pause_reading()

    def resume(self) -> None:
        """Read on."""
        if self.transport is not None and not self.transport.is_closing():
            self.transport.resume_reading()
