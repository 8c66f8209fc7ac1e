"""Up to when queries were published, on Redis: one hash."""

from collections.abc import Mapping, Sequence

import redis

from aiops.adapters.keys import PUBLISHED_LIFETIME, Keys
from aiops.adapters.redis_client import script, translated


class RedisPublished:
    """Keeps the time of each query as long as any is asked at times.

    Args:
        client: The connection.
        keys: Names of keys.
        rate: How fast the pipeline's clock runs; the lifetime shrinks with it.
    """

    def __init__(self, client: "redis.Redis", keys: Keys, rate: float = 1.0) -> None:
        self._client = client
        self._key = keys.published()
        self._lifetime = max(1, int(PUBLISHED_LIFETIME / rate))
        self._advance = client.register_script(script("advance_published"))

    def until(self, queries: Sequence[str]) -> dict[str, int]:
        """Return the times of those queries that have one, in one round trip."""
        if not queries:
            return {}
        with translated():
            found = self._client.hmget(self._key, list(queries))
        return {query: int(at) for query, at in zip(queries, found, strict=True) if at is not None}

    def advance(self, until: Mapping[str, int], oldest: int) -> None:
        """Move times forward."""
        arguments: list[str | int] = [self._lifetime, oldest]
        for query, at in until.items():
            arguments += (query, at)
        with translated():
            self._advance(keys=[self._key], args=arguments)
