"""Which receivers an incident is for."""

import pytest

from functions.act.routing import Match, Route, routing
from tests.incidents import evidence, incident, suspect

CART = incident(
    root_cause=(suspect("cart"),),
    services=("cart", "checkout"),
    evidence=(
        evidence("checkout", "latency", labels={"namespace": "web", "team": "shop"}),
        evidence("cart", "cpu", labels={"kubernetes_namespace": "pay", "team": "payments"}),
        evidence("cart", "mem", labels={"kubernetes_namespace": "pay", "tier": "gold"}),
    ),
)


@pytest.mark.parametrize(
    ("match", "fits"),
    [
        ({}, True),
        ({"service": ["cart"]}, True),
        ({"service": ["c*t"]}, True),
        ({"service": ["db", "cart"]}, True),
        ({"service": ["checkout"]}, False),  # it only suffers
        ({"affected": ["checkout"]}, True),
        ({"affected": ["db"]}, False),
        ({"namespace": ["pay"]}, True),
        ({"namespace": ["web"]}, False),  # that of a service that only suffers
        ({"labels": {"team": "payments"}}, True),
        ({"labels": {"team": "pay*"}}, True),
        ({"labels": {"team": "payments", "tier": "gold"}}, False),  # on two series
        ({"labels": {"tier": ""}}, True),  # one of them has none
        ({"source": ["baseline"]}, True),
        ({"source": ["alertmanager"]}, False),
        ({"domain": ["shop"]}, True),
        ({"domain": ["other"]}, False),
        ({"min_severity": 4}, True),
        ({"min_severity": 5}, False),
        ({"max_severity": 3}, False),
        ({"service": ["cart"], "namespace": ["web"]}, False),
    ],
)
def test_a_match_looks_at_what_is_blamed(match, fits):
    assert Match(**match).fits(CART) is fits


def test_where_nobody_is_suspected_it_looks_at_everything():
    nobody = CART.model_copy(update={"root_cause": ()})
    assert Match(service=["checkout"]).fits(nobody)
    assert Match(namespace=["web"]).fits(nobody)


def test_where_the_suspect_showed_nothing_itself_it_looks_at_all_evidence():
    hidden = CART.model_copy(update={"root_cause": (suspect("db"),)})
    assert Match(service=["db"], namespace=["web"]).fits(hidden)


def test_an_incident_without_evidence_has_no_labels():
    bare = CART.model_copy(update={"evidence": ()})
    assert Match(labels={"team": ""}).fits(bare)
    assert not Match(labels={"team": "?*"}).fits(bare)


def test_of_several_routes_the_first_that_fits_counts_unless_it_says_go_on():
    pay = Route(name="pay", match=Match(namespace=["pay"]), to=["pay-slack"])
    every = Route(name="all", to=["slack"])
    assert routing(CART, [pay, every]).taken == {"pay-slack": "pay"}
    on = pay.model_copy(update={"go_on": True})
    both = routing(CART, [on, every])
    assert both.taken == {"pay-slack": "pay", "slack": "all"}
    assert both.names == ("pay", "all")


def test_without_routes_everything_goes_everywhere():
    found = routing(CART, [])
    assert found.against("slack") == found.route_to("slack") == ""


def test_why_a_channel_is_not_told_names_the_routes_that_took_the_incident():
    pay = Route(name="pay", match=Match(namespace=["pay"]), to=["pay-slack"])
    assert routing(CART, [pay]).against("slack") == "no route leads to slack: taken by pay"
    other = Route(name="other", match=Match(domain=["x"]), to=["slack"])
    assert routing(CART, [other]).against("slack") == "no route leads to slack: none fits"
