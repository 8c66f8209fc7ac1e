"""Runbooks from the event to the operation, with the stores and the broker in memory."""

import json
from collections import Counter
from itertools import count

import pytest
from pydantic import create_model

from aiops import topics
from aiops.action_log import SLOTS
from aiops.adapters.memory_action_log import MemoryActionLog
from aiops.adapters.memory_broker import MemoryPublisher
from aiops.adapters.memory_rails import MemoryRails
from aiops.clock import ManualClock
from aiops.events import INCIDENT_TYPES, ActionFinished, RunChanged, RunJudged, Silenced, WorkDue
from aiops.ids import derive
from aiops.ports import Event
from aiops.rails import Pause, claim_targets
from aiops.runs import run_id
from functions.act.answer import answer_of
from functions.act.channel import Request
from functions.act.config import ALL_KINDS, ActConfig
from functions.act.handler import ActHandler
from functions.act.operation import Outcome
from functions.act.performer import Performer
from functions.act.runbooks.claims import claim_of
from functions.act.runbooks.life import HOLD_MS, MAX_ATTEMPTS
from functions.act.runbooks.proposing import Shelf
from functions.act.runbooks.runner import Runner
from functions.act.runbooks.telling import Readers, pages_of
from tests.incidents import ID, START, evidence, incident, suspect
from tests.runbooks import Pretended, runbook

MINUTE = 60_000
LABELS = {"service": "cart", "namespace": "payments", "deployment": "cart"}
RUN = run_id(ID, 1, "restart", "cart")


class Plain:
    """A channel that notes what it is told."""

    repeat = "visible"

    def __init__(self, name):
        self.name = name

    def deliver(self, delivery, http):
        step = delivery.step
        told = {"kind": step.kind, "run": step.run, "reason": step.reason}
        return http.call(Request(self.name, "", json.dumps(told).encode()))


class Notes:
    def __init__(self):
        self.sent = []

    def send(self, request, seconds):
        self.sent.append((request.channel, json.loads(request.body)))
        return answer_of(200)


class Act:
    """The function with one runbook, its clock and its surroundings."""

    def __init__(self, *operations, books=None, log=None, rails=None, **guard):
        self.clock, tokens = ManualClock(START), count()
        self.log = log or MemoryActionLog(lambda: self.clock.ms / 1000)
        self.rails = rails or MemoryRails()
        self.publisher, self.notes = MemoryPublisher(), Notes()
        self.operation = operations[0] if operations else Pretended()
        self.books = books or (runbook(guard=guard),)
        config = ActConfig()
        channels = {name: Plain(name) for name in ("pagerduty", "slack", "webhook")}
        off = {}
        performer = Performer(
            log=self.log, sender=self.notes, channels=channels, off=off, clock=self.clock,
            timer=lambda: self.clock.ms / 1000, unix_time=self.clock.now,
            new_token=lambda: str(next(tokens)), give_up_after=86_400.0, merge_wait=0.0,
        )  # fmt: skip
        self.runner = Runner(
            log=self.log,
            rails=self.rails,
            shelf=Shelf(self.books, {"touch": self.operation}),
            readers=Readers(config.channels, off, pages_of(self.books)),
            clock=self.clock,
            timer=lambda: self.clock.ms / 1000,
            new_token=lambda: str(next(tokens)),
        )
        self.handler = ActHandler(
            self.log, performer, self.publisher, self.clock, config, self.runner
        )

    def tell(self, version=1, last=START, **changes):
        labels = changes.pop("labels", LABELS)
        proof = evidence("cart", "cpu_usage", labels=labels).model_copy(update={"last": last})
        values = {"evidence": (proof,), "root_cause": (suspect("cart"),)} | changes
        return self.event(INCIDENT_TYPES[1], incident(version, **values))

    def judge(self, decision="approve", by="slack:U1", run=RUN):
        word = RunJudged(run=run, incident=ID, decision=decision, given_by=by, given_at=START)
        return self.event(RunJudged.type, word)

    def tick(self, ms=MINUTE):
        self.clock.ms += ms
        return self.event(WorkDue.type, WorkDue(stage="act", now=self.clock.ms))

    def event(self, kind, fact):
        return self.handler(Event("id", "/test", kind, START, fact.model_dump_json().encode()))

    @property
    def run(self):
        return self.log.read(ID).run(RUN)

    def told(self, channel="slack"):
        return [body["kind"] for name, body in self.notes.sent if name == channel]

    def reason(self, kind):
        return next(body["reason"] for _, body in self.notes.sent if body["kind"] == kind)

    @property
    def audit(self):
        return [
            RunChanged.model_validate_json(message.event.data)
            for message in self.publisher.topics[topics.ACTIONS]
            if message.event.type == RunChanged.type
        ]


