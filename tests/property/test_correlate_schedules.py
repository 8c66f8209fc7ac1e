"""P4 over thousands of random schedules, and the mistakes they must catch."""

from dataclasses import replace
from random import Random

import pytest

from aiops.adapters.memory_broker import MemoryPublisher
from aiops.adapters.memory_incidents import MemoryIncidents
from aiops.clock import ManualClock
from aiops.errors import Unavailable
from aiops.events import ChangeObserved
from aiops.silences import Silence
from functions.correlate import arrivals, firing
from functions.correlate.arrivals import Arrivals
from functions.correlate.domain import Change, Domain
from functions.correlate.judging import Judge
from functions.correlate.known import Known
from functions.correlate.outbox import Outbox
from functions.correlate.silence_book import SilenceBook
from functions.correlate.snapshot import message_of
from tests.property import correlate_world as world
from tests.property.scheduler import Scheduler

SCHEDULES = 5_000
SEARCH = 400
"""Schedules within which a mistake must show."""


def run(seed: int, store=None, handler_of=world.make) -> None:
    """Deliver anomalies in any order over up to three queues, ticks and changes beside them."""
    random = Random(seed)
    anomalies = world.some_anomalies(random, most=8) + world.some_notifications(random)
    store, publisher = store or MemoryIncidents(), MemoryPublisher()
    clock = ManualClock(world.START)
    scheduler = Scheduler(seed, workers=1 + seed % 4)
    watched = scheduler.watch(store), scheduler.watch(publisher)
    handlers = [handler_of(*watched, clock) for _ in range(4)]
    shuffled = random.sample(anomalies, len(anomalies))
    shuffled += random.sample(anomalies, random.randint(0, min(2, len(anomalies))))
    queues = [[] for _ in range(4)]
    number = 0
    while shuffled:
        batch, shuffled = shuffled[: (size := random.randint(1, 3))], shuffled[size:]
        number += 1
        queues[random.randrange(3)].append(world.detected(batch, number))
    changes = world.some_changes(random)
    seconds = sorted(random.sample(range(0, 1_300, 100), random.randint(0, 2)))
    silences = world.some_silences(random)
    queues[3] = [*map(world.tick, seconds), *changes, *silences]
    random.shuffle(queues[3])
    scheduler.run(*(
        [lambda e=event, h=handler: deliver(h, e, clock) for event in queue]
        for queue, handler in zip(queues, handlers, strict=True)
    ))  # fmt: skip
    finish(store, publisher, max(seconds, default=0))
    facts = [ChangeObserved.model_validate_json(event.data) for event in changes]
    processed = world.START + max(seconds, default=0) * 1000
    told = world.silences_told(silences)
    world.check(store, publisher, anomalies, facts, processed, told)


def deliver(handler, event, clock) -> None:
    clock.ms += 700
    handler(event)


def finish(store, publisher, processed: int) -> None:
    """Let the clock wake a new instance long after everything."""
    handler = world.make(store, publisher, ManualClock(world.START + 7_200_000))
    handler(world.tick(7_200, processed=processed))


