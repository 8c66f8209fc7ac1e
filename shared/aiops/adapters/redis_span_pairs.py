"""Both ends of calls on Redis: a hash per trace, one script per slot, one round trip."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import redis
from redis.exceptions import NoScriptError

from aiops.adapters.keys import Keys
from aiops.adapters.redis_client import script, translated
from aiops.series import shard_of
from aiops.span_pairs import Half, Whole


class RedisSpanPairs:
    """Keeps ends of calls for a while.

    Args:
        client: The connection.
        keys: Names of keys.
        lifetime: How long, in the pipeline's milliseconds.
        most: Ends kept of one trace.
        rate: How fast the pipeline's clock runs; the lifetime shrinks with it.
    """

    def __init__(
        self, client: "redis.Redis", keys: Keys, lifetime: int, most: int = 2_000, rate: float = 1.0
    ) -> None:
        self._client, self._keys, self._most = client, keys, most
        self._lifetime = max(1, int(lifetime / rate))
        self._pair = client.register_script(script("pair_spans"))

    def join(self, record: str, halves: Sequence[Half]) -> list[Whole]:
        """Keep some ends; return the calls that are the record's."""
        slots: dict[int, list[Half]] = defaultdict(list)
        for one in halves:
            slots[shard_of(one.trace)].append(one)
        calls = [self._call(slot, record, mine) for slot, mine in slots.items()]
        if not calls:
            return []
        with translated():
            answers = self._evaluate(calls)
            if any(isinstance(one, NoScriptError) for one in answers):
                self._client.script_load(self._pair.script)
                answers = self._evaluate(calls)
            for answer in answers:
                if isinstance(answer, Exception):
                    raise answer
        return [Whole(*pair) for one in answers for pair in zip(one[::2], one[1::2], strict=True)]

    def _call(self, slot: int, record: str, halves: Sequence[Half]) -> list[Any]:
        """Return number of keys, keys and arguments of the script for one slot."""
        place = {trace: n for n, trace in enumerate(dict.fromkeys(one.trace for one in halves), 1)}
        names = [self._keys.spans(slot, trace) for trace in place]
        ends = [
            part
            for one in halves
            for part in (place[one.trace], "s" if one.asked else "c", one.call, one.told)
        ]
        return [len(names), *names, record, self._lifetime, self._most, *ends]

    def _evaluate(self, calls: Sequence[list[Any]]) -> list[Any]:
        pipe: Any = self._client.pipeline(transaction=False)
        for call in calls:
            pipe.execute_command("EVALSHA", self._pair.sha, *call)
        answers: list[Any] = pipe.execute(raise_on_error=False)
        return answers