def test_a_run_is_checked_approved_done_verified_and_told_of():
    act = Act()
    act.tell()
    assert (len(act.operation.checked), act.operation.done) == (1, [])
    assert act.run.state == "awaiting"
    assert act.told() == ["opened", "run_proposed"]
    assert act.told("pagerduty") == ["opened"]
    assert "restart would touch Deployment payments/cart" in act.reason("run_proposed")
    assert act.notes.sent[-2][1]["run"] == RUN

    act.judge()
    ((arguments, order),) = act.operation.done
    assert (arguments.namespace, arguments.name) == ("payments", "cart")
    assert (order.incident, order.runbook, order.at) == (ID, "restart", START)
    assert order.key == derive("run.step", RUN, 0).replace("-", "")
    assert act.run.state == "verifying"
    assert act.rails.read().locks["Deployment payments/cart"].run == RUN

    act.tell(2, status="resolved", resolved_at=START + MINUTE)
    assert act.run.state == "succeeded"
    assert act.told()[-2:] == ["resolved", "run_finished"]
    assert "approved by slack:U1" in act.reason("run_finished")
    assert act.rails.read().locks == {}
    states = ["proposed", "awaiting", "approved", "running", "verifying", "succeeded"]
    assert [fact.state for fact in act.audit] == states
    assert [fact.number for fact in act.audit] == [1, 2, 3, 4, 5, 6]
    assert act.audit[2].by == "slack:U1"
    assert act.audit[-1].approvals == (("slack:U1", START),)
    assert act.log.due(range(SLOTS), 1 << 60, 1) == []


def test_by_default_nothing_is_done_but_people_are_told_what_would_be():
    act = Act(mode="dry-run")
    act.tell()
    assert act.run.state == "skipped"
    assert act.operation.done == []
    assert act.reason("run_finished") == (
        "restart skipped: dry run only: it would touch Deployment payments/cart"
    )


def test_what_is_automatic_needs_nobody_unless_it_cannot_be_taken_back():
    act = Act(mode="auto")
    act.tell()
    assert act.run.state == "verifying"
    wild = Act(Pretended(reversible=False), mode="auto")
    wild.tell()
    assert (wild.run.state, wild.operation.done) == ("awaiting", [])


def test_nothing_is_automatic_in_a_storm():
    act = Act(mode="auto")
    act.runner.storm = lambda domain, now: "a storm goes on"
    act.tell()
    assert (act.run.state, act.operation.done) == ("awaiting", [])
    act.judge()
    assert len(act.operation.done) == 1


def test_a_word_counts_once_a_person_and_only_for_the_run_it_was_given_on():
    act = Act(min_approvers=2)
    act.tell()
    old = derive("run", "old")
    assert act.judge(run=old) == Counter(not_awaited=1)
    act.judge(by="slack:U1")
    act.judge(by="slack:U1")
    assert (act.run.state, act.operation.done) == ("awaiting", [])
    assert act.audit[-1].reason == "approved by slack:U1, 1 of 2"
    act.judge(by="slack:U2")
    assert [one.by for one in act.run.approvals] == ["slack:U1", "slack:U2"]
    assert len(act.operation.done) == 1
    assert act.judge(by="slack:U3")["not_awaited"] == 1
    assert len(act.operation.done) == 1


def test_one_person_can_reject_and_then_nobody_can_approve():
    act = Act(min_approvers=2)
    act.tell()
    act.judge(by="slack:U1")
    act.judge("reject", by="slack:U2")
    act.judge(by="slack:U3")
    assert (act.run.state, act.operation.done) == ("rejected", [])
    assert act.reason("run_finished").startswith("restart rejected: rejected by slack:U2")


