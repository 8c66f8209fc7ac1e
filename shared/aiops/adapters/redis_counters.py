"""Totals on Redis: one hash, one script, one round trip."""

from collections.abc import Mapping
from typing import Any

import redis

from aiops.adapters.keys import WRITER_LIFETIME, Keys
from aiops.adapters.redis_client import script, translated
from aiops.counters import MOST_FIELDS, OVERFLOW, field_of


class RedisCounters:
    """Keeps the totals of a generation; they never expire.

    Args:
        client: The connection.
        keys: Names of keys.
        most: Fields kept at most.
    """

    def __init__(self, client: "redis.Redis", keys: Keys, most: int = MOST_FIELDS) -> None:
        self._client = client
        self._keys = keys
        self._most = most
        self._add = client.register_script(script("add_counters"))

    def add(self, who: str, number: int, fields: Mapping[str, int]) -> None:
        """Add a batch in one round trip."""
        arguments: list[str | int] = [number, WRITER_LIFETIME, self._most, field_of(OVERFLOW, ())]
        for name, amount in fields.items():
            arguments += (name, amount)
        with translated():
            self._add(keys=[self._keys.counters(), self._keys.counter_writer(who)], args=arguments)

    def read(self) -> Mapping[str, int]:
        """Return all totals in one round trip."""
        with translated():
            found: Any = self._client.hgetall(self._keys.counters())
        return {name.decode(): int(total) for name, total in found.items()}
