"""Mistakes in what `act` decides by the clock and across incidents."""

from dataclasses import replace as changed
from typing import Any

from aiops.action_log import ActionRecord
from aiops.digest import Desk
from functions.act import bursts, digest, policy
from functions.act.answer import Answer
from functions.act.desks import Desks
from functions.act.wishes import Case
from local.chaos.mutations.replacing import Mutation, Replace


def a_desk_gives_another_answer_when_asked_again(replace: Replace) -> None:
    """Counts an incident once for each time its event is delivered."""
    replace(bursts, "_known", lambda desk, key: None)


def an_answer_is_given_before_it_is_stored(replace: Replace) -> None:
    """Leaves no trace of who was told that he may be told of singly."""

    def asked(self: Desks, name: str, receiver: str, ask: Any) -> str:
        record = self.log.read(name)
        desk = record.desk if record and record.desk else Desk(receiver=receiver)
        answer: str = ask(desk)[1].grouped
        return answer

    replace(Desks, "_asked", asked)


def a_desk_is_stored_over_the_change_of_another(replace: Replace) -> None:
    """Stores what was decided on a desk that is gone."""

    def blind(self: Desks, name: str, alter: Any) -> ActionRecord:
        before = self.log.read(name) or ActionRecord(incident=name)
        told = alter(before)
        stored = self.log.read(name)
        revision = stored.revision if stored else 0
        record: ActionRecord = told.record.model_copy(update={"revision": revision})
        self.log.commit(record, told.snapshot)
        return record

    replace(Desks, "_change", blind)


def an_old_word_counts_in_a_digest(replace: Replace) -> None:
    """Takes what comes late for what is so."""
    replace(digest, "_heard", lambda desk, incident: -1)


def what_goes_into_a_digest_is_forgotten_if_the_answer_is_lost(replace: Replace) -> None:
    """Takes an incident in only when it is told a second time."""
    deliver = Desks.deliver

    def lazy(self: Desks, delivery: Any, http: Any) -> Answer:
        if delivery.step.attempts < 2:
            return Answer("done", "later")
        return deliver(self, delivery, http)

    replace(Desks, "deliver", lazy)


def what_joins_a_digest_later_counts_as_told(replace: Replace) -> None:
    """Never tells that a digest has grown."""
    join = digest.join

    def told(record: Any, step: Any, incident: Any, now: int) -> ActionRecord:
        after = join(record, step, incident, now)
        desk = after.desk
        if desk is None or not digest._begun(after, desk):
            return after
        return after.model_copy(update={"desk": desk.model_copy(update={"told": desk.joined})})

    replace(digest, "join", told)


def nobody_looks_again_when_the_time_has_come(replace: Replace) -> None:
    """Forgets what was put off, and what was to be repeated."""
    accept = policy.accept

    def forgetful(record: Any, incident: Any, plan: Any, now: int) -> ActionRecord:
        return accept(record, incident, changed(plan, again_at=None), now)

    replace(policy, "accept", forgetful)


def quiet_hours_are_over_before_they_end(replace: Replace) -> None:
    """Tells at once what was to wait."""
    replace(policy, "_quiet_until", lambda case: None)


def a_repeat_counts_from_the_first_message(replace: Replace) -> None:
    """Repeats at every look once the first message is old enough."""
    repeat_at = Case.repeat_at

    def early(self: Case) -> int | None:
        at = repeat_at.fget(self)  # type: ignore[attr-defined] # it is a property
        return None if at is None else self.told[0].planned_at + int(self.rule.repeat_every * 1000)  # type: ignore[operator] # None only where `at` is

    replace(Case, "repeat_at", property(early))


MUTATIONS: tuple[Mutation, ...] = (
    a_desk_gives_another_answer_when_asked_again,
    an_answer_is_given_before_it_is_stored,
    a_desk_is_stored_over_the_change_of_another,
    an_old_word_counts_in_a_digest,
    what_goes_into_a_digest_is_forgotten_if_the_answer_is_lost,
    what_joins_a_digest_later_counts_as_told,
    nobody_looks_again_when_the_time_has_come,
    quiet_hours_are_over_before_they_end,
    a_repeat_counts_from_the_first_message,
)
