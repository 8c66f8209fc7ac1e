"""History of series on Redis: packed points in chunks of a day."""

from collections.abc import Sequence
from typing import Any

import redis

from aiops.adapters.keys import HISTORY_LIFETIME, Keys
from aiops.adapters.redis_client import script, translated
from aiops.errors import Unavailable
from aiops.history import HISTORY_CHUNK_MS, MOST_CHUNKS, History

_ROUNDS = 5


class RedisHistory:
    """Reads what the series store appends.

    Args:
        client: The connection.
        keys: Names of keys.
        rate: How fast the pipeline's clock runs; lifetimes shrink with it.
        lifetime: How long what is added is kept, in the pipeline's milliseconds.
    """

    def __init__(
        self,
        client: "redis.Redis",
        keys: Keys,
        rate: float = 1.0,
        lifetime: int = HISTORY_LIFETIME,
    ) -> None:
        self._client = client
        self._keys = keys
        self._lifetime = max(1, int(lifetime / rate))
        self._backfill = client.register_script(script("backfill_history"))

    def read(self, places: Sequence[tuple[int, str]], since: int, until: int) -> list[History]:
        """Return points of series, in one round trip."""
        last = (until - 1) // HISTORY_CHUNK_MS
        chunks = range(max(since // HISTORY_CHUNK_MS, last - MOST_CHUNKS + 1), last + 1)
        if not chunks:
            return [History.of(b"") for _ in places]
        pipe: Any = self._client.pipeline(transaction=False)
        for shard, series in places:
            pipe.execute_command(
                "MGET", *[self._keys.history(shard, series, chunk) for chunk in chunks]
            )
        with translated():
            answers = pipe.execute()
        return [
            History.of(b"".join(part for part in parts if part)).between(since, until)
            for parts in answers
        ]

    def backfill(self, shard: int, series: str, history: History) -> int:
        """Add points before the first that is stored.

        Raises:
            Unavailable: others stored earlier ones, again and again.
        """
        for _ in range(_ROUNDS):
            added = self._try_backfill(shard, series, history)
            if added is not None:
                return added
        raise Unavailable("history: changed by others again and again")

    def _try_backfill(self, shard: int, series: str, history: History) -> int | None:
        """Return how many were added, None where others were faster."""
        if not len(history.time):
            return 0
        start = int(history.time[0]) // HISTORY_CHUNK_MS
        names = [self._keys.history(shard, series, start + n) for n in range(2 * MOST_CHUNKS)]
        pipe = self._client.pipeline(transaction=False)
        for name in names:
            pipe.getrange(name, 0, 7)
        with translated():
            heads: list[bytes] = pipe.execute()
        first = next((place for place, head in enumerate(heads) if head), None)
        head = b"" if first is None else heads[first]
        stop = int.from_bytes(head, "little") if head else int(history.time[-1]) + 1
        fitting = history.between(0, stop)
        if not len(fitting.time):
            return 0
        found = 0 if first is None else first + 1
        arguments: list[bytes | int] = [found, head, self._lifetime]
        last = found
        for chunk, points in fitting.chunks().items():
            arguments += (chunk - start + 1, points)
            last = max(last, chunk - start + 1)
        with translated():
            done = self._backfill(keys=names[:last], args=arguments)
        return len(fitting.time) if done else None
