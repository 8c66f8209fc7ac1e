"""What waits, on Redis: lengths of what others keep, in one round trip."""

from typing import Any

import redis

from aiops.action_log import SLOTS
from aiops.adapters.keys import Keys
from aiops.adapters.redis_client import translated
from aiops.backlog import Backlog
from aiops.series import SHARDS

_FAMILIES = ("d", "w")


class RedisBacklog:
    """Reads the backlog of a domain.

    Args:
        client: The connection.
        generation: Prefix of all state.
        domain: Whose incidents are counted.
    """

    def __init__(self, client: "redis.Redis", generation: str, domain: str) -> None:
        self._client = client
        self._keys = Keys(generation)
        self._outputs = [
            Keys(generation, family).out(shard) for family in _FAMILIES for shard in range(SHARDS)
        ]
        names = {one.rpartition(":")[2]: one for one in self._keys.incidents(domain)}
        self._open, self._dirty = names["open"], names["dirty"]

    def read(self, now: int) -> Backlog:
        """Return what waits; on a cluster the memory is that of the fullest master."""
        pipe: Any = self._client.pipeline(transaction=False)
        for name in self._outputs:
            pipe.hlen(name)
        for slot in range(SLOTS):
            pipe.zcount(self._keys.action_due(slot), "-inf", now)
        pipe.zcard(self._open)
        pipe.hlen(self._dirty)
        with translated():
            found = pipe.execute()
            memory: Any = self._client.info("memory")
        outputs, slots = found[: len(self._outputs)], found[len(self._outputs) : -2]
        nodes = [memory] if "used_memory" in memory else list(memory.values())
        fullest = max(nodes, key=lambda one: int(one["used_memory"]))
        return Backlog(
            unpublished_anomalies=sum(outputs),
            due_steps=sum(slots),
            open_incidents=found[-2],
            unpublished_incidents=found[-1],
            memory_used=int(fullest["used_memory"]),
            memory_limit=int(fullest.get("maxmemory", 0)),
        )
