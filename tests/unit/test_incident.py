"""The life of an incident."""

from itertools import pairwise, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiops.events import Alert, CommandGiven, Evidence, Join
from functions.correlate import firing, incident
from functions.correlate.config import CorrelateConfig
from tests.property.correlate_world import START, alert, anomaly

CONFIG = CorrelateConfig(resolve_after=100, group_wait=30)


def ms(second: int) -> int:
    return START + second * 1000


def of(*anomalies, name="i"):
    return incident.of_anomalies(name, "test", anomalies, (), CONFIG)


def told(command: str, second: int, by="ann") -> CommandGiven:
    return CommandGiven(incident="i", command=command, given_by=by, given_at=ms(second))


def settled(record, processed=0):
    return incident.settle(record, ms(processed), CONFIG)


def test_evidence_of_a_series_is_its_span_its_number_and_its_strongest():
    strong = anomaly("a", 20, ratio=5.0)
    (found,) = of(anomaly("a", 30), strong, anomaly("a", 10)).evidence
    assert found == Evidence(first=ms(10), last=ms(30), count=3, peak=strong)


def test_of_equally_strong_anomalies_the_peak_does_not_depend_on_the_order():
    three = [anomaly("a", second) for second in (1, 2, 3)]
    assert len({of(*order).evidence[0].peak.id for order in permutations(three)}) == 1


def test_too_many_series_leave_the_strongest():
    few = CorrelateConfig(max_series=2)
    taken = [anomaly(name, 1, ratio=ratio) for name, ratio in (("a", 2), ("b", 4), ("c", 3))]
    record = incident.of_anomalies("i", "test", taken, (), few)
    assert {piece.peak.service for piece in record.evidence} == {"b", "c"}
    assert record.anomalies == 3


ANOMALIES = st.lists(
    st.builds(
        anomaly,
        st.sampled_from("abc"),
        st.integers(0, 600),
        st.integers(0, 2),
        st.sampled_from((1.5, 2.0, 9.0)),
    ),
    min_size=3,
    max_size=9,
    unique_by=lambda one: one.id,
)


@given(ANOMALIES, st.randoms(use_true_random=False))
def test_any_way_of_putting_anomalies_together_gives_the_same_contents(anomalies, random):
    whole = of(*anomalies)
    parts = [of(one) for one in anomalies]
    while len(parts) > 1:
        one, other = random.sample(range(len(parts)), 2)
        united = incident.absorb(parts[one], parts[other], CONFIG)
        parts = [part for n, part in enumerate(parts) if n not in {one, other}] + [united]
    assert parts[0].model_copy(update={"joins": ()}) == whole


def test_the_survivor_of_a_merge_is_the_one_that_opened_first():
    early, late = of(anomaly("a", 10), name="z"), of(anomaly("b", 11), name="a")
    survivor, losers = incident.merge((late, early), CONFIG)
    assert (survivor.id, survivor.anomalies, survivor.status) == ("z", 2, "open")
    assert [(loser.id, loser.status, loser.merged_into) for loser in losers] == [
        ("a", "merged", "z")
    ]
    assert losers[0].anomalies == 1


def test_of_incidents_that_opened_together_the_smallest_id_survives():
    records = [of(anomaly("a", 10), name=name) for name in "bac"]
    assert incident.merge(records, CONFIG)[0].id == "a"


def test_what_people_were_told_of_any_part_stays_told():
    plain = of(anomaly("a", 10), name="a")
    one, two = (
        of(anomaly(service, second), name=service).model_copy(update={"notified_at": ms(at)})
        for service, second, at in (("b", 20, 90), ("c", 30, 80))
    )
    survivor, _ = incident.merge((plain, one, two), CONFIG)
    assert survivor.notified_at == ms(80)


@pytest.mark.parametrize(
    ("processed", "status", "resolved_at"),
    [(0, "open", None), (150, "open", None), (151, "resolved", 150)],
)
def test_an_incident_is_over_when_it_was_quiet_up_to_what_was_processed(
    processed, status, resolved_at
):
    found = settled(of(anomaly("a", 50)), processed)
    assert found.status == status
    assert found.resolved_at == (None if resolved_at is None else ms(resolved_at))


def test_a_late_anomaly_reopens_what_was_resolved_in_a_new_generation():
    over = settled(of(anomaly("a", 50)), processed=200)
    more = settled(incident.absorb(over, of(anomaly("a", 140)), CONFIG), processed=200)
    assert (more.status, more.generation, more.resolved_at) == ("open", 2, None)
    assert settled(more, processed=300).generation == 2


