"""What the clock has to look at, on Redis: one sorted set."""

from collections.abc import Sequence
from typing import Any

import redis

from aiops.adapters.keys import Keys
from aiops.adapters.redis_client import script, translated
from aiops.open_windows import Due


class RedisOpenWindows:
    """Holds services by the time they are to be looked at.

    Args:
        client: The connection.
        keys: Names of keys.
    """

    def __init__(self, client: "redis.Redis", keys: Keys) -> None:
        self._client = client
        self._key = keys.open_windows()
        self._settle = client.register_script(script("settle_windows"))

    def note(self, services: Sequence[str], at: int) -> None:
        """Have services looked at, from a time on."""
        if services:
            with translated():
                self._client.zadd(self._key, dict.fromkeys(services, at))

    def due(self, now: int, limit: int) -> list[Due]:
        """Return services whose time has come, the earliest first."""
        with translated():
            found: Any = self._client.zrangebyscore(
                self._key, "-inf", now, start=0, num=limit, withscores=True
            )
        return [Due(name.decode(), int(at)) for name, at in found]

    def settle(self, done: Sequence[Due]) -> None:
        """Forget services, unless they were noted again."""
        if done:
            pairs = [part for one in done for part in one]
            with translated():
                self._settle(keys=[self._key], args=pairs)
