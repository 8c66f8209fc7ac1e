"""Deliveries on Redis: one key each, which expires."""

import redis

from aiops.adapters.keys import Keys
from aiops.adapters.redis_client import translated
from aiops.deliveries import Standing

_CLAIMED = b"claimed"
_DONE = b"done"


class RedisDeliveries:
    """Remembers deliveries; one round trip to claim a new one.

    Args:
        client: The connection.
        keys: Names of keys.
    """

    def __init__(self, client: "redis.Redis", keys: Keys) -> None:
        self._client = client
        self._keys = keys

    def claim(self, sender: str, name: str, lease_ms: int) -> Standing:
        """Take a delivery up, unless another did.

        A claim that expires between the two looks counts as being worked on: it comes again.
        """
        key = self._keys.delivery(sender, name)
        with translated():
            if self._client.set(key, _CLAIMED, nx=True, px=lease_ms):
                return "new"
            return "done" if self._client.get(key) == _DONE else "in_progress"

    def settle(self, sender: str, name: str, lifetime_ms: int) -> None:
        """Remember that a delivery was passed on."""
        with translated():
            self._client.set(self._keys.delivery(sender, name), _DONE, px=lifetime_ms)

    def release(self, sender: str, name: str) -> None:
        """Give up a delivery that could not be passed on."""
        with translated():
            self._client.delete(self._keys.delivery(sender, name))
