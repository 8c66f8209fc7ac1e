"""P5 for what depends on the clock and on other incidents, over random schedules."""

import secrets
from collections import Counter
from dataclasses import replace

import pytest
import redis

from aiops.adapters.keys import Keys
from local.chaos.mutations import desks as mistakes
from tests.property.act_bursts import Bursts, play_bursts
from tests.property.scheduler import CALM, Chaos
from tests.property.test_act_schedules import LeasesInTheSchedulesTime

SCHEDULES = 600
PARTS = 3
ENOUGH_TO_CATCH = 400
ROUGH = replace(Chaos(), budget=8)


def check(seed: int, chaos: Chaos = ROUGH, *, late: bool = False) -> Bursts:
    try:
        return play_bursts(seed, chaos, late=late)
    except AssertionError as error:
        raise AssertionError(f"seed {seed}: {error}") from error


@pytest.mark.parametrize("part", range(PARTS))
def test_p5_what_arrives_is_the_policy_applied_to_what_was_decided_and_nobody_is_lost(part):
    seen = Counter()
    for seed in range(part, SCHEDULES, PARTS):
        world = check(seed)
        digests = set(world.observed.members)
        for name, steps in world.observed.steps.items():
            for step in steps.values():
                sort = "digest" if name in digests else "entry" if step.digest else "single"
                seen[sort, step.kind] += step.state == "done"
        seen.update(line.split()[0] for line in world.scheduler.trace if "queue" in line)
    for sort, kind in (
        ("single", "opened"), ("single", "repeated"), ("single", "resolved"), ("entry", "opened"),
        ("entry", "resolved"), ("digest", "opened"), ("digest", "grown"), ("digest", "resolved"),
        ("digest", "severity_raised"),
    ):  # fmt: skip
        assert seen[sort, kind] > SCHEDULES // PARTS // 20, (sort, kind)
    assert min(seen["kill"], seen["zombie"], seen["duplicate"]) > SCHEDULES // PARTS // 10


def test_p5_a_digest_knows_the_newest_of_an_incident_though_old_word_comes_in_late():
    for seed in range(SCHEDULES // 4):
        check(seed, late=True)


def test_without_trouble_every_message_is_sent_exactly_once():
    for seed in range(100):
        arrived = [step for _, _, step, _ in check(seed, CALM).receivers.arrived]
        assert len(arrived) == len(set(arrived))


def test_p5_holds_over_real_redis_too(redis_url):
    with redis.Redis.from_url(redis_url) as client:
        for seed in range(60):
            keys = Keys(f"t{secrets.token_hex(6)}:")
            play_bursts(
                seed, ROUGH, lambda timer, keys=keys: LeasesInTheSchedulesTime(client, keys, timer)
            )


@pytest.mark.parametrize("mistake", mistakes.MUTATIONS, ids=lambda mistake: mistake.__name__)
def test_a_mistake_is_caught(mistake, monkeypatch):
    mistake(monkeypatch.setattr)
    with pytest.raises(AssertionError):
        for seed in range(ENOUGH_TO_CATCH):
            play_bursts(seed, ROUGH)
            play_bursts(seed, ROUGH, late=True)
