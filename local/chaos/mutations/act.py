"""Mistakes in `act` and in what keeps its steps."""

import time
from collections import Counter
from typing import Any

from aiops.action_log import ActionRecord
from aiops.adapters.redis_action_log import RedisActionLog
from functions.act import handler, policy, steps
from functions.act.changes import change
from functions.act.channel import Delivery
from functions.act.sender import CALL_SECONDS, Calls
from local.chaos.mutations.replacing import PAUSE_SECONDS, Mutation, Replace


def version_is_not_recorded(replace: Replace) -> None:
    """Takes every snapshot for a new one."""
    accept = policy.accept

    def forgetful(record: Any, incident: Any, plan: Any, now: int) -> ActionRecord:
        return accept(record, incident, plan, now).model_copy(update={"version": -1})

    replace(policy, "accept", forgetful)


def plan_is_recorded_after_sending(replace: Replace) -> None:
    """Sends first, and notes then what was to be sent."""

    def plan_late(self: handler.ActHandler, incident: Any) -> Any:
        record = self.log.read(incident.id) or ActionRecord(incident=incident.id)
        if incident.version <= record.version:
            return Counter(stale=1)
        now, performer = self.clock.now(), self.performer
        planned = policy.plan(incident, record.steps, self.config, performer.off, now)
        for step in planned.steps:
            channel = performer.channels[step.channel]
            ends = performer.timer() + CALL_SECONDS
            delivery = Delivery(step, incident, performer.unix_time() // 1000)
            channel.deliver(delivery, Calls(performer.sender, performer.timer, ends))

        def enter(record: ActionRecord) -> ActionRecord:
            return policy.accept(record, incident, planned, now)

        change(self.log, incident.id, enter, incident)
        return Counter()

    replace(handler.ActHandler, "_plan", plan_late)


def nothing_is_looked_at_again_after_sending(replace: Replace) -> None:
    """Never puts right what a late call did to a receiver that keeps a state."""
    replace(steps, "_harmful", lambda record, channel, now: ())


def what_a_dead_call_may_have_done_is_forgotten(replace: Replace) -> None:
    """Forgets calls whose end nobody noted."""

    def settle(record: Any, channel: str, now: int) -> Any:
        return record.model_copy(update={"attempts": ()})

    replace(steps, "settle", settle)


def a_step_is_not_marked_before_it_is_sent(replace: Replace) -> None:
    """Leaves no trace of a call until it has ended."""

    def unmarked(record: Any, task: Any, call: Any, timing: Any, *, keeps_state: bool) -> Any:
        step = task.step.model_copy(update={"attempts": task.step.attempts + 1})
        others = {one.id: one for one in record.steps} | {step.id: step}
        return record.model_copy(update={"steps": tuple(others.values())})

    replace(steps, "start", unmarked)


def a_record_is_stored_over_the_change_of_another(
    replace: Replace, log: type = RedisActionLog
) -> None:
    """Stores what was decided on a record that is gone."""
    commit = log.commit  # type: ignore[attr-defined] # of the port

    def blind(self: Any, record: Any, snapshot: Any = None) -> Any:
        if log is RedisActionLog:
            time.sleep(PAUSE_SECONDS)
        stored = self.read(record.incident)
        revision = stored.revision if stored else 0
        return commit(self, record.model_copy(update={"revision": revision}), snapshot)

    replace(log, "commit", blind)


def a_step_counts_as_done_before_it_is_sent(replace: Replace) -> None:
    """Notes the end of a call that has not begun."""
    start = steps.start

    def hasty(record: Any, task: Any, call: Any, timing: Any, *, keeps_state: bool) -> Any:
        marked = start(record, task, call, timing, keeps_state=keeps_state)
        return steps.finish(marked, task.step.id, call, "done", "")

    replace(steps, "start", hasty)


def an_end_counts_as_published_before_it_is(replace: Replace) -> None:
    """Takes the end of a step for published with the end itself."""
    finish = steps.finish

    def hasty(record: Any, identifier: str, call: Any, state: Any, result: str) -> Any:
        ended = finish(record, identifier, call, state, result)
        return steps.announced(ended, frozenset((identifier,)))

    replace(steps, "finish", hasty)


def what_is_due_is_kept_in_the_process_alone(replace: Replace, log: type = RedisActionLog) -> None:
    """Leaves nothing for others to find."""
    replace(log, "due", lambda self, slots, until, limit: [])


MUTATIONS: tuple[Mutation, ...] = (
    version_is_not_recorded,
    plan_is_recorded_after_sending,
    nothing_is_looked_at_again_after_sending,
    what_a_dead_call_may_have_done_is_forgotten,
    a_step_is_not_marked_before_it_is_sent,
    a_record_is_stored_over_the_change_of_another,
    a_step_counts_as_done_before_it_is_sent,
    an_end_counts_as_published_before_it_is,
    what_is_due_is_kept_in_the_process_alone,
)
