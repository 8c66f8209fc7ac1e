"""Series with a past: a few live it, the others get a copy of the record that came of it.

A record holds the state of a detector and the times of the last samples; nothing in it says which
series it belongs to, so a copy is the record of a series that was sent the same.
"""

import itertools
from collections.abc import Sequence

import redis

from aiops.adapters.keys import SERIES_LIFETIME
from bench.load import drive
from bench.workload import Sweeps, record_key

HISTORY = 120
"""Samples a warm series has had; the default detector begins to alarm after 100."""

LIVING = 2
"""Groups that live through it."""

_AT_ONCE = 40
_PIPELINED = 1_000


def warm_up(url: str, redis_url: str, sweeps: Sweeps) -> None:
    """Send the first series their past, and give it to all others; then one sweep of all."""
    first = Sweeps(sweeps.groups[:LIVING], sweeps.now)
    for _ in range(HISTORY // _AT_ONCE):
        drive(url, first.requests(url, _AT_ONCE), 1)
    sweeps.now = first.now
    lived = [record_key(head) for heads in first.groups for head in heads]
    others = [record_key(head) for heads in sweeps.groups[LIVING:] for head in heads]
    with redis.Redis.from_url(redis_url) as client:
        copy_records(client, lived, others)
    drive(url, sweeps.requests(url, 1), 1)


def copy_records(client: "redis.Redis", lived: Sequence[str], others: Sequence[str]) -> None:
    """Give other series the records of those that lived, in turn.

    Raises:
        ValueError: one of those that lived has none.
    """
    records = client.mget(lived)
    if None in records:
        raise ValueError("warm up: a series has no record")
    pairs = zip(others, itertools.cycle(records), strict=False)
    while some := list(itertools.islice(pairs, _PIPELINED)):
        with client.pipeline(transaction=False) as pipe:
            for key, record in some:
                pipe.set(key, record or b"", px=SERIES_LIFETIME)
            pipe.execute()
