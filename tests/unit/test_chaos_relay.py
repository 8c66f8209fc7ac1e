import asyncio
from random import Random

import pytest

from local.chaos import relay
from local.chaos.relay import Relay
from local.servers.process import free_ports


class World:
    """An echo server behind a relay."""

    def __init__(self) -> None:
        self.executed: list[bytes] = []
        self.deaf = False
        self.heard = asyncio.Event()
        self.writers: list[asyncio.StreamWriter] = []
        self.relay = Relay([], Random(1))

    async def start(self, *before: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        async def echo(reader, writer):
            self.writers.append(writer)
            while data := await said(reader):
                self.executed.append(data)
                if self.deaf:
                    self.heard.set()
                else:
                    writer.write(data)

        self.server = await asyncio.start_server(echo, "127.0.0.1", 0)
        port = self.server.sockets[0].getsockname()[1]
        self.relay = Relay([("127.0.0.1", each) for each in (*before, port)], Random(1))
        loop = asyncio.get_running_loop()
        self.front = await loop.create_server(self.relay, "127.0.0.1", 0)
        return await self.connect()

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection(*self.front.sockets[0].getsockname())
        self.writers.append(writer)
        return reader, writer

    async def stop(self) -> None:
        for writer in self.writers:
            writer.close()
        self.front.close()
        self.server.close()
        await asyncio.sleep(0.05)


def play(scene) -> None:
    async def whole() -> None:
        world = World()
        try:
            await asyncio.wait_for(scene(world), 10)
        finally:
            await world.stop()

    asyncio.run(whole())


async def said(reader: asyncio.StreamReader) -> bytes:
    """Return what comes next, empty where the connection has ended."""
    try:
        return await reader.read(1 << 16)
    except ConnectionError:
        return b""


def test_what_is_sent_arrives_and_the_answer_comes_back_however_long_it_is() -> None:
    async def scene(world: World) -> None:
        reader, writer = await world.start()
        writer.write(b"x" * 3_000_000)
        assert await reader.readexactly(3_000_000) == b"x" * 3_000_000
        writer.close()

    play(scene)


def test_a_swallowed_reply_was_executed_and_the_connection_is_gone() -> None:
    async def scene(world: World) -> None:
        reader, writer = await world.start()
        writer.write(b"first")
        assert await said(reader) == b"first"
        world.relay.swallow()
        writer.write(b"second")
        assert await said(reader) == b""
        assert world.executed == [b"first", b"second"]
        assert world.relay.counts["swallowed"] == 1

    play(scene)


def test_a_cut_connection_ends_on_both_sides_and_the_next_one_works() -> None:
    async def scene(world: World) -> None:
        reader, writer = await world.start()
        writer.write(b"first")
        assert await said(reader) == b"first"
        world.relay.cut()
        assert await said(reader) == b""
        reader, writer = await world.connect()
        writer.write(b"again")
        assert await said(reader) == b"again"
        writer.close()

    play(scene)


def test_severed_are_the_connections_to_one_server_that_wait() -> None:
    async def scene(world: World) -> None:
        reader, writer = await world.start()
        port = world.server.sockets[0].getsockname()[1]
        writer.write(b"answered")
        assert await said(reader) == b"answered"
        world.relay.sever(port)
        writer.write(b"still there")
        world.relay.sever(port + 1)
        assert await said(reader) == b"still there"
        world.deaf = True
        writer.write(b"waits")
        await world.heard.wait()
        world.relay.sever(port)
        assert await said(reader) == b""
        assert world.relay.counts["severed"] == 1

    play(scene)


def test_a_server_that_refuses_is_passed_over() -> None:
    async def scene(world: World) -> None:
        for _ in range(3):
            reader, writer = await world.start(*free_ports(1))
            writer.write(b"hello")
            assert await said(reader) == b"hello"
            writer.close()

    play(scene)


def test_where_every_server_refuses_the_connection_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "REFUSAL_SECONDS", 0.01)

    async def scene(world: World) -> None:
        reader, writer = await world.start()
        writer.close()
        world.server.close()
        await world.server.wait_closed()
        reader, writer = await world.connect()
        assert await said(reader) == b""

    play(scene)
