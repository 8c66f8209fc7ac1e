"""Waiting for replicas: what Redis has answered outlives a failover only where it was copied."""

from collections.abc import Iterator
from typing import Any

import redis

from aiops.adapters.keys import BARRIER
from aiops.adapters.redis_client import translated
from aiops.errors import Unavailable
from aiops.ports import Counts, Event, Handler

WAIT_MS = 1_000
"""How long replicas may take; below the time-out of the connection."""

MOST_KEYS = 1 << 14
"""Tried to find one for every master of a cluster; a master with no slots holds no state."""


def await_replicas(client: "redis.Redis", count: int) -> None:
    """Return once so many replicas have everything that was written before, by whomever.

    WAIT looks at what its own connection has written, and a pool gives any connection. So
    something is written first on the same one: replicas copy in order, and who has it has all that
    came before. With a count of 0 nothing is asked. On a cluster every master is asked, one after
    the other: which of them an earlier attempt wrote to, or another instance, is not known here.

    Source: https://redis.io/docs/latest/commands/wait/

    Raises:
        Unavailable: fewer replicas had it in time; it is written all the same.
    """
    if not count:
        return
    for node, barrier in _masters(client):
        pipe = node.pipeline(transaction=False)
        pipe.set(barrier, 1)
        pipe.wait(count, WAIT_MS)
        try:
            with translated():
                _, reached = pipe.execute()
        except Unavailable:
            _look_again(client)
            raise
        if reached < count:
            raise Unavailable(f"Redis: {reached} of {count} replicas have the state")


def _masters(client: "redis.Redis") -> Iterator[tuple[Any, str]]:
    """Yield every master of a cluster with a key of one of its slots, or the one server."""
    if not _is_cluster(client):
        yield client, BARRIER
        return
    cluster: Any = client
    left = {node.name for node in cluster.get_primaries()}
    for number in range(MOST_KEYS):
        if not left:
            return
        key = f"{BARRIER}:{number}"
        node = cluster.get_node_from_key(key)
        if node is not None and node.name in left:
            left.remove(node.name)
            yield cluster.get_redis_connection(node), key


def _is_cluster(client: object) -> bool:
    return isinstance(client, redis.RedisCluster)


def _look_again(client: "redis.Redis") -> None:
    """Ask a cluster who its masters are: the one that did not answer may be none any more."""
    if _is_cluster(client):
        cluster: Any = client
        with translated():
            cluster.nodes_manager.initialize()


def replicated(handler: Handler, client: "redis.Redis", count: int) -> Handler:
    """Return a handler that is done only once replicas have what it relied on.

    That includes what an earlier attempt wrote, or another instance: an event found to be handled
    already is not answered for before the replicas know, too.
    """
    if not count:
        return handler

    def handle(event: Event) -> Counts:
        counts = handler(event)
        await_replicas(client, count)
        return counts

    return handle
