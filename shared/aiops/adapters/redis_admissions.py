"""Admissions on Redis: a sorted set for each selector, one script."""

from collections.abc import Sequence

import redis

from aiops.adapters.keys import SERIES_LIFETIME, Keys
from aiops.adapters.redis_client import script, translated

AT_ONCE = 4_000
"""Series asked for in one call; no other call is answered meanwhile."""


class RedisAdmissions:
    """Keeps the series of a selector as long as Redis keeps what is known of them.

    Args:
        client: The connection.
        keys: Names of keys.
        rate: How fast the pipeline's clock runs; the lifetime shrinks with it.
    """

    def __init__(self, client: "redis.Redis", keys: Keys, rate: float = 1.0) -> None:
        self._keys = keys
        self._lifetime = max(1, int(SERIES_LIFETIME / rate))
        self._admit = client.register_script(script("admit_series"))

    def admit(self, selector: str, most: int, keys: Sequence[str], now: int) -> list[bool]:
        """Return which series are taken in, in as many round trips as they need."""
        name = self._keys.admitted(selector)
        answers: list[bool] = []
        for start in range(0, len(keys), AT_ONCE):
            some = keys[start : start + AT_ONCE]
            fixed = (now, now - SERIES_LIFETIME, most, self._lifetime)
            with translated():
                answers += [bool(one) for one in self._admit(keys=[name], args=[*fixed, *some])]
        return answers