def test_a_person_resolves_until_the_next_anomaly():
    record = incident.order(of(anomaly("a", 50)), told("resolve", 60))
    over = settled(record)
    assert (over.status, over.resolved_at) == ("resolved", ms(60))
    again = settled(incident.absorb(over, of(anomaly("a", 61)), CONFIG))
    assert (again.status, again.generation) == ("open", 2)


def test_of_two_ends_the_earlier_one_counts():
    record = incident.order(of(anomaly("a", 50)), told("resolve", 170))
    assert settled(record, processed=160).resolved_at == ms(150)
    assert settled(record, processed=100).resolved_at == ms(170)


def test_reopened_by_a_person_it_stays_open_until_it_was_quiet_since():
    over = settled(of(anomaly("a", 50)), processed=160)
    again = settled(incident.order(over, told("reopen", 170)), processed=200)
    assert (again.status, again.generation) == ("open", 2)
    assert settled(again, processed=271).resolved_at == ms(270)


def test_acknowledged_is_what_goes_on_now():
    record = incident.order(of(anomaly("a", 50), anomaly("a", 90)), told("acknowledge", 60))
    assert settled(record).status == "acknowledged"
    recurred = incident.absorb(record, of(anomaly("a", 200)), CONFIG)
    assert settled(recurred).status == "open"


@pytest.mark.parametrize("ender", ["resolve", "reopen"])
def test_an_acknowledgement_ends_with_what_it_was_for(ender):
    record = incident.order(of(anomaly("a", 50)), told("acknowledge", 60))
    record = incident.order(record, told(ender, 70))
    record = incident.absorb(record, of(anomaly("a", 80)), CONFIG)
    assert settled(record).status == "open"


def test_of_commands_of_a_kind_the_newest_counts_whatever_came_first():
    commands = [told("resolve", 60), told("resolve", 70, "zoe"), told("resolve", 70, "bob")]
    for order in permutations(commands):
        record = of(anomaly("a", 50))
        for command in order:
            record = incident.order(record, command)
        assert record.orders == (told("resolve", 70, "zoe"),)


def test_a_single_mild_anomaly_is_not_worth_telling():
    assert settled(of(anomaly("a", 50, ratio=1.2))).notify_from is None
    assert settled(of(anomaly("a", 50, ratio=1.2), anomaly("a", 60, ratio=1.2))).notify_from is None


def test_one_mild_series_is_worth_telling_when_it_lasts():
    mild = [anomaly("a", second, ratio=1.2) for second in (50, 60, 70)]
    assert settled(of(*mild[:2])).notify_from is None
    assert settled(of(*mild)).notify_from == ms(80)


def test_two_series_or_one_severe_anomaly_are_worth_telling_a_while_after_opening():
    assert settled(of(anomaly("a", 50), anomaly("b", 60))).notify_from == ms(80)
    assert settled(of(anomaly("a", 50, ratio=4.0))).notify_from == ms(80)


def test_nobody_is_told_twice():
    known = of(anomaly("a", 50, ratio=4.0)).model_copy(update={"notified_at": ms(90)})
    assert settled(known).notify_from is None


def test_what_was_over_before_anybody_knew_is_told_first_and_ends_then():
    late = settled(of(anomaly("a", 50, ratio=4.0)), processed=500)
    assert (late.status, late.notify_from) == ("open", ms(80))
    known = late.model_copy(update={"notified_at": ms(500)})
    assert settled(known, processed=500).status == "resolved"


def test_nobody_is_told_of_what_is_over_before_its_time_came_or_by_the_word_of_a_person():
    severe = of(anomaly("a", 50, ratio=4.0))
    hasty = CONFIG.model_copy(update={"group_wait": 200})
    assert incident.settle(severe, ms(500), hasty).status == "resolved"
    ended = settled(incident.order(severe, told("resolve", 60)), processed=500)
    assert (ended.status, ended.notify_from) == ("resolved", None)


def test_what_is_not_worth_telling_ends_without_a_word():
    assert settled(of(anomaly("a", 50, ratio=1.2)), processed=500).status == "resolved"


