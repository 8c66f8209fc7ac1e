"""A Redis that lost its latest state: the topic, read again from further back, restores it."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import orjson
import pytest
import redis

from aiops.adapters.memory_broker import MemoryPublisher
from aiops.batching import Reading, batches
from aiops.clock import SystemClock
from aiops.events import SeriesHead
from aiops.ports import Event
from aiops.series import SeriesMap
from aiops.settings import Settings
from functions.detect import wiring
from local.servers.redis import OwnRedis, debian_redis, embedded_redis

START = 1_767_225_600_000
MINUTES = 180
SERVICES = ("cart", "search", "stock", "web")


def topic() -> list[Event]:
    """Return hours of samples, an event a minute, with a fault in the middle and one at the end."""
    values = np.random.default_rng(3).normal(10.0, 1.0, (MINUTES, len(SERVICES)))
    values[120:124, 0] += 60.0
    values[-4:, 2] += 80.0
    return [
        message.event
        for minute in range(MINUTES)
        for message in batches(
            [
                Reading(
                    SeriesHead(metric="latency_milliseconds", labels={"service": service}),
                    START + 60_000 * minute,
                    float(values[minute, column]),
                )
                for column, service in enumerate(SERVICES)
            ],
            SeriesMap(),
            "/test",
            START + 60_000 * minute,
        )
    ]


class World:
    """`detect` over a Redis of its own, with what it published."""

    def __init__(self, server: OwnRedis, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.server = server
        self.folder = folder
        self.publisher = MemoryPublisher()
        monkeypatch.setattr(wiring, "KafkaPublisher", lambda _: self.publisher)

    def handle(self, events: list[Event], generation: str) -> None:
        settings = Settings(self.server.url, "k:1", "default", generation, SystemClock(), {})
        handler = wiring.build(settings)
        for event in events:
            handler(event)

    def anomalies(self) -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        for message in self.publisher.topics.get("anomalies", ()):
            for one in orjson.loads(message.event.data)["anomalies"]:
                body = orjson.dumps(one, option=orjson.OPT_SORT_KEYS)
                assert found.setdefault(one["id"], body) == body, "one id, one content"
        return found

    def records(self, generation: str) -> dict[bytes, bytes | None]:
        prefix = f"aiops:{generation}".encode()
        with redis.Redis.from_url(self.server.url) as client:
            keys = sorted(client.scan_iter(match=prefix + b"{d:*}:s:*", count=1_000))
            return {key.removeprefix(prefix): client.get(key) for key in keys}

    def keep_dump(self) -> None:
        with redis.Redis.from_url(self.server.url) as client:
            client.save()
        shutil.copy(self.folder / "dump.rdb", self.folder / "older.rdb")

    def restore_dump(self) -> None:
        self.server.kill()
        shutil.copy(self.folder / "older.rdb", self.folder / "dump.rdb")
        self.server.start(self.folder)
        self.server.wait_ready()


@pytest.fixture(params=["embedded", pytest.param("debian", marks=pytest.mark.redis)])
def world(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    note_server: Callable[[str], None],
) -> Iterator[World]:
    server = (debian_redis if request.param == "debian" else embedded_redis)()
    server.start(tmp_path)
    try:
        server.wait_ready()
        note_server(server.description)
        yield World(server, tmp_path, monkeypatch)
    finally:
        server.stop()


@pytest.mark.parametrize("back", [0, 80, 110])
def test_an_older_dump_and_a_topic_read_again_from_before_it_lose_nothing(
    world: World, back: int
) -> None:
    events = topic()
    per_minute = len(events) // MINUTES
    world.handle(events, "undisturbed:")
    expected = world.anomalies()
    assert {orjson.loads(body)["service"] for body in expected.values()} >= {"cart", "stock"}
    world.publisher.topics.clear()

    world.handle(events[: 110 * per_minute], "")
    world.keep_dump()
    world.handle(events[110 * per_minute :], "")
    world.restore_dump()
    assert world.records("") != world.records("undisturbed:")
    world.handle(events[back * per_minute :], "")
    assert world.anomalies() == expected
    assert world.records("") == world.records("undisturbed:")


def test_rewound_too_little_leaves_a_gap_that_shows(world: World) -> None:
    """What the topic is not asked for again does not come back: the check above can fail."""
    events = topic()
    per_minute = len(events) // MINUTES
    world.handle(events, "undisturbed:")
    world.handle(events[: 110 * per_minute], "")
    world.keep_dump()
    world.handle(events[110 * per_minute :], "")
    world.restore_dump()
    world.handle(events[150 * per_minute :], "")
    assert world.records("") != world.records("undisturbed:")
