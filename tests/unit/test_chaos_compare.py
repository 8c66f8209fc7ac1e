import json
from dataclasses import replace

import pytest

from aiops.action_log import ActionRecord, Step, step_id
from aiops.events import ActionFinished, Incident
from aiops.incident_store import Record
from local.chaos.compare import compare, faults, steps
from local.chaos.outcome import Outcome
from local.chaos.steps import planned
from local.receiving import Message
from tests.incidents import ID, START, anomaly, evidence, incident

CHANNELS = ("pagerduty", "slack", "webhook")
ENDED = "resolved"


def story() -> tuple[Incident, ...]:
    """Return an incident told, taken over by nobody, and over."""
    return (
        incident(1, notified_at=None),
        incident(2),
        incident(3, status=ENDED, resolved_at=START + 90_000),
    )


def outcome(name: str = ID, snapshots: tuple[Incident, ...] | None = None) -> Outcome:
    """Return what a run in good order leaves of that incident, which is called `name` in it."""
    told = [s.model_copy(update={"id": name}) for s in (snapshots or story())]
    plan = planned(told, ())
    return Outcome(
        anomalies={one: json.dumps({"id": one}) for one in ("a1", "a2")},
        series={"s": "digest"},
        incidents={
            name: Record(
                id=name, domain="shop", version=told[-1].version, status="resolved",
                spans=((START, START + 60_000),), anomalies=2,
                evidence=(evidence("cart", "cpu", 2),), resolved_at=START, notified_at=START,
            )
        },
        snapshots=list(told),
        members={"a1": name, "a2": name},
        actions=[finished(step, "done") for step in plan.values()],
        messages=tuple(message(step) for step in plan.values()),
    )  # fmt: skip


def finished(step: Step, how: str) -> ActionFinished:
    return ActionFinished.model_validate({
        "step": step.id, "incident": step.incident, "channel": step.channel, "kind": step.kind,
        "outcome": how, "reason": "", "finished_at": START,
    })  # fmt: skip


def message(step: Step, *, possible_repeat: bool = False) -> Message:
    if step.channel == "pagerduty":
        kind = "resolve" if step.kind in {"resolved", "merged"} else "trigger"
        return Message("pagerduty", step.incident, "", kind, ())
    return Message(step.channel, step.id, step.id, step.kind, (), possible_repeat)


def found(calm: Outcome, wild: Outcome) -> set[str]:
    """Return the classes in which something differs or is wrong."""
    differences = compare(calm, wild) | faults(wild)
    return {kind for kind, some in differences.items() if some}


def test_the_same_in_good_order_differs_in_nothing() -> None:
    assert found(outcome(), outcome()) == set()


def test_an_incident_of_another_name_is_the_same_if_it_has_the_same_anomalies() -> None:
    assert found(outcome(), outcome("renamed")) == set()


def test_an_incident_that_was_merged_into_another_is_counted_as_that_one() -> None:
    wild = outcome()
    wild.members = {"a1": "loser", "a2": ID}
    wild.redirects = {"loser": ID}
    assert found(outcome(), wild) == set()


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("anomalies", {"anomalies": {"a1": json.dumps({"id": "a1"})}}),
        ("anomalies", {"anomalies": {"a1": json.dumps({"id": "a1"}), "a2": "{}"}}),
        ("series", {"series": {"s": "another"}}),
        ("series", {"series": {}}),
        ("incidents", {"members": {"a1": ID}}),
        ("incidents", {"members": {"a1": ID, "a2": "apart"}}),
        ("two contents", {"contradictions": {"a1"}}),
        ("dead letters", {"dead_letters": ["dev.aiops.samples.v1: 503"]}),
        ("refused", {"refusals": ("slack: no_text",)}),
        ("bugs", {"logged": {"detect 500": 1}}),
        ("left over", {"left": {"anomalies not published": 3}}),
        ("published, not as stored", {"unpublished": ["incident"]}),
        ("published, not as stored", {"snapshots": list(story()[:2])}),
        ("steps by the policy", {"actions": []}),
        ("steps by the policy", {"messages": ()}),
        ("pager", {"messages": ()}),
        ("steps", {"messages": ()}),
    ],
)
def test_whatever_is_changed_is_noticed(kind: str, change: dict[str, object]) -> None:
    assert kind in found(outcome(), replace(outcome(), **change))


@pytest.mark.parametrize(
    "change",
    [
        {"status": "open"}, {"generation": 2}, {"anomalies": 3}, {"notified_at": None},
        {"evidence": (evidence("cart", "cpu", 3),)}, {"blast_radius": ("web",)},
        {"evidence": (evidence("cart", "cpu", 2, severity=5, id="peak"),)},
    ],
)  # fmt: skip
def test_an_incident_that_ends_otherwise_is_noticed(change: dict[str, object]) -> None:
    wild = outcome()
    wild.incidents[ID] = wild.incidents[ID].model_copy(update=change)
    assert found(outcome(), wild) == {"incidents"}


def test_a_step_shown_again_is_a_fault_unless_it_says_so() -> None:
    wild = outcome()
    shown = next(one for one in wild.messages if one.channel == "slack")
    assert found(outcome(), replace(wild, messages=(*wild.messages, shown))) == {
        "steps by the policy"
    }
    marked = replace(shown, possible_repeat=True)
    assert found(outcome(), replace(wild, messages=(*wild.messages, marked))) == set()


def test_a_webhook_may_come_again_under_its_own_id() -> None:
    wild = outcome()
    again = next(one for one in wild.messages if one.channel == "webhook")
    assert found(outcome(), replace(wild, messages=(*wild.messages, again))) == set()


def test_a_step_nobody_planned_is_noticed() -> None:
    wild = outcome()
    stray = Message("webhook", "stray", "stray", "opened", ())
    assert "steps by the policy" in found(
        outcome(), replace(wild, messages=(*wild.messages, stray))
    )


def test_a_pager_left_in_another_state_is_noticed() -> None:
    wild = outcome()
    alarm = Message("pagerduty", ID, "", "trigger", ())
    assert found(outcome(), replace(wild, messages=(*wild.messages, alarm))) == {"pager"}


def test_a_step_that_has_not_ended_is_left_over_and_a_call_to_look_at_again_is_not() -> None:
    step = next(iter(planned(story(), ()).values()))
    done = step.model_copy(update={"state": "done", "announced": True})
    wild = outcome()
    wild.pending = {ID: ActionRecord(incident=ID, steps=(done,))}
    assert found(outcome(), wild) == set()
    wild.pending = {ID: ActionRecord(incident=ID, steps=(step,))}
    assert found(outcome(), wild) == {"left over"}


def test_the_plan_follows_the_snapshots_and_old_ones_change_nothing() -> None:
    first, told, over = story()
    expected = {
        step_id(ID, 1, channel, kind, 0) for channel in CHANNELS for kind in ("opened", "resolved")
    }
    assert planned((first, told, over), ()).keys() == expected
    assert planned((first, told, told, over, told, first), ()).keys() == expected


def test_what_was_dropped_with_a_merge_is_not_ended_and_what_was_sent_is() -> None:
    merged = incident(3, status="merged", merged_into="survivor")
    opened = planned((incident(2),), ()).keys()
    assert planned((incident(2), merged), opened).keys() == opened
    assert len(planned((incident(2), merged), ())) == 2 * len(opened)


def test_steps_are_told_apart_by_what_they_say() -> None:
    calm, wild = outcome(), outcome(snapshots=(incident(2, severity=3), *story()[2:]))
    assert steps(calm) != steps(wild)
    assert anomaly("cart", "cpu").severity == 4
