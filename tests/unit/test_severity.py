"""How bad an incident is, and in what words."""

from itertools import permutations

import pytest
from pydantic import ValidationError

from aiops import plugins
from aiops.errors import Misconfigured
from aiops.events import Alert, Evidence
from aiops.topology import EMPTY, Seen, Topology
from functions.correlate.config import VIRTUAL_CLIENTS, CorrelateConfig
from functions.correlate.incident import of_anomalies
from functions.correlate.objective import Objective
from functions.correlate.ranking import Case
from functions.correlate.severities.impact import Severity
from tests.property.correlate_world import anomaly

CPU, LATENCY, ERRORS, TRAFFIC, CLIENT, SERVER = range(6)
SHOP = Topology.of(
    [
        ("web", "cart"),
        ("web", "pay"),
        ("cart", "db"),
        ("user", "api"),
        ("api", "db"),
        ("cron", "db"),
    ]
    + [(f"far{n}", f"away{n}") for n in range(6)]
)


def of(*anomalies, topology=SHOP):
    made = of_anomalies("i", "test", anomalies, (), CorrelateConfig())
    return Case(made.evidence, topology, ())


def grade(case, affected=(), policy="impact", **settings):
    config = CorrelateConfig(**settings)
    made = plugins.load("functions.correlate.severities", policy, "Severity")(config)
    return made.grade(case, affected)


def repeated(service, times, measure=CPU, ratio=1.01, **other):
    return [anomaly(service, 60 * n, measure, ratio, **other) for n in range(times)]


def test_the_plain_policy_takes_the_severest_anomaly_and_names_it():
    found = grade(of(anomaly("db", 0, CPU, 1.2), anomaly("cart", 0, CPU, 99.0)), policy="strongest")
    assert found.severity == 5
    assert found.reasons == ("cpu of cart alone is of severity 5",)


def test_a_policy_nobody_wrote_is_refused_by_name():
    with pytest.raises(Misconfigured, match="no severity named 'gut_feeling'"):
        grade(of(anomaly("db", 0)), policy="gut_feeling")


def test_one_spike_of_one_series_stays_minor_however_high_it_is():
    spike = of(anomaly("db", 0, CPU, 1e6))
    found = grade(spike, affected=("db", "cart", "web", "api", "cron"))
    assert found.severity == 2
    assert "one series alone, and not for long: no more than 2" in found.reasons
    assert grade(spike, policy="strongest").severity == 5


def test_one_slow_call_that_is_beyond_doubt_is_not_minor():
    edge = ("cart", "db")
    slow, doubtful = (of(anomaly("db", 0, CLIENT, ratio, edge=edge)) for ratio in (300.0, 5.0))
    affected = ("db", "cart", "web", "api", "cron")
    assert grade(slow, affected).severity == 4
    assert grade(doubtful, affected).severity == 2


def test_what_lasts_counts_although_its_evidence_is_barely_over_the_line():
    assert grade(of(*repeated("db", 1))).severity == 1
    found = grade(of(*repeated("db", 3)))
    assert found.severity == 2
    assert found.reasons == ("it lasts: 3 anomalies of cpu of db",)


def test_an_incident_of_which_nothing_is_clear_lasts_or_is_felt_is_the_least_severe():
    found = grade(of(anomaly("db", 0, TRAFFIC, 1.3), anomaly("cart", 0, TRAFFIC, 1.3)))
    assert (found.severity, len(found.reasons)) == (1, 1)


@pytest.mark.parametrize(
    ("service", "measure", "severity"),
    [
        ("db", CPU, 2),
        ("db", LATENCY, 3),
        ("web", LATENCY, 4),
        ("web", ERRORS, 4),
        ("api", ERRORS, 4),
    ],
)
def test_users_who_notice_count_more_than_services_that_suffer_and_those_more_than_load(
    service, measure, severity
):
    assert grade(of(*repeated(service, 3, measure, 3.0))).severity == severity


