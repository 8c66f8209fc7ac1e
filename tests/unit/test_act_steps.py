"""The life of a step, and how a receiver's state is put right."""

import pytest

from aiops.action_log import ActionRecord, Step, meaning_of
from functions.act import steps
from functions.act.answer import answer_of, no_answer
from functions.act.config import ALL_KINDS
from functions.act.steps import Call, Task, Timing
from tests.incidents import ID, START

TIMING = Timing(lease=10_000, settle=600_000)
PAGER = "pagerduty"


def step(name, kind="opened", **changes):
    values = {
        "id": name,
        "incident": ID,
        "generation": 1,
        "channel": PAGER,
        "kind": kind,
        "level": 0,
        "reason": "because",
        "version": 1,
        "severity": 4,
        "planned_at": START,
        "next_at": START,
    }
    return Step(**values | changes)


def record(*planned):
    return ActionRecord(incident=ID, version=1, steps=planned)


def begin(before, call="t", now=START, channel=PAGER, *, keeps_state=True):
    task = steps.next_task(before, channel, now)
    return steps.start(before, task, Call(call, now), TIMING, keeps_state=keeps_state)


def end(before, name, call="t", now=START, state="done"):
    return steps.finish(before, name, Call(call, now), state, "202")


def test_steps_of_a_channel_are_sent_in_their_order():
    before = record(step("a"), step("b", "resolved"))
    assert steps.next_task(before, PAGER, START) == Task(before.steps[0], again=False)
    after = end(begin(before), "a")
    assert steps.next_task(after, PAGER, START).step.id == "b"
    assert steps.next_task(end(begin(after), "b"), PAGER, START) is None


def test_a_step_that_is_being_sent_is_left_alone_until_its_lease_is_over():
    marked = begin(record(step("a"), step("b", "resolved")))
    assert marked.step("a").state == "sending"
    assert steps.next_task(marked, PAGER, START + 9_999) is None
    assert steps.next_task(marked, PAGER, START + 10_000).step.id == "a"


def test_a_step_taken_over_may_be_a_repeat_and_a_first_try_is_not():
    marked = begin(record(step("a")))
    assert not marked.step("a").possible_repeat
    taken_over = begin(marked, "u", START + 10_000)
    assert taken_over.step("a").possible_repeat
    assert taken_over.step("a").attempts == 2


def test_a_refusal_ends_a_step_and_the_next_one_follows():
    after = end(begin(record(step("a"), step("b"))), "a", state="failed")
    assert (after.step("a").state, after.attempts) == ("failed", ())
    assert steps.next_task(after, PAGER, START).step.id == "b"


def test_a_step_tried_in_vain_comes_back_when_it_is_time():
    later = steps.postpone(
        begin(record(step("a"))), "a", Call("t", START), answer_of(503), START + 5_000
    )
    assert (later.step("a").state, later.step("a").result) == ("planned", "503")
    assert not later.step("a").possible_repeat
    assert later.attempts == ()
    assert later.due_at == START + 5_000


def test_a_step_that_may_have_arrived_says_so_and_stays_among_the_attempts():
    lost = no_answer("no answer in time", may_have_arrived=True)
    later = steps.postpone(begin(record(step("a"))), "a", Call("t", START), lost, START + 5_000)
    assert later.step("a").possible_repeat
    assert [attempt.token for attempt in later.attempts] == ["t"]


def test_whoever_notes_the_end_first_decides_it():
    marked = begin(record(step("a")))
    done = end(begin(marked, "u", START + 10_000), "a", "u", START + 11_000)
    late = end(done, "a", "t", START + 12_000, state="failed")
    assert late.step("a").state == "done"
    assert late.step("a").finished_at == START + 11_000
    assert late.attempts == ()


def zombie():
    """One marked a trigger and stopped; another took over, and resolved as well."""
    stopped = begin(record(step("a"), step("b", "resolved")), "zombie")
    taken_over = end(begin(stopped, "u", START + 10_000), "a", "u", START + 10_000)
    return end(begin(taken_over, "v", START + 10_000), "b", "v", START + 10_000)


def test_a_zombies_trigger_that_came_after_the_resolve_is_followed_by_the_resolve_again():
    late = end(zombie(), "a", "zombie", START + 11_000)
    task = steps.next_task(late, PAGER, START + 11_000)
    assert (task.step.id, task.again) == ("b", True)
    again = begin(late, "w", START + 11_000)
    assert again.step("b").state == "done"
    settled = end(again, "b", "w", START + 11_000)
    assert settled.attempts == ()
    assert steps.next_task(settled, PAGER, START + 11_000) is None


def test_a_call_nobody_ended_is_made_good_once_it_can_no_longer_arrive():
    silent = zombie()
    assert steps.next_task(silent, PAGER, START + 599_999) is None
    calm = steps.announced(silent, frozenset(("a", "b")))
    assert calm.due_at == START + 600_000
    assert steps.next_task(silent, PAGER, START + 600_000).again
    again = begin(silent, "w", START + 600_000)
    assert end(again, "b", "w", START + 600_000).attempts == ()


