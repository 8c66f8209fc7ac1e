"""Change marks on Redis: one hash."""

from collections.abc import Iterable

import redis

from aiops.adapters.keys import DOMAIN_LIFETIME, Keys
from aiops.adapters.redis_client import script, translated


class RedisChanges:
    """Keeps the time of each service's last change, as long as any service is changed at times.

    Args:
        client: The connection.
        keys: Names of keys.
        rate: How fast the pipeline's clock runs; the lifetime shrinks with it.
    """

    def __init__(self, client: "redis.Redis", keys: Keys, rate: float = 1.0) -> None:
        self._client = client
        self._key = keys.changes()
        self._lifetime = max(1, int(DOMAIN_LIFETIME / rate))
        self._raise = client.register_script(script("max_field"))

    def note(self, service: str, at: int) -> None:
        """Remember a change."""
        with translated():
            self._raise(keys=[self._key], args=[service, at])
            self._client.pexpire(self._key, self._lifetime)

    def latest(self, services: Iterable[str]) -> dict[str, int]:
        """Return when services were last changed, in one round trip."""
        names = sorted(services)
        if not names:
            return {}
        with translated():
            found = self._client.hmget(self._key, names)
        return {name: int(at) for name, at in zip(names, found, strict=True) if at is not None}