def test_nobodys_word_lets_it_expire_and_a_late_word_does_nothing():
    act = Act()
    act.tell()
    act.clock.ms += 15 * MINUTE
    act.judge()
    assert act.operation.done == []
    act.tick(0)
    assert act.run.state == "expired"
    assert act.told()[-1] == "run_finished"


def test_while_all_is_paused_nothing_is_called_and_afterwards_it_goes_on():
    act = Act()
    act.rails.pause(Pause(by="eve"))
    act.tell()
    act.tick()
    assert (act.operation.checked, act.run.state) == ([], "proposed")
    act.rails.resume()
    act.tick()
    assert act.run.state == "awaiting"
    act.rails.pause(Pause(by="eve"))
    act.judge()
    act.tick()
    assert (act.run.state, act.operation.done) == ("approved", [])
    act.rails.resume()
    act.tick()
    assert act.run.state == "verifying"


def test_what_is_paused_for_too_long_expires():
    act = Act()
    act.tell()
    act.rails.pause(Pause(by="eve"))
    act.judge()
    act.tick(16 * MINUTE)
    act.rails.resume()
    act.tick()
    assert (act.run.state, act.operation.done) == ("expired", [])


def test_a_pause_between_two_steps_stops_the_second():
    operation = Pretended()
    steps = [{"touch": {"name": name}} for name in ("cart", "db")]
    act = Act(operation, books=(runbook(steps=steps, guard={"max_targets": 2}),))
    perform = operation.perform

    def pause_then(arguments, order):
        act.rails.pause(Pause(by="eve"))
        return perform(arguments, order)

    operation.perform = pause_then
    act.tell()
    act.judge()
    act.tick()
    assert (len(operation.done), act.run.state) == (1, "running")
    act.rails.resume()
    act.tick()
    assert [arguments.name for arguments, _ in operation.done] == ["cart", "db"]
    act.tick(HOLD_MS)


def test_a_target_the_cluster_protects_is_left_alone():
    operation = Pretended()
    operation.checks = [Outcome("done", "fine", labels={"aiops.io/protected": "true"})]
    act = Act(operation)
    act.tell()
    assert act.run.state == "skipped"
    assert "aiops.io/protected=true" in act.reason("run_finished")


def test_what_the_server_would_refuse_is_never_proposed():
    operation = Pretended()
    operation.checks = [Outcome("refused", "403: forbidden")]
    act = Act(operation)
    act.tell()
    assert act.run.state == "skipped"
    assert "403: forbidden" in act.reason("run_finished")
    assert "run_proposed" not in act.told()


def test_a_dry_run_without_an_answer_is_tried_again_later():
    operation = Pretended()
    operation.checks = [Outcome("retry", "503"), Outcome("retry", "503")]
    act = Act(operation)
    act.tell()
    assert act.run.state == "proposed"
    act.tick()
    act.tick()
    assert (act.run.state, len(operation.checked)) == ("awaiting", 3)


def test_a_call_without_an_answer_is_repeated_with_the_same_order():
    act = Act(Pretended(answers=[Outcome("retry", "503"), Outcome("retry", "no answer")]))
    act.tell()
    act.judge()
    act.tick()
    act.tick()
    orders = {order for _, order in act.operation.done}
    assert (len(act.operation.done), len(orders)) == (3, 1)
    assert act.run.state == "verifying"


def test_what_never_answers_fails_and_pages():
    act = Act(Pretended(answers=[Outcome("retry", "503")] * MAX_ATTEMPTS))
    act.tell()
    act.judge()
    for _ in range(MAX_ATTEMPTS):
        act.tick(6 * MINUTE)
    assert (act.run.state, len(act.operation.done)) == ("failed", MAX_ATTEMPTS)
    assert act.told("pagerduty")[-1] == "run_failed"


@pytest.mark.parametrize("last", [Outcome("retry", "503"), Outcome("refused", "422: invalid")])
def test_what_may_have_happened_is_not_told_as_failed_whatever_the_last_answer_was(last):
    cut = Outcome("retry", "no answer", may_have_happened=True)
    act = Act(Pretended(answers=[cut, *[last] * MAX_ATTEMPTS]))
    act.tell()
    act.judge()
    for _ in range(MAX_ATTEMPTS):
        act.tick(6 * MINUTE)
    assert act.run.state == "unknown"
    assert "nobody knows whether this was done" in act.reason("run_failed")
    assert act.told("pagerduty")[-1] == "run_failed"