def test_a_call_makes_whoever_waits_for_it_suffer():
    edge = ("web", "pay")
    slow = of(*repeated("pay", 3, CLIENT, 3.0, edge=edge))
    assert "users notice it: web, which serves them, is slow" in grade(slow).reasons
    served = repeated("pay", 3, SERVER, 3.0, edge=edge)
    assert "pay is slow" in grade(of(*served)).reasons


@pytest.mark.parametrize(
    ("measure", "metric", "value", "suffers"),
    [
        (LATENCY, "latency", 0.5, False),
        (ERRORS, "error_ratio", 0.5, False),
        (ERRORS, "error_ratio", 2.0, True),
        (ERRORS, "success_ratio", 0.5, True),
        (TRAFFIC, "requests", 0.6, False),
        (TRAFFIC, "requests", 0.4, True),
        (TRAFFIC, "requests", 9.0, False),
        (CPU, "cpu", 9.0, False),
    ],
)
def test_users_suffer_from_what_got_worse_or_no_longer_reach_what_serves_them(
    measure, metric, value, suffers
):
    case = of(*repeated("web", 3, measure, 3.0, metric=metric, value=value))
    assert any("users notice it: web" in one for one in grade(case).reasons) == suffers


def test_that_a_service_is_asked_less_by_others_is_no_suffering():
    assert grade(of(*repeated("db", 3, TRAFFIC, 3.0, value=0.1))).severity == 2


def test_of_several_who_suffer_the_worst_is_named():
    slow, failing = repeated("api", 1, LATENCY, 3.0), repeated("web", 1, ERRORS, 3.0)
    (first,) = [one for one in grade(of(*slow, *failing)).reasons if "users" in one]
    assert first == "users notice it: web (and 1 more), which serves them, fails"


def test_users_are_behind_those_nobody_calls_but_virtual_clients_unless_told_otherwise():
    slow_db, slow_web = (of(*repeated(name, 3, LATENCY, 3.0)) for name in ("db", "web"))
    assert grade(slow_db, user_facing=("d.",)).severity == 4
    assert grade(slow_web, user_facing=("d.",)).severity == 3
    assert grade(of(*repeated("api", 3, LATENCY)), virtual_clients=()).severity == 3
    unheard_of = of(*repeated("web", 3, LATENCY, 3.0), topology=EMPTY)
    assert grade(unheard_of).severity == 3


def test_several_services_and_a_large_part_of_the_system_are_a_point_each():
    three = [anomaly(name, 0, CPU, 1.2) for name in ("db", "cart", "pay")]
    assert grade(of(*three)).severity == 2
    found = grade(of(*three), affected=("db", "cart", "web", "api", "cron"))
    assert found.severity == 3
    assert found.reasons[-1] == "db and 4 that depend on it are 26% of all services"
    assert grade(of(*three), affected=("db", "cart")).severity == 2


def with_traffic(**rates):
    calls = {tuple(name.split("_")): Seen(traffic=rate) for name, rate in rates.items()}
    return Topology.of([*calls, *SHOP.calls], seen=calls)


@pytest.mark.parametrize(
    ("traffic", "words"),
    [
        ({"web_cart": 90.0, "web_pay": 10.0, "user_api": 100.0}, None),
        ({"web_cart": 90.0, "web_pay": 60.0, "user_api": 100.0}, "32%"),
        ({"web_cart": 90.0, "web_pay": 90.0, "user_api": 10.0}, "90%"),
    ],
)
def test_where_traffic_is_known_the_part_of_users_requests_counts(traffic, words):
    case = of(anomaly("pay", 0, CPU, 1.2), topology=with_traffic(**traffic))
    reasons = " ".join(grade(case, affected=("pay", "web")).reasons)
    assert "that depend on it" not in reasons
    said = f"{words} of the requests of users depend on pay"
    assert (said in reasons) == (words is not None)


