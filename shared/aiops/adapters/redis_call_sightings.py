"""Calls that spans tell of, on Redis: one sorted set."""

from collections.abc import Iterable, Mapping
from typing import Any

import orjson
import redis

from aiops.adapters.keys import DOMAIN_LIFETIME, Keys
from aiops.adapters.redis_client import translated
from aiops.call_sightings import MOST_CALLS, SeenCall


class RedisCallSightings:
    """Holds calls by when they were last seen.

    Args:
        client: The connection.
        keys: Names of keys.
        rate: How fast the pipeline's clock runs; the lifetime shrinks with it.
    """

    def __init__(self, client: "redis.Redis", keys: Keys, rate: float = 1.0) -> None:
        self._client, self._key = client, keys.calls()
        self._lifetime = max(1, int(DOMAIN_LIFETIME / rate))

    def note(self, seen: Mapping[SeenCall, int]) -> None:
        """Remember calls."""
        if not seen:
            return
        pipe: Any = self._client.pipeline(transaction=False)
        pipe.zadd(self._key, {orjson.dumps(tuple(call)): at for call, at in seen.items()}, gt=True)
        pipe.zremrangebyrank(self._key, 0, -MOST_CALLS - 1)
        pipe.pexpire(self._key, self._lifetime)
        with translated():
            pipe.execute()

    def since(self, time: int) -> Iterable[tuple[SeenCall, int]]:
        """Return the calls seen at a time or later; forget the others."""
        pipe: Any = self._client.pipeline(transaction=False)
        pipe.zremrangebyscore(self._key, "-inf", f"({time}")
        pipe.zrange(self._key, 0, -1, withscores=True)
        with translated():
            _, found = pipe.execute()
        return sorted((SeenCall(*orjson.loads(call)), int(at)) for call, at in found)