def test_what_may_have_happened_and_could_not_be_done_in_time_is_unknown():
    cut = Outcome("retry", "no answer", may_have_happened=True)
    act = Act(Pretended(answers=[cut]))
    act.tell()
    act.judge()
    act.rails.pause(Pause(by="eve"))
    act.tick(2 * HOLD_MS)
    act.rails.resume()
    act.tick()
    assert act.run.state == "unknown"


def test_a_target_that_is_protected_after_the_proposal_is_left_alone_although_people_approved():
    act = Act()
    act.tell()
    act.clock.ms += 10 * MINUTE
    act.operation.checks = [Outcome("done", "fine", labels={"aiops.io/protected": "true"})]
    act.judge()
    act.tick()
    assert (act.run.state, act.operation.done) == ("skipped", [])
    assert "aiops.io/protected=true" in act.reason("run_finished")
    assert act.rails.read().locks == {}


def test_what_the_server_refuses_by_the_time_people_approved_is_not_tried():
    act = Act()
    act.tell()
    act.clock.ms += 10 * MINUTE
    act.operation.checks = [Outcome("retry", "503"), Outcome("refused", "404: not found")]
    act.judge()
    act.tick()
    assert (act.run.state, act.operation.done) == ("skipped", [])
    assert "404: not found" in act.reason("run_finished")


def test_a_refusal_ends_the_run_and_says_what_was_refused():
    act = Act(Pretended(answers=[Outcome("refused", "422: invalid")]))
    act.tell()
    act.judge()
    assert act.run.state == "failed"
    assert act.reason("run_failed").startswith(
        "restart failed: touch Deployment payments/cart: 422: invalid"
    )


def test_what_may_have_happened_and_must_not_again_asks_a_person():
    act = Act(Pretended("at_most_once", answers=[Outcome("unknown", "cut off")]))
    act.tell()
    act.judge()
    act.tick()
    assert (act.run.state, len(act.operation.done)) == ("unknown", 1)
    assert "nobody knows whether this was done" in act.reason("run_failed")


class Killed(Exception):
    """The process ends here."""


@pytest.mark.parametrize(
    ("repeat", "calls", "state"),
    [
        ("derived_name", 2, "verifying"),
        ("absolute", 2, "verifying"),
        ("at_most_once", 1, "unknown"),
    ],
)
def test_a_process_that_dies_during_a_call_leaves_what_its_kind_of_operation_bears(
    repeat, calls, state
):
    operation = Pretended(repeat)
    act = Act(operation)
    perform = operation.perform

    def die(arguments, order):
        perform(arguments, order)
        operation.perform = perform
        raise Killed

    operation.perform = die
    act.tell()
    with pytest.raises(Killed):
        act.judge()
    act.tick()
    assert (act.run.state, len(operation.done)) == (state, calls)


def test_a_run_that_does_not_help_fails_after_its_time_and_pages():
    act = Act()
    act.tell()
    act.judge()
    act.tell(2, last=START + 9 * MINUTE)
    act.tick(9 * MINUTE)
    assert act.run.state == "verifying"
    act.tick()
    assert act.run.state == "failed"
    assert act.reason("run_failed").startswith(
        "restart failed: cpu_usage of cart did not recover in time"
    )
    assert act.told("pagerduty") == ["opened", "run_failed"]


def test_a_run_helped_where_its_series_was_quiet_for_half_the_time_though_the_rest_goes_on():
    act = Act()
    act.tell()
    act.judge()
    act.tell(2, last=START + 5 * MINUTE)
    act.tick(10 * MINUTE)
    assert act.run.state == "succeeded"


def test_failures_in_a_row_open_the_breaker_and_somebody_is_told():
    act = Act(open_after=1)
    act.tell()
    act.judge()
    act.tell(2, last=START + 9 * MINUTE)
    act.tick(10 * MINUTE)
    assert act.told("pagerduty") == ["opened", "run_failed", "run_failed"]
    assert act.notes.sent[-1][1]["reason"] == "restart is stopped: 1 failures in a row"


