"""Mistakes in `detect` and in what keeps its series."""

from collections.abc import Sequence
from typing import Any
from zlib import crc32

from aiops.adapters.redis_series import RedisSeriesStore
from aiops.errors import Unavailable
from aiops.series_store import Loaded, Write
from functions.detect.handler import DetectHandler
from local.chaos.mutations.replacing import Mutation, Replace


def publishes_before_the_state(replace: Replace) -> None:
    """Puts out what it found before its state is stored."""
    settle = DetectHandler._settle

    def hasty(self: Any, event: Any, batch: Any) -> Any:
        loaded = self.store.load(batch.keys, (), 0)
        outcome = self.scorer.score(batch, loaded.records)
        found = {(w.shard, n): body for w in outcome.writes for n, body in w.outputs}
        self._publish(event, found)
        return settle(self, event, batch)

    replace(DetectHandler, "_settle", hasty)


def forgets_before_publishing(replace: Replace) -> None:
    """Removes outputs first and publishes then."""
    publish = DetectHandler._publish

    def forgetful(self: Any, cause: Any, outputs: Any) -> None:
        if outputs:
            self.store.remove(list(outputs))
        publish(self, cause, outputs)

    replace(DetectHandler, "_publish", forgetful)


def takes_silence_for_success(replace: Replace) -> None:
    """Answers well although publishing failed, and forgets the outputs."""
    publish = DetectHandler._publish

    def trusting(self: Any, cause: Any, outputs: Any) -> None:
        try:
            publish(self, cause, outputs)
        except Unavailable:
            self.store.remove(list(outputs))

    replace(DetectHandler, "_publish", trusting)


def keeps_outputs_out_of_the_commit(replace: Replace) -> None:
    """Stores the state, and publishes without ever having written the outputs down."""
    commit = RedisSeriesStore.commit

    def bare(self: RedisSeriesStore, writes: Sequence[Write], now: int) -> list[int]:
        return commit(self, [write._replace(outputs=()) for write in writes], now)

    replace(RedisSeriesStore, "commit", bare)


def overwrites_series_that_others_changed(replace: Replace) -> None:
    """Writes whatever is stored meanwhile."""
    commit = RedisSeriesStore.commit

    def blind(self: Any, writes: Sequence[Write], now: int) -> list[int]:
        pipe = self._client.pipeline(transaction=False)
        for write in writes:
            pipe.getrange(self._keys.series(write.shard, write.key), 0, 7)
        stored = pipe.execute()
        trusted = [w._replace(expected=old) for w, old in zip(writes, stored, strict=True)]
        return commit(self, trusted, now)

    replace(RedisSeriesStore, "commit", blind)


def forgets_series_after_a_while(replace: Replace) -> None:
    """Forgets a series' times, as a lifetime on what was seen would."""
    load = RedisSeriesStore.load

    def forgetful(self: Any, keys: Any, shards: Any, overdue_before: int) -> Loaded:
        loaded = load(self, keys, shards, overdue_before)
        for place, record in enumerate(loaded.records):
            if record is not None and crc32(record) % 64 == 0:
                shard, key = keys[place]
                self._client.delete(self._keys.series(shard, key))
        return load(self, keys, shards, overdue_before)

    replace(RedisSeriesStore, "load", forgetful)


MUTATIONS: tuple[Mutation, ...] = (
    publishes_before_the_state,
    forgets_before_publishing,
    takes_silence_for_success,
    keeps_outputs_out_of_the_commit,
    overwrites_series_that_others_changed,
    forgets_series_after_a_while,
)
