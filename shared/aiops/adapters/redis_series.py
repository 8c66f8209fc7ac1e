"""The series store on Redis: one pipeline per call, one script per shard."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import redis

from aiops.adapters.keys import SERIES_LIFETIME, Keys
from aiops.adapters.redis_client import script, translated
from aiops.series_store import DRAIN_LIMIT, NONCE_BYTES, Field, Loaded, Write


class RedisSeriesStore:
    """Holds every shard in a slot of its own.

    Args:
        client: The connection.
        keys: Names of keys.
        rate: How fast the pipeline's clock runs; lifetimes shrink with it.
    """

    def __init__(self, client: "redis.Redis", keys: Keys, rate: float = 1.0) -> None:
        self._client = client
        self._keys = keys
        self._lifetime = max(1, int(SERIES_LIFETIME / rate))
        self._commit = client.register_script(script("commit_series"))
        self._max_field = client.register_script(script("max_field"))

    def load(
        self, keys: Sequence[tuple[int, str]], shards: Iterable[int], overdue_before: int
    ) -> Loaded:
        """Return records, backlog and overdue outputs, in one round trip if nothing is overdue."""
        places: defaultdict[int, list[int]] = defaultdict(list)
        for place, (shard, _) in enumerate(keys):
            places[shard].append(place)
        wanted = sorted(set(shards))
        pipe = self._client.pipeline(transaction=False)
        for shard, mine in places.items():
            pipe.mget([self._keys.series(shard, keys[place][1]) for place in mine])
        for shard in wanted:
            pipe.hlen(self._keys.out(shard))
            pipe.zrangebyscore(
                self._keys.out_due(shard), "-inf", f"({overdue_before}", 0, DRAIN_LIMIT
            )
        with translated():
            answers = pipe.execute()
            records: list[bytes | None] = [None] * len(keys)
            for mine, found in zip(places.values(), answers, strict=False):
                for place, record in zip(mine, found, strict=True):
                    records[place] = record
            rest = answers[len(places) :]
            due = [
                (shard, name.decode())
                for shard, names in zip(wanted, rest[1::2], strict=True)
                for name in names
            ]
            overdue = self.outputs(due)
        return Loaded(records, max(rest[0::2], default=0), overdue)

    def commit(self, writes: Sequence[Write], now: int) -> list[int]:
        """Write what is still expected, in one round trip; return the places of the rest."""
        places: defaultdict[int, list[int]] = defaultdict(list)
        for place, write in enumerate(writes):
            places[write.shard].append(place)
        refused: list[int] = []
        with translated():
            for shard, mine in places.items():
                names = [self._keys.out(shard), self._keys.out_due(shard)]
                arguments: list[Any] = [now, self._lifetime]
                for place in mine:
                    names.append(self._keys.series(shard, writes[place].key))
                    arguments += _arguments(writes[place])
                answer = self._commit(keys=names, args=arguments)
                refused += [mine[index] for index in answer]
        return sorted(refused)

    def outputs(self, fields: Sequence[Field]) -> dict[Field, bytes]:
        """Return the outputs still waiting."""
        by_shard = _by_shard(fields)
        if not by_shard:
            return {}
        pipe = self._client.pipeline(transaction=False)
        for shard, names in by_shard.items():
            pipe.hmget(self._keys.out(shard), names)
        with translated():
            answers = pipe.execute()
        return {
            (shard, name): content
            for (shard, names), contents in zip(by_shard.items(), answers, strict=True)
            for name, content in zip(names, contents, strict=True)
            if content is not None
        }

    def remove(self, fields: Sequence[Field]) -> None:
        """Forget outputs."""
        pipe = self._client.pipeline(transaction=False)
        for shard, names in _by_shard(fields).items():
            pipe.hdel(self._keys.out(shard), *names)
            pipe.zrem(self._keys.out_due(shard), *names)
        with translated():
            pipe.execute()

    def mark_processed(self, partition: str, until: int) -> None:
        """Remember the latest mark."""
        with translated():
            self._max_field(keys=[self._keys.processed()], args=[partition, until])

    def processed(self) -> dict[str, int]:
        """Return the marks."""
        with translated():
            found: dict[Any, Any] = self._client.hgetall(self._keys.processed())
        return {partition.decode(): int(until) for partition, until in found.items()}


def _arguments(write: Write) -> list[Any]:
    span = write.record if write.start == 0 else write.record[write.start : write.end]
    flat: list[Any] = [
        write.expected,
        write.record[:NONCE_BYTES],
        write.start,
        span,
        len(write.outputs),
    ]
    for name, content in write.outputs:
        flat += (name, content)
    return flat


def _by_shard(fields: Sequence[Field]) -> dict[int, list[str]]:
    by_shard: defaultdict[int, list[str]] = defaultdict(list)
    for shard, name in fields:
        by_shard[shard].append(name)
    return dict(by_shard)