def test_a_failure_is_told_quietly_where_the_runbook_says_so():
    act = Act(books=(runbook(verify={"on_fail": "tell"}),))
    act.tell()
    act.judge()
    act.tell(2, last=START + 9 * MINUTE)
    act.tick(10 * MINUTE)
    assert act.told("pagerduty") == ["opened"]
    assert act.told()[-1] == "run_finished"


def test_a_target_that_another_run_has_is_waited_for():
    act = Act()
    act.tell()
    other = act.run.model_copy(update={"id": derive("run", "other")})
    claim_targets(act.rails, claim_of(other, act.books[0]), START)
    act.judge()
    assert (act.run.state, act.operation.done) == ("approved", [])
    act.tick(14 * MINUTE)
    assert act.run.state == "approved"
    act.tick()
    assert (act.run.state, act.operation.done) == ("expired", [])


def test_while_a_target_is_waited_for_the_word_can_be_taken_back():
    act = Act()
    act.tell()
    other = act.run.model_copy(update={"id": derive("run", "other")})
    claim_targets(act.rails, claim_of(other, act.books[0]), START)
    act.judge()
    assert act.run.state == "approved"
    act.judge("reject", by="slack:U2")
    assert act.run.state == "rejected"
    act.tick(HOLD_MS + 20 * MINUTE)
    assert act.operation.done == []


@pytest.mark.parametrize(
    ("guard", "reason"),
    [
        ({"min_approvers": 2}, "it needs 2 approvals by now"),
        ({"mode": "auto", "allow_namespaces": ["shop"]}, "namespace payments is not among"),
    ],
)
def test_rails_that_were_tightened_meanwhile_hold_for_what_was_approved_before(guard, reason):
    act = Act(mode="auto")
    act.rails.pause(Pause(by="ann", at=START))
    act.tell()
    act.rails.resume()
    other = act.run.model_copy(update={"id": derive("run", "other")})
    claim_targets(act.rails, claim_of(other, act.books[0]), START)
    act.tick()
    assert act.run.state == "approved"
    act.runner.shelf = Shelf((runbook(guard=guard),), {"touch": act.operation})
    act.tick()
    assert (act.run.state, act.operation.done) == ("skipped", [])
    assert reason in act.reason("run_finished")


def test_of_a_snapshot_that_is_old_people_decide_whatever_the_mode():
    act = Act(mode="auto")
    act.clock.ms += 6 * MINUTE
    act.tell(updated_at=START)
    assert (act.run.state, act.run.mode, act.operation.done) == ("awaiting", "approve", [])


def test_news_of_runs_raise_no_alarm_where_there_are_only_alarms():
    act = Act()
    rules = tuple(rule.model_copy(update={"tell": ALL_KINDS}) for rule in ActConfig().channels)
    act.runner.readers = Readers(rules, {}, pages_of(act.books))
    act.tell()
    act.judge()
    assert act.told() == ["opened", "run_proposed"]
    assert act.told("pagerduty") == ["opened"]
    act.tell(2, status="resolved", resolved_at=START)
    assert act.told()[-2:] == ["resolved", "run_finished"]
    assert act.told("pagerduty") == ["opened", "resolved"]


def test_what_is_over_before_anybody_decided_is_not_done():
    act = Act()
    act.tell()
    act.tell(2, status="resolved", resolved_at=START)
    act.judge()
    assert (act.run.state, act.operation.done) == ("skipped", [])
    assert act.told()[-1] == "run_finished"


def test_a_word_on_a_cause_that_is_no_longer_the_likeliest_does_nothing():
    act = Act()
    act.tell()
    act.tell(2, root_cause=(suspect("db"), suspect("cart")))
    act.judge()
    assert (act.run.state, act.operation.done) == ("skipped", [])
    assert "the likeliest cause is now db" in act.reason("run_finished")