def test_making_good_is_tried_again_until_it_works():
    silent = zombie()
    again = begin(silent, "w", START + 600_000)
    vain = steps.postpone(again, "b", Call("w", START + 600_000), answer_of(500), START + 605_000)
    assert [(a.token, a.tries) for a in vain.attempts] == [("zombie", 1)]
    assert steps.next_task(vain, PAGER, START + 604_999) is None
    second = begin(vain, "x", START + 605_000)
    assert next(a.tries for a in second.attempts if a.token == "x") == 1
    assert end(second, "b", "x", START + 605_000).attempts == ()


def test_making_good_that_is_refused_is_given_up():
    again = begin(zombie(), "w", START + 600_000)
    assert end(again, "b", "w", START + 600_000, state="failed").attempts == ()


def test_a_call_that_said_what_the_last_one_says_needs_no_making_good():
    stopped = begin(record(step("a"), step("b", "severity_raised")), "zombie")
    taken_over = end(begin(stopped, "u", START + 10_000), "a", "u", START + 10_000)
    raised = end(begin(taken_over, "v", START + 10_000), "b", "v", START + 10_000)
    assert steps.next_task(raised, PAGER, START + 600_000) is None
    assert steps.is_due(raised, PAGER, START + 600_000)
    assert steps.settle(raised, PAGER, START + 600_000).attempts == ()
    assert steps.settle(raised, PAGER, START + 599_999) == raised
    assert steps.settle(raised, "slack", START + 600_000) == raised


def test_a_refused_call_undoes_nothing():
    refused = end(zombie(), "a", "zombie", START + 11_000, state="failed")
    assert refused.attempts == ()


def test_a_receiver_without_a_state_is_never_put_right():
    marked = begin(record(step("a")), keeps_state=False)
    assert marked.attempts == ()
    assert end(marked, "a").step("a").state == "done"


def test_a_channel_that_went_off_drops_what_is_planned_and_nothing_else():
    other = step("c", channel="slack")
    before = begin(record(step("a"), step("b", "resolved"), other))
    after = steps.abandon(before, PAGER, "pagerduty is off", START)
    assert [one.state for one in after.steps] == ["dropped", "dropped", "planned"]
    assert after.attempts == ()
    done = end(begin(record(step("a"))), "a")
    assert steps.abandon(done, PAGER, "off", START) == done


def test_putting_off_keeps_a_step_planned():
    after = steps.wait(record(step("a")), "a", "waits", START + 5)
    assert (after.step("a").state, after.due_at) == ("planned", START + 5)
    marked = begin(record(step("a")))
    assert steps.wait(marked, "a", "waits", START + 5) == marked


def test_steps_the_record_has_forgotten_change_nothing():
    before = record(step("a"))
    assert end(before, "gone") == before
    assert steps.wait(before, "gone", "waits", START) == before
    assert steps.postpone(before, "gone", Call("t", START), answer_of(500), START) == before


def test_what_was_announced_is_marked():
    done = end(begin(record(step("a"), step("b"))), "a")
    after = steps.announced(done, frozenset(("a",)))
    assert [one.announced for one in after.steps] == [True, False]


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_every_kind_leaves_a_receiver_in_one_state(kind):
    assert meaning_of(kind) in {"open", "acknowledged", "ended"}


def test_waits_double_up_to_five_minutes_and_are_spread():
    waits = [steps.backoff_ms("a", attempt) for attempt in range(1, 40)]
    assert 3_750 <= waits[0] <= 6_250
    assert waits[1] == pytest.approx(2 * waits[0], abs=2)
    assert max(waits) <= 375_000
    assert waits[-1] == waits[-2]
    assert len({steps.backoff_ms(f"step {n}", 1) for n in range(50)}) > 30


def test_what_a_channel_notes_is_kept_for_it_alone_and_the_newest_counts():
    first = steps.noted(record(step("a")), "slack", {"ts": "1", "channel": "C1"})
    second = steps.noted(first, "slack", {"ts": "2"})
    other = steps.noted(second, "webhook", {"id": "x"})
    assert other.receipts == {"slack": {"channel": "C1", "ts": "2"}, "webhook": {"id": "x"}}
    assert ActionRecord.model_validate_json(other.model_dump_json()) == other


def test_a_channel_that_notes_nothing_changes_nothing():
    before = record(step("a"))
    assert steps.noted(before, "slack", {}) is before


def test_what_a_channel_notes_stays_small():
    found = record(step("a"))
    for number in range(100):
        found = steps.noted(found, "slack", {f"note-{number}": "x"})
    kept = found.receipts["slack"]
    assert list(kept) == [f"note-{n}" for n in range(100 - steps.RECEIPT_NOTES, 100)]
    giant = {"x" * 1_000: "1", "y": "2" * 1_000_000}
    assert steps.noted(found, "slack", giant) is found
