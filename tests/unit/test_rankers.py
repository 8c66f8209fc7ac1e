"""Which service a ranker blames, and for what reasons."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiops import plugins
from aiops.events import ChangeObserved
from aiops.topology import Topology
from functions.correlate.dossier import weight
from functions.correlate.incident import of_anomalies
from functions.correlate.ranking import SUSPECTS, Case
from tests.property.correlate_world import CONFIG, START, anomaly

SHOP = Topology.of(
    [
        ("web", "cart"),
        ("web", "pay"),
        ("cart", "db"),
        ("pay", "bank"),
        ("pay", "db"),
        ("web", "ads"),
    ]
)
CPU, LATENCY, ERRORS = 0, 1, 2


RANKERS = ("evidence", "robust", "traversal", "first_saturation")


def ranked(*anomalies, ranker="evidence", changes=(), topology=SHOP):
    made = plugins.load("functions.correlate.rankers", ranker, "Ranker")()
    evidence = of_anomalies("i", "test", anomalies, (), CONFIG).evidence
    return made.rank(Case(evidence, topology, changes))


def blamed(*anomalies, **case) -> list[str]:
    return [suspect.service for suspect in ranked(*anomalies, **case)]


def traffic(service, second, value, ratio=4.0):
    series = {"id": f"t-{service}-{second}", "series": f"t-{service}", "metric": "requests_rate"}
    return anomaly(service, second, ratio=ratio, role="traffic", value=value, **series)


def idle(service, second, ratio=4.0):
    return anomaly(service, second, CPU, ratio, value=0.1)


def call(client, server, side="client", value=5.0, ratio=8.0):
    name = f"{client}-{server}-{side}"
    return anomaly(
        server,
        0,
        ratio=ratio,
        id=name,
        series=name,
        metric=f"edge_{side}_seconds",
        role=f"edge_{side}",
        edge=(client, server),
        value=value,
        reason=f"slow {name}",
    )


def test_a_service_that_runs_out_of_something_is_blamed_before_one_that_suffers():
    suspects = blamed(anomaly("web", 0, LATENCY, 9.0), anomaly("cart", 60, CPU, 9.0))
    assert suspects[:2] == ["cart", "web"]


def test_symptoms_are_explained_by_those_of_the_service_called():
    first, *others = ranked(
        anomaly("web", 0, ERRORS, 9.0),
        anomaly("cart", 0, ERRORS, 9.0),
        anomaly("db", 0, ERRORS, 9.0),
    )
    assert (first.service, first.metric) == ("db", "failures")
    assert first.reasons == ("failures: failures of db is 9.0 times its limit",)
    assert others[0].reasons[-1] in {
        "its symptoms may come from cart, which it calls",
        "its symptoms may come from db, which it calls",
    }


def test_symptoms_stronger_than_those_below_stay_its_own():
    assert blamed(anomaly("web", 0, LATENCY, 40.0), anomaly("cart", 0, LATENCY, 1.1))[0] == "web"


def test_a_whole_node_says_less_of_a_service_than_its_own_container():
    node = anomaly("web", 0, CPU, 9.0, metric="node_cpu_usage", id="n", series="n")
    assert blamed(node, anomaly("cart", 0, CPU, 5.0)) == ["cart", "web"]


@pytest.mark.parametrize("metric", ["container_network_receive_bytes", "syscall_read_total"])
def test_what_passes_through_a_service_says_less_than_what_it_runs_out_of(metric):
    flow = anomaly("web", 0, CPU, 9.0, metric=metric, id="n", series="n")
    assert blamed(flow, anomaly("cart", 0, CPU, 5.0)) == ["cart", "web"]


def test_a_call_slow_only_for_its_client_points_at_the_network_of_the_one_called():
    first, second = ranked(call("pay", "bank"))
    assert (first.service, first.metric) == ("bank", "edge_client_seconds")
    assert first.reasons == ("calls of pay to bank got slower for the client than the server",)
    assert second.service == "pay"
    assert first.score > second.score


def test_slow_calls_point_at_the_service_they_have_in_common():
    assert blamed(call("web", "pay"), call("pay", "bank"), call("pay", "db"))[0] == "pay"
    assert blamed(call("cart", "db"), call("pay", "db"))[0] == "db"


def test_a_call_as_slow_inside_the_server_is_no_matter_of_the_network():
    first, *_ = ranked(call("pay", "bank"), call("pay", "bank", "server"))
    assert first.service == "bank"
    assert first.reasons == ("edge_server_seconds: slow pay-bank-server",)


def test_a_call_that_got_faster_blames_nobody_for_its_network():
    assert [suspect.score for suspect in ranked(call("pay", "bank", value=0.5))] == [0.0]


def test_of_several_measures_of_a_call_the_strongest_counts():
    weak = call("pay", "bank", ratio=1.5).model_copy(update={"id": "w", "series": "w"})
    assert ranked(weak, call("pay", "bank"))[0].score == ranked(call("pay", "bank"))[0].score


def test_what_the_network_explains_of_a_client_does_not_count_against_it():
    assert blamed(anomaly("pay", 0, LATENCY, 9.0), call("pay", "bank"))[0] == "bank"


def test_a_service_asked_less_by_callers_that_are_well_points_at_them():
    first, second = ranked(idle("bank", 0))
    assert (first.service, second.service) == ("pay", "bank")
    assert first.reasons == ("bank, which it calls, is asked less than usual",)


def test_a_service_that_stopped_while_its_callers_suffer_is_blamed_itself():
    assert blamed(idle("bank", 0, 9.0), anomaly("pay", 30, ERRORS, 9.0))[0] == "bank"


def test_an_entry_point_that_does_less_is_its_own_suspect():
    assert blamed(idle("web", 0)) == ["web"]


def test_more_requests_are_traced_to_where_they_begin():
    assert blamed(traffic("web", 0, 9.0), traffic("cart", 0, 9.0), traffic("db", 0, 9.0)) == ["web"]
    assert blamed(traffic("cart", 0, 0.1), traffic("db", 0, 0.1))[0] in {"web", "cart"}


def deploy(service, second, summary=""):
    at = START + second * 1000
    return ChangeObserved(service=service, kind="deploy", summary=summary, observed_at=at)


def test_the_last_change_before_the_first_anomaly_is_a_reason():
    changes = [deploy("cart", 0), deploy("cart", 120, "v2"), deploy("cart", 400), deploy("db", 0)]
    first, second, third = ranked(
        anomaly("cart", 300, ERRORS), anomaly("web", 300, ERRORS), changes=changes
    )
    assert first.service == "cart"
    assert first.reasons[-1] == "deploy (v2) 3 min before its first anomaly"
    assert second.service == "web"
    assert not any("deploy" in reason for reason in third.reasons)


def test_scaling_soon_after_a_rollout_is_a_part_of_it():
    def scale(second):
        return deploy("cart", second).model_copy(update={"kind": "scale", "summary": "to 3"})

    rolling = [deploy("cart", 0, "v2"), scale(30), scale(60)]
    first, *_ = ranked(anomaly("cart", 300, ERRORS), changes=rolling)
    assert any("deploy (v2) 5 min before" in reason for reason in first.reasons)
    later = [deploy("cart", 0, "v2"), scale(901)]
    first, *_ = ranked(anomaly("cart", 961, ERRORS), changes=later)
    assert any("scale (to 3) 1 min before" in reason for reason in first.reasons)


def test_a_change_without_a_summary_is_named_by_its_kind():
    first, *_ = ranked(anomaly("cart", 60, ERRORS), changes=[deploy("cart", 0)])
    assert "deploy 1 min before its first anomaly" in first.reasons


def test_reasons_are_the_weightiest_and_not_endless():
    many = [
        anomaly("cart", 0, CPU, 1.5 + n, id=f"{n}", series=f"{n}", reason=f"reason {n}")
        for n in range(9)
    ]
    (only,) = ranked(*many)
    assert only.reasons == tuple(f"cpu: reason {n}" for n in (8, 7, 6, 5))


def test_the_weight_of_an_anomaly_is_bounded():
    assert weight(anomaly("a", 0, ratio=1e9)) == weight(anomaly("a", 0, ratio=51.0))
    assert weight(anomaly("a", 0, ratio=2.0)) < weight(anomaly("a", 0, ratio=3.0))


def test_of_equals_the_first_to_move_is_blamed_first_then_the_name_decides():
    assert blamed(anomaly("db", 60, CPU), anomaly("ads", 0, CPU)) == ["ads", "db"]
    assert blamed(anomaly("db", 0, CPU), anomaly("ads", 0, CPU)) == ["ads", "db"]


def test_the_reference_names_the_first_that_ran_out_of_something():
    suspects = ranked(
        anomaly("web", 0, LATENCY),
        anomaly("cart", 20, CPU),
        anomaly("db", 10, CPU),
        anomaly("pay", 5, ERRORS),
        ranker="first_saturation",
    )
    assert [(s.service, s.score) for s in suspects] == [
        ("db", 1.0),
        ("cart", 0.5),
        ("web", pytest.approx(1 / 3)),
    ]
    assert suspects[0].reasons[0].startswith("first saturation: cpu of db")
    assert suspects[2].reasons[0].startswith("first anomaly: latency of web")


def test_a_service_that_stopped_is_blamed_though_the_one_that_waits_for_it_says_nothing():
    # web fails because of pay, which nothing is measured of, because of bank.
    assert blamed(idle("bank", 0, 5.0), anomaly("web", 0, ERRORS, 5.0))[0] == "bank"


def test_a_service_that_fails_and_asks_several_for_less_is_blamed_itself():
    assert blamed(anomaly("pay", 0, ERRORS), idle("bank", 0), idle("db", 0))[0] == "pay"


def test_who_does_less_because_its_caller_does_is_not_blamed_for_it():
    fallen = [idle("db", 0, 9.0), idle("cart", 0, 9.0), anomaly("web", 0, ERRORS, 4.0)]
    assert blamed(*fallen)[0] == "cart"


def test_a_clear_callee_explains_a_caller_that_looks_worse():
    assert blamed(anomaly("pay", 0, ERRORS, 400.0), anomaly("bank", 0, ERRORS, 8.0))[0] == "bank"


def test_running_out_of_something_explains_what_callers_suffer():
    *_, web = ranked(anomaly("web", 0, LATENCY, 9.0), anomaly("cart", 0, CPU, 9.0))[:2]
    assert web.reasons[-1] == "its symptoms may come from cart, which it calls"


def test_a_service_that_many_call_is_blamed_for_calls_to_it_though_not_all_got_slower():
    clients = [f"c{n}" for n in range(12)]
    hub = Topology.of([(client, "hub") for client in clients] + [("c0", "x")])
    slow = [call("c0", "hub", ratio=2.0), call("c1", "hub", ratio=2.0)]
    assert blamed(*slow, topology=hub)[0] == "hub"


def test_a_suspect_that_calls_others_brings_those_with_most_below_them():
    web, second, third = ranked(anomaly("web", 0, ERRORS, 9.0))
    assert (web.service, second.service, third.service) == ("web", "pay", "cart")
    assert second.reasons == ("web, which calls it, may suffer from it",)
    assert web.score > second.score > third.score > 0


def test_somebody_elses_service_is_a_suspect_by_what_its_clients_measure():
    outside = Topology.of([("pay", "bank.example"), ("web", "pay")])
    slow = [call("pay", "bank.example"), anomaly("pay", 0, LATENCY, 9.0)]
    assert blamed(*slow, topology=outside)[0] == "bank.example"


def test_no_name_is_no_suspect_where_there_is_another():
    assert blamed(anomaly("unknown", 0, CPU, 40.0), anomaly("cart", 0, CPU)) == ["cart"]
    assert blamed(anomaly("unknown", 0, CPU)) == ["unknown"]


def test_a_new_kind_of_log_line_says_more_than_a_rate_of_errors():
    line = anomaly("cart", 0, ERRORS, template="t1", id="line", series="line")
    assert blamed(line, anomaly("ads", 0, ERRORS))[:2] == ["cart", "ads"]


def test_traversal_names_the_deepest_whose_callees_are_well():
    suspects = ranked(
        anomaly("web", 0, LATENCY, 40.0),
        anomaly("pay", 0, LATENCY, 3.0),
        anomaly("ads", 0, LATENCY, 2.0),
        ranker="traversal",
    )
    assert [suspect.service for suspect in suspects] == ["pay", "ads", "web"]
    assert suspects[0].reasons[-1] == "all it calls are well"
    assert suspects[2].reasons[-1] == "ads, which it calls, shows anomalies too"


def test_robust_names_the_farthest_from_what_was_expected():
    near = anomaly("web", 0, LATENCY, 40.0, lower=0.0, upper=2.0, expected=1.0, value=3.0)
    far = anomaly("cart", 0, ERRORS, 1.1, lower=0.0, upper=2.0, expected=1.0, value=9.0)
    first, second = ranked(near, far, ranker="robust")
    assert (first.service, first.score) == ("cart", 8.0)
    assert (second.service, second.score) == ("web", 2.0)


def test_what_left_a_band_without_width_is_farthest():
    flat = anomaly("cart", 0, ERRORS, lower=1.0, upper=1.0, expected=1.0, value=1.1)
    wide = anomaly("web", 0, ERRORS, lower=0.0, upper=2.0, expected=1.0, value=99.0)
    assert blamed(flat, wide, ranker="robust") == ["cart", "web"]


SERVICES = st.sampled_from(["web", "cart", "db", "pay", "bank", "ads", "elsewhere"])
ANOMALIES = st.lists(
    st.builds(
        lambda service, other, second, role, ratio, value, edge, n: anomaly(
            service,
            second,
            ratio=ratio,
            role=role,
            value=value,
            edge=(service, other) if edge else None,
            id=f"{n}",
            series=f"s{n}",
        ),
        SERVICES,
        SERVICES,
        st.integers(0, 300),
        st.sampled_from(
            ["saturation", "latency", "errors", "traffic", "edge_client", "edge_server", "other"]
        ),
        st.floats(1.01, 1e6),
        st.floats(-10, 10),
        st.booleans(),
        st.integers(0, 1 << 30),
    ),
    min_size=1,
    max_size=12,
    unique_by=lambda one: one.id,
)


GRAPHS = st.lists(st.tuples(SERVICES, SERVICES), max_size=12).map(Topology.of)
CHANGES = st.lists(st.builds(deploy, SERVICES, st.integers(0, 300), st.text(max_size=3)))


@given(ANOMALIES, st.sampled_from(RANKERS), GRAPHS, CHANGES, st.randoms())
def test_a_ranking_is_short_ordered_and_does_not_depend_on_the_order(
    anomalies, ranker, topology, changes, random
):
    # Whatever the graph: without calls, in circles, of services nothing is known of.
    suspects = ranked(*anomalies, ranker=ranker, topology=topology, changes=changes)
    assert 1 <= len(suspects) <= SUSPECTS
    scores = [suspect.score for suspect in suspects]
    assert scores == sorted(scores, reverse=True)
    assert min(scores) >= 0
    assert len({suspect.service for suspect in suspects}) == len(suspects)
    made = plugins.load("functions.correlate.rankers", ranker, "Ranker")()
    evidence = list(of_anomalies("i", "test", anomalies, (), CONFIG).evidence)
    random.shuffle(evidence)
    random.shuffle(changes)
    assert made.rank(Case(evidence, topology, changes)) == suspects


def test_a_service_that_says_nothing_between_two_in_trouble_is_suspected_last():
    shop = Topology.of([("web", "pay"), ("pay", "bank"), ("web", "bank"), ("web", "ads")])
    bank, web, pay = ranked(
        anomaly("bank", 0, CPU, 9.0), anomaly("web", 0, CPU, 4.0), topology=shop
    )
    assert (bank.service, web.service, pay.service) == ("bank", "web", "pay")
    assert 0 < pay.score < web.score
    assert pay.reasons == ("web, which calls it, and bank, which it calls, show anomalies",)
