"""What a failover takes: the primary killed, its replica promoted, with and without WAIT.

The same on Redis Cluster, which promotes the replica by itself.
"""

import os
import signal
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import redis

from bench.commits import GROUPS, Loss, Writer, events, handler_on
from local.servers.redis import OwnRedis, debian_redis
from local.servers.redis_cluster import MASTERS, OwnCluster

WRITE_SECONDS = 0.8
LAG_SECONDS = 0.3
SYNC_SECONDS = 10.0
POLL_SECONDS = 0.01
ROUNDS = 5
ROUND_EVENTS = 200
VICTIM = 1
"""Which node of a cluster is killed; the first is the one of the address."""


def failed_over(replicas: int, *, lagging: bool = False) -> Loss:
    """Kill the primary while `detect` writes, promote the replica, and count what is gone.

    Args:
        replicas: `REDIS_WAIT`.
        lagging: The replica stands still for a moment before the crash.
    """
    with _pair() as (primary, replica):
        writer = Writer(handler_on(primary.url, replicas), list(events()))
        writer.start()
        time.sleep(WRITE_SECONDS)
        pid = _pid(replica)
        if lagging:
            os.kill(pid, signal.SIGSTOP)
            time.sleep(LAG_SECONDS)
        crashed = time.monotonic()
        primary.kill()
        if lagging:
            os.kill(pid, signal.SIGCONT)
        writer.stop()
        with redis.Redis.from_url(replica.url) as client:
            _until_down(client)
            client.replicaof("NO", "ONE")
        return writer.loss(handler_on(replica.url), crashed)


def cluster_failed_over(replicas: int, *, lagging: bool = False) -> Loss:
    """Kill a master of a cluster while `detect` writes, and start it again once a replica leads.

    Args:
        replicas: `REDIS_WAIT`.
        lagging: The replica stands still for a moment before the crash.
    """
    cluster = OwnCluster("everysec")
    with ExitStack() as stack:
        stack.callback(cluster.stop)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        cluster.start(folder)
        cluster.wait_ready()
        writer = Writer(handler_on(cluster.url, replicas), list(events()))
        writer.start()
        time.sleep(WRITE_SECONDS)
        heir = cluster.nodes[MASTERS + VICTIM]
        if lagging:
            heir.suspend()
            time.sleep(LAG_SECONDS)
        crashed = time.monotonic()
        cluster.nodes[VICTIM].kill()
        heir.resume()
        cluster.wait_promoted(VICTIM)
        cluster.restart(VICTIM)
        _until_answered_since(writer, time.monotonic())
        writer.stop()
        return writer.loss(handler_on(cluster.url), crashed)


def _until_answered_since(writer: Writer, moment: float) -> None:
    """Return once every group of series was written again, those of the lost master too."""
    _until(
        lambda: sum(at > moment for at in list(writer.answered)) >= GROUPS,
        "nothing is written after the failover",
    )


def cost_of_wait() -> tuple[float, float]:
    """Return the median milliseconds of an event with no WAIT and with one replica."""
    with _pair() as (primary, _):
        ways = [handler_on(primary.url, replicas) for replicas in (0, 1)]
        todo = events()
        times: tuple[list[float], list[float]] = ([], [])
        for _ in range(ROUNDS):
            for way, took in zip(ways, times, strict=True):
                batch = [next(todo) for _ in range(ROUND_EVENTS)]
                began = time.monotonic()
                for event in batch:
                    way(event)
                took.append((time.monotonic() - began) * 1000 / ROUND_EVENTS)
        return statistics.median(times[0]), statistics.median(times[1])


@contextmanager
def _pair() -> Iterator[tuple[OwnRedis, OwnRedis]]:
    """Yield a primary and its replica in step, both with an append-only file, `everysec`."""
    primary, replica = debian_redis("everysec"), debian_redis("everysec")
    with ExitStack() as stack:
        for server in (primary, replica):
            stack.callback(server.stop)
            server.start(Path(stack.enter_context(tempfile.TemporaryDirectory())))
            server.wait_ready()
        parts = urlsplit(primary.url)
        with (
            redis.Redis.from_url(primary.url) as first,
            redis.Redis.from_url(replica.url) as second,
        ):
            first.config_set("repl-diskless-sync-delay", 0)
            second.replicaof(str(parts.hostname), str(parts.port))
            _until_in_step(first, second)
        yield primary, replica


def _until_in_step(first: "redis.Redis", second: "redis.Redis") -> None:
    """Return once what is written to one is on the other."""
    first.set("in step", 1)
    _until(
        lambda: _link(second) == "up" and bool(second.get("in step")),
        "the replica does not follow",
    )


def _pid(server: OwnRedis) -> int:
    with redis.Redis.from_url(server.url) as client:
        return int(client.info("server")["process_id"])


def _until_down(client: "redis.Redis") -> None:
    """Return once the replica has taken what was on its way and knows that nobody is there."""
    _until(lambda: _link(client) == "down", "the replica does not notice that its primary is gone")


def _link(replica: "redis.Redis") -> str:
    return str(replica.info("replication")["master_link_status"])


def _until(satisfied: Callable[[], bool], problem: str) -> None:
    """Return once it is so.

    Raises:
        TimeoutError: it is not in time; the text is `problem`.
    """
    deadline = time.monotonic() + SYNC_SECONDS
    while not satisfied():
        if time.monotonic() > deadline:
            raise TimeoutError(problem)
        time.sleep(POLL_SECONDS)