def test_until_it_is_judged_an_incident_is_as_severe_as_its_severest_anomaly():
    mild, severe = of(anomaly("a", 1, ratio=1.2)), of(anomaly("b", 1, ratio=99.0))
    assert (mild.severity, severe.severity) == (1, 5)
    assert incident.absorb(mild, severe, CONFIG).severity == 5


SPANS = st.lists(
    st.tuples(st.integers(0, 500), st.integers(0, 60)).map(lambda p: (p[0], p[0] + p[1])),
    min_size=1,
    max_size=12,
)


@given(SPANS, st.integers(0, 50))
def test_spans_are_split_exactly_where_it_was_quiet(spans, quiet):
    merged = incident.merged_spans(spans, quiet)
    assert all(a <= b for a, b in merged)
    assert all(later[0] - earlier[1] > quiet for earlier, later in pairwise(merged))
    assert all(any(a <= first and last <= b for a, b in merged) for first, last in spans)
    assert incident.merged_spans((*merged, *merged[:2]), quiet) == merged


def test_spans_are_bounded_and_keep_both_ends():
    spans = [(at * 1_000, at * 1_000 + 1) for at in range(incident.MAX_SPANS + 10)]
    merged = incident.merged_spans(spans, 10)
    assert len(merged) == incident.MAX_SPANS
    assert (merged[0][0], merged[-1]) == (0, spans[-1])
    assert merged[0][1] == spans[10][1]


def test_joins_are_distinct_and_bounded():
    joins = [
        Join(service="a", linked_to="b", time=at % 60, weight=0.8, reason="a calls b")
        for at in range(200)
    ]
    kept = incident.merged_joins(joins)
    assert [join.time for join in kept] == list(range(incident.MAX_JOINS))


LASTING = CONFIG.model_copy(update={"alert_hold": 3_600})


def alerted(ended=None, expires=None, second=10):
    until = Alert(
        ended_at=None if ended is None else ms(ended),
        expires_at=None if expires is None else ms(expires),
    )
    return alert("a", second).model_copy(update={"alert": until})


def with_alert(*notifications):
    first, *more = notifications
    record = incident.of_anomalies("i", "test", [first], (), LASTING)
    return firing.retell(record, more, LASTING)


@pytest.mark.parametrize(
    ("notifications", "over"),
    [
        ([alerted()], 3_610),
        ([alerted(expires=500)], 500),
        ([alerted(expires=90_000)], 3_610),
        ([alerted(), alerted(ended=60)], 60),
        ([alerted(ended=60), alerted()], 60),
        ([alerted(expires=500), alerted(expires=900)], 900),
        ([alerted(), alerted(ended=60), alerted(ended=90)], 90),
    ],
)
def test_an_alert_keeps_its_incident_open_until_it_is_told_to_be_over_or_expires(
    notifications, over
):
    record = with_alert(*notifications)
    still = incident.settle(record, ms(over + 100), LASTING)
    assert (still.status, still.resolved_at) == ("open", None)
    quiet = incident.settle(record, ms(over + 100) + 1, LASTING)
    assert (quiet.status, quiet.resolved_at) == ("resolved", ms(over + 100))


def test_in_whatever_order_and_however_often_an_alert_is_told_the_record_is_the_same():
    told_of = [
        alerted(),
        alerted(ended=60),
        alerted(expires=900).model_copy(update={"reason": "again"}),
        alerted(ended=90).model_copy(update={"reason": "zero left"}),
    ]
    found = {with_alert(*order).model_dump_json() for order in permutations(told_of)}
    assert len(found) == 1
    assert with_alert(*told_of, *told_of).model_dump_json() in found


def test_a_person_may_end_an_incident_whose_alert_still_fires():
    record = incident.order(with_alert(alerted()), told("resolve", 50))
    assert incident.settle(record, ms(60), LASTING).resolved_at == ms(50)
    back = incident.absorb(record, of(anomaly("a", 55)), LASTING)
    assert incident.settle(back, ms(60), LASTING).status == "open"


def test_alerts_that_are_over_go_first_where_there_are_too_many():
    many = [
        alert("a", n).model_copy(update={"id": f"{n:04d}"}) for n in range(firing.MAX_ALERTS + 5)
    ]
    ended = many[-1].model_copy(update={"alert": Alert(ended_at=ms(0))})
    kept = incident.of_anomalies("i", "test", [*many[:-1], ended], (), LASTING).alerts
    assert len(kept) == firing.MAX_ALERTS
    assert ended.id not in {one.anomaly for one in kept}
