"""What a crash takes: Redis killed under each way of keeping its data, or the power cut."""

import tempfile
import time
from pathlib import Path

import redis

from bench.commits import Loss, Writer, events, handler_on
from bench.power import cut
from local.servers.redis import OwnRedis, debian_redis

WRITE_SECONDS = 0.8
_APPENDED = "appendonlydir/appendonly.aof.*.incr.aof"


def killed(fsync: str | None) -> Loss:
    """Kill Redis while `detect` writes, start it again, and count what is gone.

    Args:
        fsync: Policy of the append-only file; None: no such file, one snapshot half-way.
    """
    return _crash(debian_redis(fsync), WRITE_SECONDS, power=False)


def power_cut(fsync: str, seconds: float) -> Loss:
    """Do the same, but leave only what was on disk when Redis died.

    Args:
        fsync: Policy of the append-only file.
        seconds: How long is written; what is lost depends on when the last fsync was.
    """
    return _crash(debian_redis(fsync), seconds, power=True)


def version() -> str:
    """Return name and version of the server that is killed."""
    server = debian_redis()
    with tempfile.TemporaryDirectory() as folder:
        server.start(Path(folder))
        try:
            server.wait_ready()
        finally:
            server.stop()
    return server.description


def _crash(server: OwnRedis, seconds: float, *, power: bool) -> Loss:
    writer = Writer(handler_on(server.url), list(events()))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        server.start(folder)
        try:
            server.wait_ready()
            writer.start()
            time.sleep(seconds / 2)
            _snapshot_where_that_is_all(server)
            time.sleep(seconds / 2)
            crashed = time.monotonic()
            server.kill()
            writer.stop()
            if power:
                for file in folder.glob(_APPENDED):
                    cut(file)
            server.start(folder)
            server.wait_ready()
            return writer.loss(handler_on(server.url), crashed)
        finally:
            writer.stop()
            server.stop()


def _snapshot_where_that_is_all(server: OwnRedis) -> None:
    with redis.Redis.from_url(server.url) as client:
        if client.config_get("appendonly")["appendonly"] == "no":
            client.bgsave()
