"""Artefacts on Redis, one key each, and how the last fit of every series ended."""

import json
from collections.abc import Sequence
from typing import Any

import redis

from aiops.adapters.keys import DAY, MODEL_STATUS_LIFETIME, Keys
from aiops.adapters.redis_client import script, translated
from aiops.clock import Clock
from aiops.training import ModelStatus


class RedisModels:
    """Keeps an artefact in the slot of its series.

    Args:
        client: The connection.
        keys: Names of keys.
        clock: Tells how long an artefact is still valid, and how fast time runs.
    """

    def __init__(self, client: "redis.Redis", keys: Keys, clock: Clock) -> None:
        self._client = client
        self._keys = keys
        self._clock = clock
        self._note = client.register_script(script("note_model"))

    def put(self, shard: int, series: str, made_at: int, until: int, packed: bytes) -> None:
        """Store an artefact."""
        left = max(1, int((until + DAY - self._clock.now()) / self._clock.rate))
        with translated():
            self._client.set(self._keys.model(shard, series, made_at), packed, px=left)

    def fetch(self, wanted: Sequence[tuple[int, str, int]]) -> list[bytes | None]:
        """Return artefacts, in one round trip."""
        by_shard: dict[int, list[int]] = {}
        for place, (shard, _, _) in enumerate(wanted):
            by_shard.setdefault(shard, []).append(place)
        pipe: Any = self._client.pipeline(transaction=False)
        for places in by_shard.values():
            pipe.execute_command("MGET", *[self._keys.model(*wanted[place]) for place in places])
        with translated():
            answers = pipe.execute()
        found: list[bytes | None] = [None] * len(wanted)
        for places, packed in zip(by_shard.values(), answers, strict=True):
            for place, one in zip(places, packed, strict=True):
                found[place] = one
        return found

    def note(self, status: ModelStatus) -> None:
        """Remember how a fit ended."""
        oldest = status.made_at - MODEL_STATUS_LIFETIME
        text = json.dumps(status._asdict())
        arguments: list[str | int] = [status.series, status.made_at, text, oldest]
        with translated():
            self._note(keys=self._keys.model_statuses(), args=arguments)

    def status(self, series: str) -> ModelStatus | None:
        """Return how the last fit of a series ended."""
        with translated():
            text = self._client.hget(self._keys.model_statuses()[0], series)
        return None if text is None else ModelStatus(**json.loads(text))

    def statuses(self) -> list[ModelStatus]:
        """Return how the last fit of every series ended, in the order of their keys."""
        with translated():
            found = dict(self._client.hscan_iter(self._keys.model_statuses()[0], count=1_000))
        return [ModelStatus(**json.loads(text)) for _, text in sorted(found.items())]
