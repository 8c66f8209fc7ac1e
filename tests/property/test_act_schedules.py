"""P5 over random schedules, and proof that the schedules would notice a broken protocol."""

import secrets
from collections import Counter

import pytest
import redis

from aiops.action_log import ActionRecord
from aiops.adapters.keys import Keys
from aiops.adapters.memory_action_log import MemoryActionLog
from aiops.adapters.redis_action_log import RedisActionLog
from functions.act import handler, performer, policy, steps
from functions.act.changes import change
from tests.property.act_world import CONFIG, World, play
from tests.property.scheduler import CALM

SCHEDULES = 5_000
PARTS = 5
LATE_CALLS = 1_000
ENOUGH_TO_CATCH = 1_000


@pytest.mark.parametrize("part", range(PARTS))
def test_p5_distinct_steps_at_the_receivers_are_the_policy_applied_to_the_deduplicated_incidents(
    part,
):
    seen = Counter()
    for seed in range(part, SCHEDULES, PARTS):
        world = check(seed)
        seen["arrived"] += len(world.receivers.arrived)
        seen["distinct"] += len({step for _, _, step, _ in world.receivers.arrived})
        seen.update(line.split()[0] for line in world.scheduler.trace if "queue" in line)
    assert seen["arrived"] > seen["distinct"] > 0, "no message was ever sent twice: too calm"
    assert min(seen["kill"], seen["zombie"], seen["duplicate"]) > SCHEDULES // PARTS // 10


def test_p5_the_pager_is_left_in_the_newest_state_though_old_calls_come_in_late():
    repeated = 0
    for seed in range(LATE_CALLS):
        world = check(seed, pager_alone=True)
        steps_arrived = [step for _, _, step, _ in world.receivers.arrived]
        repeated += len(steps_arrived) > len(set(steps_arrived))
    assert repeated > LATE_CALLS // 20


def test_without_trouble_every_step_is_sent_exactly_once():
    for seed in range(200):
        world = play(seed, CALM)
        arrived = [step for _, _, step, _ in world.receivers.arrived]
        assert len(arrived) == len(set(arrived))


class LeasesInTheSchedulesTime(RedisActionLog):
    """Redis for everything but leases, which end in real time there."""

    def __init__(self, client, keys, timer):
        super().__init__(client, keys)
        self.twin = MemoryActionLog(timer)
        self.acquire, self.release = self.twin.acquire, self.twin.release


def test_p5_holds_over_real_redis_too(redis_url):
    with redis.Redis.from_url(redis_url) as client:
        for seed in range(150):
            keys = Keys(f"t{secrets.token_hex(6)}:")
            play(seed, log=lambda timer, keys=keys: LeasesInTheSchedulesTime(client, keys, timer))


def check(seed: int, *, pager_alone: bool = False) -> World:
    try:
        return play(seed, pager_alone=pager_alone)
    except AssertionError as error:
        raise AssertionError(f"seed {seed}: {error}") from error


def version_is_not_recorded(monkeypatch):
    accept = policy.accept

    def forgetful(record, incident, plan, now):
        return accept(record, incident, plan, now).model_copy(update={"version": -1})

    monkeypatch.setattr(policy, "accept", forgetful)


def plan_is_recorded_after_sending(monkeypatch):
    def plan_late(self, incident):
        record = self.log.read(incident.id) or ActionRecord(incident=incident.id)
        if incident.version <= record.version:
            return Counter(stale=1)
        now = self.clock.now()
        planned = policy.plan(incident, record.steps, CONFIG, self.performer.off, now)
        for step in planned.steps:
            channel = self.performer.channels[step.channel]
            payload = channel.render(step, incident)
            self.performer.sender.send(channel.request(payload, step, 0))
        change(
            self.log,
            incident.id,
            lambda record: policy.accept(record, incident, planned, now),
            incident,
        )
        return Counter()

    monkeypatch.setattr(handler.ActHandler, "_plan", plan_late)


def nothing_is_looked_at_again_after_sending(monkeypatch):
    monkeypatch.setattr(steps, "_harmful", lambda record, channel, now: ())


def what_a_dead_call_may_have_done_is_forgotten(monkeypatch):
    monkeypatch.setattr(
        steps, "settle", lambda record, channel, now: record.model_copy(update={"attempts": ()})
    )


def a_step_is_not_marked_before_it_is_sent(monkeypatch):
    def unmarked(record, task, call, timing, *, keeps_state):
        step = task.step.model_copy(update={"attempts": task.step.attempts + 1})
        others = {one.id: one for one in record.steps} | {step.id: step}
        return record.model_copy(update={"steps": tuple(others.values())})

    monkeypatch.setattr(steps, "start", unmarked)


def a_record_is_stored_over_the_change_of_another(monkeypatch):
    commit = MemoryActionLog.commit

    def blind(self, record, snapshot=None):
        stored = self.read(record.incident)
        revision = stored.revision if stored else 0
        return commit(self, record.model_copy(update={"revision": revision}), snapshot)

    monkeypatch.setattr(MemoryActionLog, "commit", blind)


def a_step_counts_as_done_before_it_is_sent(monkeypatch):
    start = steps.start

    def hasty(record, task, call, timing, *, keeps_state):
        marked = start(record, task, call, timing, keeps_state=keeps_state)
        return steps.finish(marked, task.step.id, call, "done", "")

    monkeypatch.setattr(steps, "start", hasty)


def an_end_counts_as_published_before_it_is(monkeypatch):
    finish = steps.finish

    def hasty(record, identifier, call, state, result):
        ended = finish(record, identifier, call, state, result)
        return steps.announced(ended, frozenset((identifier,)))

    monkeypatch.setattr(steps, "finish", hasty)


def what_is_due_is_kept_in_the_process_alone(monkeypatch):
    monkeypatch.setattr(MemoryActionLog, "due", lambda self, slots, until, limit: [])


MUTATIONS = [
    version_is_not_recorded,
    plan_is_recorded_after_sending,
    nothing_is_looked_at_again_after_sending,
    what_a_dead_call_may_have_done_is_forgotten,
    a_step_is_not_marked_before_it_is_sent,
    a_record_is_stored_over_the_change_of_another,
    a_step_counts_as_done_before_it_is_sent,
    an_end_counts_as_published_before_it_is,
    what_is_due_is_kept_in_the_process_alone,
]


@pytest.mark.parametrize("mutate", MUTATIONS, ids=lambda mutate: mutate.__name__)
def test_a_broken_protocol_is_caught(mutate, monkeypatch):
    mutate(monkeypatch)
    with pytest.raises(AssertionError):
        for seed in range(ENOUGH_TO_CATCH):
            play(seed)
            play(seed, pager_alone=True)


def test_the_performer_calls_what_the_mutations_replace():
    assert performer.steps is steps
    assert handler.policy is policy
