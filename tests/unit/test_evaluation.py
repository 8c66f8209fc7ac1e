"""What an evaluation says of incidents beside known faults."""

import json
from typing import Any

import pytest

from aiops.errors import Rejected
from aiops.events import Anomaly, Evidence, Incident, Suspect
from local.evaluation import Evaluation, Fault, evaluate, parse_faults

MINUTE = 60_000
HOUR = 60 * MINUTE


def suspects(*names: str) -> tuple[Suspect, ...]:
    return tuple(Suspect(service=name, metric="m", score=1.0, reasons=()) for name in names)


def evidence(first: int, last: int) -> Evidence:
    peak = Anomaly(
        id="a",
        domain="d",
        series="0" * 32,
        metric="m",
        labels={},
        service="cart",
        role="latency",
        time=first,
        value=2.0,
        expected=1.0,
        lower=0.5,
        upper=1.5,
        detector="static",
        evidence=2.0,
        alarm_line=1.0,
        score=0.5,
        severity=3,
        reason="above",
    )
    return Evidence(first=first, last=last, count=2, peak=peak)


def incident(id_: str, opened_at: int, **given: Any) -> Incident:
    last = given.pop("last", opened_at + MINUTE)
    fields: dict[str, Any] = {
        "domain": "d",
        "version": 1,
        "status": "resolved",
        "title": "t",
        "severity": 3,
        "updated_at": last + 10 * MINUTE,
        "notified_at": opened_at + MINUTE,
        "services": ("cart",),
        "anomalies": 2,
        "evidence": (evidence(opened_at, last),),
        "root_cause": suspects("cart"),
        "root_cause_at_notification": suspects("cart"),
    }
    return Incident(id=id_, opened_at=opened_at, **(fields | given))


def judged(
    incidents: list[Incident], *starts: int, service: str = "cart", end: int = 4 * HOUR
) -> Evaluation:
    faults = [Fault(start, service, "errors", 5.0) for start in starts]
    return evaluate(incidents, faults, 0, end)


def test_an_incident_belongs_to_a_fault_up_to_eight_minutes_before_its_first_anomaly() -> None:
    start = 2 * HOUR
    for opened_at, found in (
        (start - 1, 0),
        (start, 1),
        (start + 8 * MINUTE, 1),
        (start + 8 * MINUTE + 1, 0),
    ):
        figures = judged([incident("a", opened_at)], start).all
        assert (figures.found, figures.false_incidents_per_hour) == (found, (1 - found) / 4)


def test_an_incident_belongs_to_the_latest_of_two_faults() -> None:
    starts = (2 * HOUR, 2 * HOUR + 4 * MINUTE)
    evaluation = judged([incident("a", 2 * HOUR + 5 * MINUTE)], *starts)
    assert [outcome.incidents for outcome in evaluation.outcomes] == [0, 1]


def test_the_first_incident_people_were_told_of_counts_with_its_suspects_of_that_moment() -> None:
    start = 2 * HOUR
    slow = incident("a", start, notified_at=start + 3 * MINUTE)
    quick = incident(
        "b",
        start + MINUTE,
        notified_at=start + 2 * MINUTE,
        root_cause_at_notification=suspects("users", "email", "cart", "search"),
        root_cause=suspects("cart"),
    )
    figures = judged([slow, quick], start).all
    assert (figures.recall_at_1, figures.recall_at_3) == (0.0, 1.0)
    assert (figures.final_recall_at_1, figures.final_recall_at_3) == (1.0, 1.0)
    assert figures.incidents_per_found_fault == 2.0
    assert figures.median_delay_seconds == 120.0


def test_the_fourth_suspect_is_not_among_the_first_three() -> None:
    told = suspects("users", "email", "search", "cart")
    figures = judged([incident("a", HOUR, root_cause_at_notification=told)], HOUR).all
    assert figures.recall_at_3 == 0.0


def test_an_incident_nobody_was_told_of_does_not_count() -> None:
    figures = judged([incident("a", HOUR, notified_at=None)], HOUR).all
    assert (figures.found, figures.false_incidents_per_hour) == (0, 0.0)


def test_a_missed_fault_counts_as_wrong() -> None:
    evaluation = judged([incident("a", HOUR)], HOUR, 3 * HOUR)
    assert (evaluation.all.faults, evaluation.all.found) == (2, 1)
    assert (evaluation.all.recall_at_1, evaluation.all.final_recall_at_3) == (0.5, 0.5)
    missed = evaluation.outcomes[1]
    assert (missed.incident, missed.delay_seconds, missed.right) == (None, None, False)


def test_an_incident_merged_into_another_is_counted_once_and_told_when_the_first_of_them_was() -> (
    None
):
    start = 2 * HOUR
    survivor = incident("a", start, notified_at=start + 5 * MINUTE)
    between = incident("b", start + MINUTE, status="merged", merged_into="a", notified_at=None)
    loser = incident(
        "c",
        start + MINUTE,
        status="merged",
        merged_into="b",
        notified_at=start + 2 * MINUTE,
        root_cause_at_notification=suspects("users"),
    )
    evaluation = judged([loser, survivor, between], start)
    assert evaluation.all.incidents_per_found_fault == 1.0
    assert evaluation.all.recall_at_1 == 0.0
    assert evaluation.outcomes[0].delay_seconds == 120.0
    assert evaluation.outcomes[0].incident is not None
    assert evaluation.outcomes[0].incident.id == "a"