@pytest.mark.parametrize("part", range(4))
def test_any_schedule_gives_the_incidents_of_a_reader_who_saw_everything_at_once(part):
    for seed in range(part * SCHEDULES // 4, (part + 1) * SCHEDULES // 4):
        try:
            run(seed)
        except AssertionError as error:
            error.add_note(f"seed {seed}")
            raise


class ClearsWithoutLookingAtTheVersion(MemoryIncidents):
    def published(self, records):
        for record in records:
            self.told[record.id] = record.generation
            self.dirty.pop(record.id, None)


class CommitsWhateverHappenedMeanwhile(MemoryIncidents):
    def commit(self, commit):
        return MemoryIncidents.commit(self, replace(commit, revision=self.revision))


class ForgetsWhatItHasSeen(MemoryIncidents):
    def commit(self, commit):
        return MemoryIncidents.commit(self, replace(commit, sightings=commit.sightings[:1]))


class LosesRedirects(MemoryIncidents):
    def commit(self, commit):
        done = MemoryIncidents.commit(self, commit)
        self.redirect.clear()
        return done


class ForgetsThatSomethingIsToBePublished(MemoryIncidents):
    """The outbox is written by a call of its own, after the state."""

    def commit(self, commit):
        before = dict(self.dirty)
        done = MemoryIncidents.commit(self, commit)
        if commit.sightings and done:
            self.dirty = before
        return done


STORES = [
    ClearsWithoutLookingAtTheVersion,
    CommitsWhateverHappenedMeanwhile,
    ForgetsWhatItHasSeen,
    LosesRedirects,
    ForgetsThatSomethingIsToBePublished,
]


def caught(run_one) -> bool:
    for seed in range(SEARCH):
        try:
            run_one(seed)
        except (AssertionError, KeyError, Unavailable):
            return True
    return False


@pytest.mark.parametrize("store", STORES)
def test_a_store_that_breaks_the_protocol_is_caught(store):
    assert caught(lambda seed: run(seed, store()))


def test_clearing_before_publishing_is_caught(monkeypatch):
    def publish(self, incidents, extensions):
        held = [one for one in incidents if one.dirty]
        self.domain.store.published([one.record for one in held])
        self.publisher.publish([message_of(one, extensions) for one in held])
        return len(held)

    monkeypatch.setattr(Outbox, "publish", publish)
    assert caught(run)


def test_refusing_anomalies_of_a_resolved_incident_is_caught(monkeypatch):
    genuine = arrivals.closed_to

    def closed_to(components, records, config):
        resolved = {name for name, record in records.items() if record.status == "resolved"}
        return genuine(components, records, config) | resolved

    monkeypatch.setattr(arrivals, "closed_to", closed_to)
    assert caught(run)


def test_trusting_what_was_known_before_others_committed_is_caught(monkeypatch):
    monkeypatch.setattr(Known, "holds", lambda self, view, spans: self.since is not None)
    assert caught(run)


def test_not_learning_what_was_committed_is_caught(monkeypatch):
    def learn(self, change, applied):
        self.revision = applied.revision

    monkeypatch.setattr(Known, "learn", learn)
    assert caught(run)


def test_taking_only_what_is_told_first_of_an_alert_is_caught(monkeypatch):
    monkeypatch.setattr(arrivals.Arrivals, "retell", lambda self, told, now: frozenset())
    assert caught(run)


def test_taking_what_is_told_last_of_an_alert_is_caught(monkeypatch):
    def merged_alerts(alerts):
        return tuple({one.anomaly: one for one in alerts}.values())

    monkeypatch.setattr(firing, "merged_alerts", merged_alerts)
    assert caught(run)


def test_taking_the_words_an_alert_came_with_last_is_caught(monkeypatch):
    genuine = firing.retell

    def retell(record, told, config):
        words = {one.id: firing.stateless(one) for one in told}
        evidence = tuple(
            piece.model_copy(update={"peak": words.get(piece.peak.id, piece.peak)})
            for piece in record.evidence
        )
        return genuine(record, told, config).model_copy(update={"evidence": evidence})

    monkeypatch.setattr(firing, "retell", retell)
    assert caught(run)


def test_looking_for_an_alert_only_where_it_begins_to_fire_is_caught(monkeypatch):
    genuine = arrivals.cells_of
    monkeypatch.setattr(arrivals, "cells_of", lambda one, config: genuine(one, config)[:1])
    assert caught(run)


def test_a_change_that_links_only_what_comes_after_it_is_caught(monkeypatch):
    def relink(self, change, now):
        done = self.domain.commit(self.domain.look(now), Change(changes=(change,)))
        return None if done is None else frozenset()

    monkeypatch.setattr(Arrivals, "relink", relink)
    assert caught(run)


def test_a_change_known_only_to_who_took_it_in_is_caught(monkeypatch):
    genuine = Judge.changes

    def changes(self, view):
        return genuine(self, view) if self._changes[0] == 0 else self._changes[1]

    monkeypatch.setattr(Judge, "changes", changes)
    assert caught(run)


def test_a_silence_that_covers_only_what_comes_after_it_is_caught(monkeypatch):
    monkeypatch.setattr(SilenceBook, "_concerned", lambda self, silences: frozenset())
    assert caught(run)


def test_a_silence_that_looks_only_at_what_lives_is_caught(monkeypatch):
    def living(self, since, until):
        return frozenset(self.store.quiet(1 << 53, 1 << 30))

    monkeypatch.setattr(Domain, "living", living)
    assert caught(run)


class HastySilence(Silence):
    """Takes what came last for what was said last."""

    def joined(self, other):
        return Silence(given=other.given or self.given, lifted=other.lifted or self.lifted)


def test_taking_what_came_last_of_a_silence_for_what_was_given_last_is_caught(monkeypatch):
    genuine = MemoryIncidents.silences

    def silences(self):
        return tuple(HastySilence(**dict(one)) for one in genuine(self))

    monkeypatch.setattr(MemoryIncidents, "silences", silences)
    assert caught(run)
