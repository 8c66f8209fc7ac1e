"""Mistakes in `correlate` and in what keeps its incidents."""

import time
from collections.abc import Collection
from dataclasses import replace as changed
from typing import Any

from aiops.adapters.redis_incidents import RedisIncidents
from aiops.incident_store import Commit, Record
from functions.correlate import arrivals
from functions.correlate.known import Known
from functions.correlate.outbox import Outbox
from functions.correlate.snapshot import message_of
from local.chaos.mutations.replacing import PAUSE_SECONDS, Mutation, Replace


def clears_without_looking_at_the_version(replace: Replace) -> None:
    """Takes an incident for published though it has changed since."""
    publish = RedisIncidents.published

    def clear(self: Any, records: Collection[Record]) -> None:
        publish(self, records)
        time.sleep(PAUSE_SECONDS)
        for record in records:
            self._client.hdel(self._dirty, record.id)
            self._client.zrem(self._due, record.id)

    replace(RedisIncidents, "published", clear)


def commits_whatever_happened_meanwhile(replace: Replace) -> None:
    """Commits what was decided on a state that is gone."""
    commit = RedisIncidents.commit

    def blind(self: Any, wanted: Commit) -> Any:
        revision = int(self._client.hget(self._mark, "revision") or 0)
        return commit(self, changed(wanted, revision=revision))

    replace(RedisIncidents, "commit", blind)


def forgets_what_it_has_seen(replace: Replace) -> None:
    """Notes only the first anomaly of a batch as taken in."""
    commit = RedisIncidents.commit

    def forgetful(self: Any, wanted: Commit) -> Any:
        return commit(self, changed(wanted, sightings=wanted.sightings[:1]))

    replace(RedisIncidents, "commit", forgetful)


def loses_redirects(replace: Replace) -> None:
    """Forgets what became of merged incidents."""
    commit = RedisIncidents.commit

    def forgetful(self: Any, wanted: Commit) -> Any:
        done = commit(self, wanted)
        self._client.delete(self._redirect)
        return done

    replace(RedisIncidents, "commit", forgetful)


def forgets_that_something_is_to_be_published(replace: Replace) -> None:
    """Writes the outbox by a call of its own, which never comes."""
    commit = RedisIncidents.commit

    def forgetful(self: Any, wanted: Commit) -> Any:
        done = commit(self, wanted)
        if done and wanted.sightings:
            for record in wanted.records:
                self._client.hdel(self._dirty, record.id)
                self._client.zrem(self._due, record.id)
        return done

    replace(RedisIncidents, "commit", forgetful)


def clears_before_publishing(replace: Replace) -> None:
    """Takes an incident for published before it is."""

    def publish(self: Outbox, incidents: Any, extensions: Any) -> int:
        held = [one for one in incidents if one.dirty]
        self.domain.store.published([one.record for one in held])
        self.publisher.publish([message_of(one, extensions) for one in held])
        return len(held)

    replace(Outbox, "publish", publish)


def refuses_anomalies_of_a_resolved_incident(replace: Replace) -> None:
    """Opens another incident for what belongs to one that is over."""
    module: Any = arrivals  # which only imports it
    genuine = module.closed_to

    def closed_to(components: Any, records: Any, config: Any) -> frozenset[str]:
        resolved = {name for name, record in records.items() if record.status == "resolved"}
        return frozenset(genuine(components, records, config) | resolved)

    replace(module, "closed_to", closed_to)


def trusts_what_was_known_before_others_committed(replace: Replace) -> None:
    """Never reads again what it once read."""
    replace(Known, "holds", lambda self, view, spans: self.since is not None)


def does_not_learn_what_was_committed(replace: Replace) -> None:
    """Takes what it knows for current without having taken over its own commit."""

    def learn(self: Known, change: Any, applied: Any) -> None:
        self.revision = applied.revision

    replace(Known, "learn", learn)


MUTATIONS: tuple[Mutation, ...] = (
    clears_without_looking_at_the_version,
    commits_whatever_happened_meanwhile,
    forgets_what_it_has_seen,
    loses_redirects,
    forgets_that_something_is_to_be_published,
    clears_before_publishing,
    refuses_anomalies_of_a_resolved_incident,
    trusts_what_was_known_before_others_committed,
    does_not_learn_what_was_committed,
)
