"""The series store on Redis: one pipeline per call, one script per shard."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import redis
from redis.exceptions import NoScriptError

from aiops.adapters.keys import HISTORY_LIFETIME, SERIES_LIFETIME, Keys
from aiops.adapters.redis_client import script, translated
from aiops.series_store import DRAIN_LIMIT, Field, Loaded, Write


class RedisSeriesStore:
    """Holds every shard in a slot of its own.

    Args:
        client: The connection.
        keys: Names of keys.
        rate: How fast the pipeline's clock runs; lifetimes shrink with it.
        history_lifetime: How long a chunk of history is kept, in the pipeline's milliseconds.
    """

    def __init__(
        self,
        client: "redis.Redis",
        keys: Keys,
        rate: float = 1.0,
        history_lifetime: int = HISTORY_LIFETIME,
    ) -> None:
        self._client = client
        self._keys = keys
        self._lifetime = max(1, int(SERIES_LIFETIME / rate))
        self._history_lifetime = max(1, int(history_lifetime / rate))
        self._commit = client.register_script(script("commit_series"))
        self._max_field = client.register_script(script("max_field"))

    def load(
        self, keys: Sequence[tuple[int, str]], shards: Iterable[int], overdue_before: int
    ) -> Loaded:
        """Return records, backlog and overdue outputs, in one round trip if nothing is overdue."""
        places = _by_shard([shard for shard, _ in keys])
        wanted = sorted(set(shards))
        pipe: Any = self._client.pipeline(transaction=False)
        for shard, mine in places.items():
            prefix = self._keys.series(shard, "")
            pipe.execute_command("MGET", *[prefix + keys[place][1] for place in mine])
        for shard in wanted:
            pipe.hlen(self._keys.out(shard))
            pipe.zrangebyscore(
                self._keys.out_due(shard), "-inf", f"({overdue_before}", 0, DRAIN_LIMIT
            )
        with translated():
            answers = pipe.execute()
            rest = answers[len(places) :]
            due = [
                (shard, name.decode())
                for shard, names in zip(wanted, rest[1::2], strict=True)
                for name in names
            ]
            overdue = self.outputs(due)
        records: list[bytes | None] = [None] * len(keys)
        for mine, found in zip(places.values(), answers, strict=False):
            for place, record in zip(mine, found, strict=True):
                records[place] = record
        return Loaded(records, max(rest[0::2], default=0), overdue)

    def commit(self, writes: Sequence[Write], now: int) -> list[int]:
        """Write what is still expected, in one round trip; return the places of the rest."""
        places = _by_shard([write.shard for write in writes])
        answers = self._run(
            {
                shard: self._call(shard, [writes[place] for place in mine], now)
                for shard, mine in places.items()
            }
        )
        return sorted(places[shard][index] for shard, found in answers.items() for index in found)

    def _call(self, shard: int, writes: Sequence[Write], now: int) -> list[Any]:
        """Return number of keys, keys and arguments of the script that writes one shard."""
        prefix = self._keys.series(shard, "")
        outputs = [
            part
            for place, write in enumerate(writes)
            for name, content in write.outputs
            for part in (place, name, content)
        ]
        names = [self._keys.out(shard), self._keys.out_due(shard)]
        names += [prefix + write.key for write in writes]
        modes = "".join([write.mode for write in writes])
        records = [part for write in writes for part in (write.expected, write.span)]
        head = (now, self._lifetime, modes, len(outputs) // 3)
        chunks, pieces = self._pieces(shard, writes)
        names += chunks
        return [len(names), *names, *head, *records, *outputs, *pieces]

    def _pieces(self, shard: int, writes: Sequence[Write]) -> tuple[list[str], list[Any]]:
        """Return keys and arguments of the history in writes, none where there is none."""
        chunks: list[str] = []
        pieces: list[Any] = []
        for place, write in enumerate(writes):
            for chunk, points in write.history:
                chunks.append(self._keys.history(shard, write.key, chunk))
                pieces += (place, points)
        return chunks, [self._history_lifetime, *pieces] if pieces else []

    def _run(self, calls: Mapping[int, list[Any]]) -> dict[int, list[int]]:
        """Run the script for all shards at once; where Redis does not have it, load it first."""
        with translated():
            answers = self._evaluate(calls)
            unknown = [shard for shard, one in answers.items() if isinstance(one, NoScriptError)]
            if unknown:
                self._client.script_load(self._commit.script)
                answers |= self._evaluate({shard: calls[shard] for shard in unknown})
            for answer in answers.values():
                if isinstance(answer, Exception):
                    raise answer
        return answers

    def _evaluate(self, calls: Mapping[int, list[Any]]) -> dict[int, Any]:
        pipe: Any = self._client.pipeline(transaction=False)
        for call in calls.values():
            pipe.execute_command("EVALSHA", self._commit.sha, *call)
        return dict(zip(calls, pipe.execute(raise_on_error=False), strict=True))

    def outputs(self, fields: Sequence[Field]) -> dict[Field, bytes]:
        """Return the outputs still waiting."""
        by_shard = _names(fields)
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
        for shard, names in _names(fields).items():
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


def _by_shard(shards: Sequence[int]) -> dict[int, Sequence[int]]:
    """Return the places of every shard; a batch of our own has but one."""
    if len(set(shards)) == 1:
        return {shards[0]: range(len(shards))}
    places: defaultdict[int, list[int]] = defaultdict(list)
    for place, shard in enumerate(shards):
        places[shard].append(place)
    return dict(places)


def _names(fields: Sequence[Field]) -> dict[int, list[str]]:
    by_shard: defaultdict[int, list[str]] = defaultdict(list)
    for shard, name in fields:
        by_shard[shard].append(name)
    return dict(by_shard)
