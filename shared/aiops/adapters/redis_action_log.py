"""The action log on Redis: one hash per incident, one sorted set of what is due per slot."""

from collections.abc import Sequence

import redis

from aiops.action_log import ActionRecord, slot_of
from aiops.adapters.keys import ACTION_LIFETIME, Keys
from aiops.adapters.redis_client import script, translated
from aiops.adapters.redis_replicas import await_replicas
from aiops.events import Incident


class RedisActionLog:
    """Keeps everything about an incident in the slot of the incident.

    Args:
        client: The connection.
        keys: Names of keys.
        rate: How fast the pipeline's clock runs; lifetimes of records shrink with it, leases do
            not, because the calls they guard take real time.
        replicas: How many must have a commit before it counts, so that a step is not sent before
            it is known elsewhere that it may have been.
    """

    def __init__(
        self, client: "redis.Redis", keys: Keys, rate: float = 1.0, replicas: int = 0
    ) -> None:
        self._client = client
        self._keys = keys
        self._replicas = replicas
        self._lifetime = max(1, int(ACTION_LIFETIME / rate))
        self._commit = client.register_script(script("commit_action"))
        self._release = client.register_script(script("release_lease"))

    def read(self, incident: str) -> ActionRecord | None:
        """Return the record of an incident."""
        with translated():
            revision, text = self._client.hmget(self._record(incident), ["revision", "record"])
        if revision is None or text is None:
            return None
        stored = ActionRecord.model_validate_json(text)
        return stored.model_copy(update={"revision": int(revision)})

    def snapshot(self, incident: str, version: int) -> Incident | None:
        """Return a snapshot the record still needs."""
        with translated():
            text = self._client.hget(self._record(incident), f"v{version}")
        return None if text is None else Incident.model_validate_json(text)

    def commit(self, record: ActionRecord, snapshot: Incident | None = None) -> bool:
        """Store a record if its revision is still the stored one."""
        needed = sorted(record.snapshots)
        new: tuple[str | int, str] = ("", "")
        if snapshot is not None and snapshot.version in needed:
            new = (snapshot.version, snapshot.model_dump_json())
        arguments: list[str | int] = [
            record.revision,
            record.model_dump_json(),
            self._lifetime,
            record.incident,
            "" if record.due_at is None else record.due_at,
            *new,
            *needed,
        ]
        keys = [self._record(record.incident), self._keys.action_due(slot_of(record.incident))]
        with translated():
            committed = bool(self._commit(keys=keys, args=arguments))
        await_replicas(self._client, self._replicas)
        return committed

    def due(self, slots: Sequence[int], until: int, limit: int) -> Sequence[str]:
        """Return incidents with something to do, in one round trip."""
        pipe = self._client.pipeline(transaction=False)
        for slot in slots:
            pipe.zrangebyscore(
                self._keys.action_due(slot), "-inf", until, 0, limit, withscores=True
            )
        with translated():
            answers = pipe.execute()
        found = sorted((at, incident.decode()) for answer in answers for incident, at in answer)
        return [incident for _, incident in found]

    def discard(self, incident: str) -> None:
        """Forget that an incident is due."""
        with translated():
            self._client.zrem(self._keys.action_due(slot_of(incident)), incident)

    def acquire(self, incident: str, channel: str, token: str, lifetime_ms: int) -> bool:
        """Take a lease."""
        with translated():
            return bool(
                self._client.set(self._lease(incident, channel), token, px=lifetime_ms, nx=True)
            )

    def release(self, incident: str, channel: str, token: str) -> None:
        """Give a lease back."""
        with translated():
            self._release(keys=[self._lease(incident, channel)], args=[token])

    def _record(self, incident: str) -> str:
        return self._keys.action_record(slot_of(incident), incident)

    def _lease(self, incident: str, channel: str) -> str:
        return self._keys.action_lease(slot_of(incident), incident, channel)
