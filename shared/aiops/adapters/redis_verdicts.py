"""Verdicts on Redis: one hash per series, in the slot of the series."""

import json
from collections.abc import Iterator, Sequence

import redis

from aiops.adapters.keys import Keys
from aiops.adapters.redis_client import script, translated
from aiops.verdicts import MOST_VERDICTS, VERDICT_LIFETIME, Given, in_order

_DIGITS = 15


class RedisVerdicts:
    """Keeps the last word on each anomaly, the time it was given in front.

    Args:
        client: The connection.
        keys: Names of keys.
        rate: How fast the pipeline's clock runs; lifetimes shrink with it.
    """

    def __init__(self, client: "redis.Redis", keys: Keys, rate: float = 1.0) -> None:
        self._client = client
        self._keys = keys
        self._lifetime = max(1, int(VERDICT_LIFETIME / rate))
        self._add = client.register_script(script("add_verdict"))

    def add(self, shard: int, series: str, given: Given) -> None:
        """Keep a verdict, unless there is a later one on the same anomaly."""
        text = f"{given.given_at:0{_DIGITS}d}{json.dumps(given._asdict())}"
        arguments: list[str | int] = [given.anomaly, text, self._lifetime, MOST_VERDICTS]
        with translated():
            self._add(keys=[self._keys.verdicts(shard, series)], args=arguments)

    def read(self, places: Sequence[tuple[int, str]]) -> list[tuple[Given, ...]]:
        """Return the verdicts on series, in one round trip."""
        pipe = self._client.pipeline(transaction=False)
        for shard, series in places:
            pipe.hvals(self._keys.verdicts(shard, series))
        with translated():
            return [_read(texts) for texts in pipe.execute()]

    def everything(self) -> Iterator[tuple[str, tuple[Given, ...]]]:
        """Yield every series, and what was said of it."""
        pattern = self._keys.verdicts("*", "*")
        with translated():
            for key in self._client.scan_iter(pattern, count=1_000):
                yield key.decode().rpartition(":")[2], _read(self._client.hvals(key))


def _read(texts: Sequence[bytes | str]) -> tuple[Given, ...]:
    return in_order([Given(**json.loads(text[_DIGITS:])) for text in texts])
