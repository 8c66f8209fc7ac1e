"""Waiting for replicas: what Redis has answered outlives a failover only where it was copied."""

import redis

from aiops.adapters.keys import BARRIER
from aiops.adapters.redis_client import translated
from aiops.errors import Unavailable
from aiops.ports import Counts, Event, Handler

WAIT_MS = 1_000
"""How long replicas may take; below the time-out of the connection."""


def await_replicas(client: "redis.Redis", count: int) -> None:
    """Return once so many replicas have everything that was written before, by whomever.

    WAIT looks at what its own connection has written, and a pool gives any connection. So
    something is written first on the same one: replicas copy in order, and who has it has all that
    came before. With a count of 0 nothing is asked.

    Source: https://redis.io/docs/latest/commands/wait/

    Raises:
        Unavailable: fewer replicas had it in time; it is written all the same.
    """
    if not count:
        return
    pipe = client.pipeline(transaction=False)
    pipe.set(BARRIER, 1)
    pipe.wait(count, WAIT_MS)
    with translated():
        _, reached = pipe.execute()
    if reached < count:
        raise Unavailable(f"Redis: {reached} of {count} replicas have the state")


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