def test_a_suspect_that_serves_users_itself_takes_all_of_its_own_requests_along():
    topology = with_traffic(web_cart=80.0, user_api=20.0)
    policy = Severity(CorrelateConfig(virtual_clients=(*VIRTUAL_CLIENTS, "cron", "far.*")))
    case = of(anomaly("web", 0, CPU, 1.2), topology=topology)
    for _ in range(2):
        found = policy.grade(case, ("web",))
        assert "80% of the requests of users depend on web" in found.reasons
    assert policy.grade(of(anomaly("web", 0, CPU, 1.2)), ("web",)).severity == 1


def test_severity_stays_within_its_scale_and_does_not_depend_on_the_order():
    every = [one for s in ("web", "cart", "db", "pay") for one in repeated(s, 2, LATENCY, 9.0)]
    affected = ("db", "cart", "web", "api", "cron")
    found = {grade(of(*order), affected) for order in permutations(every[:6])}
    assert len(found) == 1
    assert found.pop().severity == 5


def test_an_alert_somebody_wrote_is_worth_its_own_severity_at_least():
    fires = anomaly("db", 0, CPU, 20.0, alert=Alert(), severity=4, metric="DiskFull")
    found = grade(of(fires))
    assert found.severity == 4
    assert found.reasons[0] == "the alert DiskFull is of severity 4"
    mild = anomaly("db", 0, CPU, 1.1, alert=Alert(), severity=1, metric="Info")
    suffering = repeated("web", 3, LATENCY, 3.0)
    assert grade(of(mild, *suffering)).severity == 4


BUDGET = {"match": {"metric": "failures", "labels": {"service": "w.*"}}, "objective": 0.999}


def failing(share, count=2, service="web"):
    return of(*repeated(service, count, CPU, 1.2, value=share, metric="failures"))


@pytest.mark.parametrize(
    ("share", "count", "severity"),
    [(0.02, 2, 5), (0.02, 1, 4), (0.007, 2, 4), (0.004, 2, 3), (0.002, 2, 2), (0.0005, 2, 1)],
)
def test_a_budget_that_burns_says_how_severe_it_is_at_least(share, count, severity):
    assert grade(failing(share, count), objectives=(BUDGET,)).severity == severity


def test_how_long_the_budget_lasts_is_told_and_that_one_sample_is_little():
    (first, *_) = grade(failing(0.02, 1), objectives=(BUDGET,)).reasons
    assert first == (
        "failures of web burns the budget of 0.999 at 20 times the rate allowed:"
        " 30 days' worth lasts 36 h; one sample so far"
    )


def test_an_objective_speaks_only_of_the_series_it_names():
    assert grade(failing(0.5, service="db"), objectives=(BUDGET,)).severity == 1


@pytest.mark.parametrize(
    ("settings", "value", "rate"),
    [
        ({}, 0.01, 10.0),
        ({"good": True}, 0.99, 10.0),
        ({"scale": 100.0}, 1.0, 10.0),
        ({"good": True, "scale": 100.0}, 99.0, 10.0),
        ({}, 7.0, 1_000.0),
        ({}, -1.0, 0.0),
    ],
)
def test_a_burn_rate_is_errors_over_errors_allowed(settings, value, rate):
    objective = Objective(match={"metric": "failures"}, objective=0.999, **settings)
    assert objective.burn(value) == pytest.approx(rate)


@pytest.mark.parametrize("objective", [0.0, 1.0, 99.9])
def test_an_objective_that_cannot_be_missed_or_met_is_refused(objective):
    with pytest.raises(ValidationError):
        CorrelateConfig(objectives=({"match": {}, "objective": objective},))


def test_a_pattern_that_is_none_is_refused():
    with pytest.raises(ValidationError, match="no pattern"):
        CorrelateConfig(user_facing=("(",))


@pytest.mark.parametrize(("ratio", "words"), [(4.0, "4"), (1e6, "more than 1000")])
def test_the_strongest_series_is_named_with_how_far_it_is_over_its_line(ratio, words):
    piece = Evidence(first=0, last=0, count=1, peak=anomaly("db", 0, CPU, ratio))
    (first, *_) = grade(Case((piece,), SHOP, ())).reasons
    assert first == f"the evidence is clear: cpu of db is {words} times its line"