def test_a_redirect_that_leads_nowhere_is_not_counted() -> None:
    lost = incident("a", HOUR, status="merged", merged_into="unknown")
    round_ = incident("b", HOUR, status="merged", merged_into="c")
    round_again = incident("c", HOUR, status="merged", merged_into="b")
    untold = incident("d", HOUR, status="merged")
    assert judged([lost, round_, round_again, untold], HOUR).all.found == 0


def test_an_incident_that_runs_on_through_the_next_fault_covers_both() -> None:
    start, next_start = 2 * HOUR, 2 * HOUR + 20 * MINUTE
    merged = incident("a", start, last=next_start)
    assert judged([merged], start, next_start).all.faults_per_incident == 2.0
    apart = incident("a", start, last=next_start - 1)
    assert judged([apart], start, next_start).all.faults_per_incident == 1.0


def test_without_evidence_an_incident_lasts_until_it_was_last_changed() -> None:
    start = 2 * HOUR
    bare = incident("a", start, evidence=(), updated_at=start + 30 * MINUTE)
    assert judged([bare], start, start + 20 * MINUTE).all.faults_per_incident == 2.0


def test_the_first_hour_is_left_out_of_the_figures_after_it() -> None:
    early_false = incident("a", 10 * MINUTE)
    evaluation = judged([early_false, incident("b", 2 * HOUR)], 30 * MINUTE, 2 * HOUR)
    assert (evaluation.all.faults, evaluation.after_first_hour.faults) == (2, 1)
    assert evaluation.all.recall_at_1 == 0.5
    assert evaluation.after_first_hour.recall_at_1 == 1.0
    assert evaluation.all.false_incidents_per_hour == 0.25
    assert evaluation.after_first_hour.false_incidents_per_hour == 0.0


def test_what_was_opened_outside_the_recording_is_not_counted() -> None:
    figures = judged([incident("a", 5 * HOUR)], HOUR).all
    assert figures.false_incidents_per_hour == 0.0


def test_the_delays_are_the_median_and_the_95th_percentile_by_nearest_rank() -> None:
    starts = [HOUR + place * 20 * MINUTE for place in range(20)]
    incidents = [
        incident(str(place), start, notified_at=start + place * 1000)
        for place, start in enumerate(starts)
    ]
    figures = judged(incidents, *starts, end=9 * HOUR).all
    assert (figures.median_delay_seconds, figures.p95_delay_seconds) == (9.5, 18.0)


def test_where_there_is_nothing_to_divide_by_there_is_no_figure() -> None:
    figures = evaluate([], [], 0, 0).all
    assert figures.faults == figures.found == 0
    assert figures.recall_at_1 is None
    assert figures.incidents_per_found_fault is None
    assert figures.faults_per_incident is None
    assert figures.false_incidents_per_hour is None
    assert figures.median_delay_seconds is None
    assert figures.p95_delay_seconds is None


def test_an_evaluation_is_json() -> None:
    written = json.loads(json.dumps(judged([incident("a", HOUR)], HOUR, 3 * HOUR).to_json()))
    assert written["all"]["recall_at_1"] == 0.5
    assert written["after_first_hour"]["faults"] == 2
    assert written["faults"][0] == {
        "start": HOUR,
        "service": "cart",
        "kind": "errors",
        "magnitude": 5.0,
        "incident": "a",
        "incidents": 1,
        "delay_seconds": 60.0,
        "suspects_at_notification": ["cart"],
        "suspects": ["cart"],
        "right": True,
    }
    assert written["faults"][1]["incident"] is None


def test_faults_are_read_with_either_kind_of_time_and_in_order() -> None:
    text = json.dumps(
        [
            {"start": "2026-01-01T00:00:02Z", "service": "b", "kind": "k", "pod": "b-1"},
            {"start": 1_767_225_601.5, "service": "a", "kind": "k", "magnitude": 3.5},
            {"start": "2026-01-01T00:00:03", "service": "c", "kind": "k"},
        ]
    )
    assert parse_faults(text) == (
        Fault(1_767_225_601_500, "a", "k", 3.5),
        Fault(1_767_225_602_000, "b", "k"),
        Fault(1_767_225_603_000, "c", "k"),
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[", "faults.json: not JSON"),
        ("{}", "faults.json: expected a list"),
        ("[1]", "faults.json: 0: expected an object"),
        ('[{"start": 1, "kind": "k"}]', "faults.json: 0.service: expected a text"),
        ('[{"start": 1, "service": "s", "kind": 2}]', "faults.json: 0.kind: expected a text"),
        (
            '[{"start": 1, "service": "s", "kind": "k", "magnitude": "big"}]',
            "faults.json: 0.magnitude: expected a number",
        ),
        (
            '[{"start": "soon", "service": "s", "kind": "k"}]',
            "faults.json: 0.start: expected epoch seconds or ISO 8601",
        ),
        (
            '[{"service": "s", "kind": "k"}]',
            "faults.json: 0.start: expected epoch seconds or ISO 8601",
        ),
        (
            '[{"start": Infinity, "service": "s", "kind": "k"}]',
            "faults.json: 0.start: expected epoch seconds or ISO 8601",
        ),
    ],
)
def test_a_wrong_faults_file_is_refused_with_the_place(text: str, message: str) -> None:
    with pytest.raises(Rejected, match=message.replace(".", r"\.")):
        parse_faults(text)