def test_only_one_runbook_answers_and_every_other_has_a_reason():
    books = (runbook("a", match={"service": "db"}), runbook("restart"), runbook("scale"))
    act = Act(books=books)
    act.tell()
    considered = {one.runbook: one.reason for one in act.log.read(ID).considered}
    assert considered == {
        "a": "service is 'cart', not db",
        "restart": "it answers the likeliest cause",
        "scale": "restart was chosen",
    }
    assert [run.runbook for run in act.log.read(ID).runs] == ["restart"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"notified_at": None}, "not worth telling yet"),
        ({"labels": LABELS | {"deployment": "../secrets"}}, "labels.deployment is no name"),
        ({"labels": LABELS | {"namespace": "kube-system"}}, "namespace kube-system is not"),
        ({"labels": LABELS | {"aiops.io/protected": "true"}}, "the target is labelled"),
        ({"labels": {"service": "cart"}}, "namespace is absent"),
        ({"blast_radius": tuple(map(str, range(11)))}, "11 services may be affected"),
    ],
)
def test_what_must_not_be_touched_is_not_even_asked_about(changes, reason):
    act = Act()
    act.tell(**changes)
    (considered,) = act.log.read(ID).considered
    assert considered.reason.startswith(reason)
    assert (act.log.read(ID).runs, act.operation.checked) == ((), [])


def test_a_runbook_that_is_off_does_nothing_and_says_so():
    act = Act(mode="off")
    act.runner.shelf = Shelf(act.books)
    act.tell()
    (considered,) = act.log.read(ID).considered
    assert (considered.chosen, considered.reason) == (False, "it is off")
    assert act.log.read(ID).runs == ()


def test_an_incident_that_is_silenced_is_answered_once_the_silence_is_over():
    act = Act()
    quiet = Silenced(silence="x", starts=START, ends=START + 5 * MINUTE, given_by="ann")
    act.tell(silences=(quiet,))
    assert act.log.read(ID).runs == ()
    act.tick(4 * MINUTE)
    assert act.log.read(ID).runs == ()
    act.tick()
    assert act.run.state == "awaiting"


def test_a_runbook_that_is_only_to_be_tried_by_now_does_nothing_though_it_was_approved():
    act = Act()
    act.tell()
    tame = (runbook(guard={"mode": "dry-run"}),)
    act.runner.shelf = Shelf(tame, {"touch": act.operation})
    act.judge()
    assert (act.run.state, act.operation.done) == ("skipped", [])
    assert "its mode is dry-run by now" in act.reason("run_finished")


def test_a_runbook_that_is_taken_away_takes_its_runs_with_it():
    act = Act()
    act.tell()
    act.runner.shelf = Shelf()
    act.tick(16 * MINUTE)
    act.tick()
    assert (act.run.ended, act.operation.done) == (True, [])


@pytest.mark.parametrize("there_is", [True, False])
def test_a_run_whose_operation_takes_something_else_by_now_is_given_up_before_it_begins(there_is):
    act = Act()
    act.tell()
    changed = Pretended()
    changed.arguments = create_model("Other", other=(int, ...))
    act.runner.shelf = Shelf(act.books, {"touch": changed} if there_is else {})
    act.judge()
    assert (act.run.state, act.operation.done, changed.done) == ("skipped", [], [])
    assert "gone, changed or off" in act.run.changes[-1].reason


def test_a_run_whose_incident_another_took_over_asks_to_look_there_and_pages_nobody():
    act = Act()
    act.tell()
    act.judge()
    act.tell(2, status="merged", merged_into="5a1d8b7c-40f8-5d62-8d43-8d3c5fd2a001")
    assert act.run.state == "unknown"
    assert "run_failed" not in act.told("pagerduty")
    assert act.rails.read().breakers == {}


def test_a_redelivered_snapshot_or_word_changes_nothing():
    act = Act()
    for _ in range(3):
        act.tell()
    for _ in range(3):
        act.judge()
    assert (len(act.operation.checked), len(act.operation.done)) == (1, 1)
    assert act.told() == ["opened", "run_proposed"]


def test_ends_of_messages_and_changes_of_runs_share_a_topic_under_their_own_types():
    act = Act()
    act.tell()
    types = Counter(m.event.type for m in act.publisher.topics[topics.ACTIONS])
    assert types[RunChanged.type] == 2
    assert types[ActionFinished.type] == 5
    assert {m.key for m in act.publisher.topics[topics.ACTIONS]} == {ID}
