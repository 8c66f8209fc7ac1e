"""Which runbooks answer an incident, and the rails that need no memory."""

import pytest

from functions.act.runbooks.guarding import hesitation, refusal, spared
from functions.act.runbooks.matching import cause_of, mismatch
from tests.incidents import START, evidence, incident, suspect
from tests.runbooks import Pretended, runbook

HOUR = 3_600_000
LABELS = {"service": "cart", "namespace": "payments", "deployment": "cart"}


def snapshot(**changes):
    proof = evidence("cart", "memory_usage", labels=LABELS)
    cause = suspect("cart", "memory_usage").model_copy(update={"confidence": 0.9})
    return incident(**{"evidence": (proof,), "root_cause": (cause,), "domain": "shop"} | changes)


def why_not(match, **changes):
    return mismatch(runbook(match=match).match, snapshot(**changes))


@pytest.mark.parametrize(
    ("match", "reason"),
    [
        ({}, ""),
        ({"root_cause.metric": "memory_*"}, ""),
        ({"root_cause.metric": ["cpu_*", "memory_usage"]}, ""),
        ({"root_cause.metric": "cpu_*"}, "root_cause.metric is 'memory_usage', not cpu_*"),
        ({"service": "ca?t"}, ""),
        ({"service": ["db", "web"]}, "service is 'cart', not db or web"),
        ({"labels.namespace": "pay*"}, ""),
        ({"labels": {"namespace": "pay*"}}, ""),
        ({"labels.namespace": ["ops"]}, "label namespace is 'payments', not ops"),
        ({"labels.zone": "*"}, "there is no label zone"),
        ({"domain": "s*p"}, ""),
        ({"domain": "bank"}, "domain is 'shop', not bank"),
        ({"min_severity": 4}, ""),
        ({"min_severity": 5}, "severity 4 is below 5"),
        ({"min_confidence": 0.9}, ""),
        ({"min_confidence": 0.95}, "confidence 90% is below 95%"),
    ],
)
def test_a_runbook_answers_what_it_matches_and_says_why_not(match, reason):
    assert why_not(match) == reason


def test_where_nobody_can_be_sure_a_runbook_that_asks_for_confidence_does_not_answer():
    unsure = (suspect("cart", "memory_usage"),)
    assert why_not({"min_confidence": 0.1}, root_cause=unsure) == (
        "nobody can say how sure the cause is"
    )
    assert not why_not({}, root_cause=unsure)
    assert why_not({}, root_cause=()) == "there is no suspect"


def test_only_the_labels_of_the_suspected_series_count():
    other = evidence("web", "errors", labels={"namespace": "ops", "service": "web"})
    own = evidence("cart", "cpu", labels={"namespace": "wrong", "service": "cart"})
    proof = evidence("cart", "memory_usage", labels=LABELS)
    cause = cause_of(snapshot(evidence=(other, own, proof)))
    assert cause.labels == LABELS
    assert cause_of(snapshot(evidence=(other,))).labels == {}
    assert why_not({"labels.namespace": "*"}, evidence=(other,)) == "there is no label namespace"


def test_a_name_of_a_hundred_kilobytes_matches_nothing_but_is_told_in_short():
    cause = suspect("c" * 100_000, "memory_usage")
    reason = why_not({}, root_cause=(cause,))
    assert reason.startswith("service is")
    assert len(reason) < 200


def against(guard=None, targets=None, now=START, **changes):
    operation = Pretended()
    things = targets or [("payments", "cart")]
    made = [
        operation.target(operation.arguments(namespace=space, name=name)) for space, name in things
    ]
    return refusal(runbook(guard=guard or {}).guard, snapshot(**changes), made, now)


def test_a_guard_lets_through_what_it_may():
    assert not against()


def test_a_runbook_that_is_off_does_nothing():
    assert against({"mode": "off"}) == "it is off"


def test_only_named_namespaces_are_touched():
    assert against({"allow_namespaces": ["ops"]}) == (
        "namespace payments is not among allow_namespaces"
    )
    assert against({"allow_namespaces": []})


def test_only_so_many_targets_are_touched():
    two = [("payments", "cart"), ("payments", "db")]
    assert against(targets=two) == "it would change 2 things, and 1 may be changed"
    assert not against(targets=[("payments", "cart")] * 2)
    assert not against({"max_targets": 2}, targets=two)


def test_the_wider_an_incident_reaches_the_less_is_done_by_itself():
    assert against({"blast_radius_max": 2}) == "3 services may be affected, more than 2"
    assert not against({"blast_radius_max": 3})


def test_a_run_begins_only_in_its_window_and_in_its_time_zone():
    window = {"zone": "Europe/Berlin", "windows": ["mon-fri 08:00-18:00"]}
    saturday_noon = START  # 2026-01-31 12:00 UTC
    monday_seven_utc = saturday_noon + (24 + 19) * HOUR
    assert against({"window": window}).startswith("outside its window, mon-fri 08:00-18:00 Europe")
    assert not against({"window": window}, now=monday_seven_utc)
    assert against({"window": window}, now=monday_seven_utc - 1)
    assert against({"window": window | {"zone": "UTC"}}, now=monday_seven_utc)


def test_targets_with_a_denied_label_are_spared():
    guard = runbook().guard
    assert spared(guard, {"aiops.io/protected": "true"}) == (
        "the target is labelled aiops.io/protected=true"
    )
    assert not spared(guard, {"aiops.io/protected": "false"})
    assert not spared(guard, {})


def test_only_what_can_be_taken_back_goes_ahead_by_itself_and_nothing_in_a_storm():
    auto, approve = runbook(guard={"mode": "auto"}).guard, runbook().guard
    tame, wild = Pretended(), Pretended(reversible=False)
    assert not hesitation(auto, [tame], "")
    assert hesitation(auto, [tame, wild], "").startswith("people decide: not all")
    assert hesitation(auto, [tame], "a storm goes on") == "people decide: a storm goes on"
    assert hesitation(approve, [tame], "") == "people decide"
