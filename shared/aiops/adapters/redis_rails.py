"""The rails on Redis: one document for all runbooks, and a key of its own for the switch."""

import redis
from pydantic import ValidationError

from aiops.adapters.keys import RAILS_LIFETIME, Keys
from aiops.adapters.redis_client import script, translated
from aiops.adapters.redis_replicas import await_replicas
from aiops.rails import Pause, RailsState


class RedisRails:
    """Keeps the state as a whole: it is small, and changes only when a run begins or ends.

    Args:
        client: The connection.
        keys: Names of keys.
        rate: How fast the pipeline's clock runs; lifetimes shrink with it.
        replicas: How many must have a commit before it counts.
    """

    def __init__(
        self, client: "redis.Redis", keys: Keys, rate: float = 1.0, replicas: int = 0
    ) -> None:
        self._client = client
        self._state, self._switch = keys.rails(), keys.paused()
        self._replicas = replicas
        self._lifetime = max(1, int(RAILS_LIFETIME / rate))
        self._commit = client.register_script(script("commit_rails"))

    def read(self) -> RailsState:
        """Return the state."""
        with translated():
            revision, text = self._client.hmget(self._state, ["revision", "state"])
        if revision is None or text is None:
            return RailsState()
        stored = RailsState.model_validate_json(text)
        return stored.model_copy(update={"revision": int(revision)})

    def commit(self, state: RailsState) -> bool:
        """Store a state if its revision is still the stored one."""
        arguments: list[str | int] = [state.revision, state.model_dump_json(), self._lifetime]
        with translated():
            committed = bool(self._commit(keys=[self._state], args=arguments))
        await_replicas(self._client, self._replicas)
        return committed

    def paused(self) -> Pause | None:
        """Return who stopped everything; whatever else stands in the key stops it, too."""
        with translated():
            text = self._client.get(self._switch)
        if text is None:
            return None
        try:
            return Pause.model_validate_json(text)
        except ValidationError:
            return Pause(reason="set by hand")

    def pause(self, pause: Pause) -> None:
        """Stop everything; the key does not expire."""
        with translated():
            self._client.set(self._switch, pause.model_dump_json())
        await_replicas(self._client, self._replicas)

    def resume(self) -> None:
        """Let it go on."""
        with translated():
            self._client.delete(self._switch)
        await_replicas(self._client, self._replicas)
