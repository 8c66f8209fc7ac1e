"""P5 for runbooks over random schedules, and proof that they would notice a broken protocol."""

import secrets
from collections import Counter

import pytest
import redis

from aiops.adapters.keys import Keys
from aiops.adapters.memory_action_log import MemoryActionLog
from aiops.adapters.redis_rails import RedisRails
from functions.act.runbooks import announcing, keeping, life, runner, stages
from tests.property.run_world import World, play
from tests.property.scheduler import CALM
from tests.property.test_act_schedules import LeasesInTheSchedulesTime

SCHEDULES = 1_200
PARTS = 3
CONTENDED = 200
ENOUGH_TO_CATCH = 600


@pytest.mark.parametrize("part", range(PARTS))
def test_p5_nothing_is_done_twice_unapproved_unlocked_or_while_all_is_paused(part):
    seen = Counter()
    for seed in range(part, SCHEDULES, PARTS):
        world = check(seed)
        seen["calls"] += len(world.calls)
        seen["arrived"] += len(world.cluster.arrived)
        seen["distinct"] += len({key for _, key, _ in world.cluster.arrived})
        for name in world.incidents:
            seen.update(run.state for run in world.log.read(name).runs)
        seen.update(line.split()[0] for line in world.scheduler.trace if "queue" in line)
    assert seen["calls"] > seen["arrived"] > seen["distinct"] > 0, "too calm"
    ends = ("succeeded", "failed", "expired", "rejected", "skipped")
    assert min(seen[end] for end in ends) > 0, seen
    assert min(seen["kill"], seen["zombie"], seen["duplicate"]) > SCHEDULES // PARTS // 10


def test_without_trouble_what_runs_is_done_exactly_once():
    done = 0
    for seed in range(200):
        world = play(seed, CALM)
        keys = [key for _, key, _ in world.cluster.arrived]
        assert len(keys) == len(set(keys)) == len(world.calls)
        done += len(keys)
    assert done > 100


def test_p5_of_runs_holds_over_real_redis_too(redis_url):
    with redis.Redis.from_url(redis_url) as client:
        for seed in range(100):
            keys = Keys(f"t{secrets.token_hex(6)}:")
            play(
                seed,
                log=lambda timer, keys=keys: LeasesInTheSchedulesTime(client, keys, timer),
                rails=lambda keys=keys: RedisRails(client, keys),
            )


def test_p5_of_runs_that_all_want_one_target_none_has_it_while_another_does():
    waited = 0
    for seed in range(CONTENDED):
        world = check(seed, contended=True)
        runs = [run for name in world.incidents for run in world.log.read(name).runs]
        begun = [run for run in runs if any(step.attempts for step in run.steps)]
        waited += len(begun) < len(runs)
    assert waited > CONTENDED // 10


def check(seed: int, *, contended: bool = False) -> World:
    try:
        return play(seed, contended=contended)
    except AssertionError as error:
        raise AssertionError(f"seed {seed}: {error}") from error


def what_may_happen_once_is_tried_again(replace):
    marked = life.marked
    replace(
        life,
        "marked",
        lambda run, place, repeat, now, lease: marked(run, place, "absolute", now, lease),
    )


def a_step_is_not_marked_before_it_is_done(replace):
    marked = life.marked

    def unmarked(run, place, repeat, now, lease):
        after = marked(run, place, repeat, now, lease)
        step = after.steps[place].model_copy(update={"state": "planned", "attempts": 0})
        replace_mark = (*after.steps[:place], step, *after.steps[place + 1 :])
        return after.model_copy(update={"steps": replace_mark})

    attempt = stages.Stage._attempt

    def hasty(self, run, place):
        operation = self.shelf.operations[run.steps[place].operation]
        arguments = operation.arguments.model_validate(run.steps[place].arguments)
        if self._paused(run):
            return "waits"
        now = self.clock.now()
        outcome = operation.perform(arguments, life.order_of(run, place))
        self.keeper.alter(run, lambda run: life.noted(run, place, outcome, now, now + 1_000))
        return "done"

    replace(life, "marked", unmarked)
    replace(stages.Stage, "_attempt", hasty)
    assert attempt is not hasty


def nobody_looks_at_the_switch(replace):
    class Blind:
        def __init__(self, rails):
            self.rails = rails

        def __getattr__(self, name):
            return getattr(self.rails, name)

        def paused(self):
            return None

    perform = stages.Stage._attempt

    def blind(self, run, place):
        seeing, self.rails = self.rails, Blind(self.rails)
        try:
            return perform(self, run, place)
        finally:
            self.rails = seeing

    replace(stages.Stage, "_attempt", blind)


def one_person_counts_as_two(replace):
    judged = life.judged

    def counted(run, word, consent, now):
        return judged(run, word, life.Consent(1, consent.holds_ms), now)

    replace(life, "judged", counted)
    replace(stages, "unapproved", lambda guard, approvals: "")


def any_runs_approval_is_taken(replace):
    judge = runner.Runner.judge

    def lax(self, word):
        record = self.log.read(word.incident)
        run = record.runs[-1].id if record and record.runs else word.run
        return judge(self, word.model_copy(update={"run": run}))

    replace(runner.Runner, "judge", lax)


def locks_are_not_taken(replace):
    replace(stages, "claim_targets", lambda rails, claim, now: None)


def locks_are_never_given_back(replace):
    replace(runner, "settle", lambda state, ending, now: state)


def an_end_is_settled_in_the_process_alone(replace):
    replace(runner.Runner, "_settle", lambda self, run, runbook: "settled")


def a_record_is_stored_over_the_change_of_another(replace):
    commit = MemoryActionLog.commit

    def blind(self, record, snapshot=None):
        stored = self.read(record.incident)
        revision = stored.revision if stored else 0
        return commit(self, record.model_copy(update={"revision": revision}), snapshot)

    replace(MemoryActionLog, "commit", blind)


def a_change_counts_as_published_before_it_is(replace):
    replace(announcing, "messages_of", lambda record: [])


def what_is_new_is_not_told(replace):
    replace(keeping, "told", lambda before, after, readers, now: after)


def a_run_begins_without_a_word(replace):
    def eager(run, now, reason, ttl_ms):
        return life.into(run, "approved", now, reason)

    replace(life, "awaiting", eager)
    replace(stages, "unapproved", lambda guard, approvals: "")


MISTAKES = (
    what_may_happen_once_is_tried_again,
    a_step_is_not_marked_before_it_is_done,
    nobody_looks_at_the_switch,
    one_person_counts_as_two,
    any_runs_approval_is_taken,
    locks_are_not_taken,
    locks_are_never_given_back,
    an_end_is_settled_in_the_process_alone,
    a_record_is_stored_over_the_change_of_another,
    a_change_counts_as_published_before_it_is,
    a_run_begins_without_a_word,
    what_is_new_is_not_told,
)


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.__name__)
def test_a_broken_protocol_is_caught(mistake, monkeypatch):
    mistake(monkeypatch.setattr)
    with pytest.raises(AssertionError):
        for seed in range(ENOUGH_TO_CATCH):
            play(seed)
            play(seed, contended=True)
