"""Requests for models on Redis: one hash of requests, one of claims, one order of what is due."""

import uuid
from collections.abc import Callable

import redis

from aiops.adapters.keys import TRAINING_LIFETIME, Keys
from aiops.adapters.redis_client import script, translated
from aiops.errors import Unavailable
from aiops.events import TrainingRequested
from aiops.training import MOST_WAITING, Claim


class RedisTrainingQueue:
    """Keeps all requests in one slot; there is one for a series and day, not one a sample.

    Args:
        client: The connection.
        keys: Names of keys.
        rate: How fast the pipeline's clock runs; lifetimes shrink with it.
        new_token: Tells this claim from everybody else's.
    """

    def __init__(
        self,
        client: "redis.Redis",
        keys: Keys,
        rate: float = 1.0,
        new_token: Callable[[], str] = lambda: uuid.uuid4().hex,
    ) -> None:
        self._client = client
        self._names = keys.training()
        self._lifetime = max(1, int(TRAINING_LIFETIME / rate))
        self._new_token = new_token
        self._add = client.register_script(script("add_training"))
        self._claim = client.register_script(script("claim_training"))
        self._settle = client.register_script(script("settle_training"))

    def add(self, request: TrainingRequested, due: int) -> None:
        """Keep a request."""
        arguments: list[str | int] = [
            request.series,
            request.requested_at,
            due,
            request.model_dump_json(),
            self._lifetime,
            MOST_WAITING,
        ]
        with translated():
            taken = self._add(keys=self._names, args=arguments)
        if not taken:
            raise Unavailable(f"training: {MOST_WAITING} requests wait")

    def claim(self, now: int, lease_ms: int, limit: int) -> list[Claim]:
        """Lease requests that are due."""
        token = self._new_token()
        arguments: list[str | int] = [now, now + lease_ms, limit, token, self._lifetime]
        with translated():
            found = self._claim(keys=self._names, args=arguments)
        return [
            Claim(TrainingRequested.model_validate_json(text), token, int(attempts))
            for text, attempts in zip(found[::2], found[1::2], strict=True)
        ]

    def finish(self, claim: Claim) -> bool:
        """Forget a request unless a newer one came meanwhile."""
        return self._end(claim, "")

    def defer(self, claim: Claim, due: int) -> bool:
        """Give a request back until later."""
        return self._end(claim, due)

    def due(self, now: int) -> int:
        """Return how many requests are due and not claimed."""
        with translated():
            return int(self._client.zcount(self._names[2], "-inf", now))

    def _end(self, claim: Claim, due: int | str) -> bool:
        arguments: list[str | int] = [
            claim.request.series,
            claim.token,
            claim.request.requested_at,
            due,
        ]
        with translated():
            return bool(self._settle(keys=self._names, args=arguments))
