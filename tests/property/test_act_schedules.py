"""P5 over random schedules, and proof that the schedules would notice a broken protocol."""

import secrets
from collections import Counter

import pytest
import redis

from aiops.adapters.keys import Keys
from aiops.adapters.memory_action_log import MemoryActionLog
from aiops.adapters.redis_action_log import RedisActionLog
from functions.act import handler, performer, policy, steps
from local.chaos.mutations import act as mistakes
from tests.property.act_world import World, play
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


ON_THE_STORE = {
    mistakes.a_record_is_stored_over_the_change_of_another,
    mistakes.what_is_due_is_kept_in_the_process_alone,
}


@pytest.mark.parametrize("mistake", mistakes.MUTATIONS, ids=lambda mistake: mistake.__name__)
def test_a_broken_protocol_is_caught(mistake, monkeypatch):
    store = (MemoryActionLog,) if mistake in ON_THE_STORE else ()
    mistake(monkeypatch.setattr, *store)
    with pytest.raises(AssertionError):
        for seed in range(ENOUGH_TO_CATCH):
            play(seed)
            play(seed, pager_alone=True)


def test_the_performer_calls_what_the_mutations_replace():
    assert performer.steps is steps
    assert handler.policy is policy
