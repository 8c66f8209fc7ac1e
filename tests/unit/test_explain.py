"""Why an incident is one, whom it blames, what would change that: model, text and page."""

import json
import re
from html.parser import HTMLParser

import pytest

from aiops.action_log import ActionRecord, Step, Withheld
from aiops.events import ChangeObserved, Join, Similar, Suspect
from aiops.runs import Change, Considered, Run, RunStep
from aiops.topology import EMPTY, Topology
from functions.correlate.rankers import evidence as evidence_ranker
from functions.correlate.rankers import traversal
from functions.correlate.ranking import Case
from local.explain.account import explain
from local.explain.chart import MOST_NODES, chart
from local.explain.model import Curve, Explanation, Material
from local.explain.page import page
from local.explain.stored import to_json
from local.explain.text import lines_of
from local.explain.timeline import MOST_MOMENTS
from local.explain.what_if import UNKNOWN
from tests.incidents import ID, START, evidence, incident

SHOP = Topology.of([("frontend", "checkout"), ("checkout", "cart"), ("cart", "cart-db")])
CART = evidence("cart", "container_cpu_usage", 6, series="a" * 32)
CHECKOUT = evidence(
    "checkout", "request_latency_p95", 4, series="b" * 32, role="latency", time=START + 30_000,
    score=0.4, evidence=5.0,
)  # fmt: skip


def ranked(*pieces, topology=SHOP, changes=(), **fields) -> Material:
    """Return an incident of this evidence as the default ranker judges it."""
    pieces = tuple(sorted(pieces, key=lambda one: one.peak.series))
    suspects = evidence_ranker.Ranker().rank(Case(pieces, topology, changes))
    found = {
        "evidence": pieces,
        "root_cause": suspects,
        "root_cause_at_notification": suspects,
        "services": tuple(sorted({piece.peak.service for piece in pieces})),
        "blast_radius": topology.blast_radius(suspects[0].service),
        "anomalies": sum(piece.count for piece in pieces),
    }
    return Material(incident(**found | fields), pieces, topology, changes)


def told(*pieces, **fields) -> Explanation:
    return explain(ranked(*(pieces or (CART, CHECKOUT)), **fields))


def test_the_suspects_are_those_of_the_incident_with_what_speaks_for_and_against() -> None:
    first, second, *_ = told().suspects
    assert (first.service, second.service) == ("cart", "checkout")
    assert first.because[0].startswith("container_cpu_usage: 0.97 is above")
    assert "checkout calls it and shows anomalies" in first.because
    assert first.against == ()
    assert "its symptoms may come from cart, which it calls" in second.against


@pytest.mark.parametrize("ranker", [evidence_ranker, traversal])
def test_what_excuses_a_service_in_the_words_of_a_ranker_counts_against_it(ranker) -> None:
    suspects = ranker.Ranker().rank(Case((CART, CHECKOUT), SHOP, ()))
    material = Material(incident(root_cause=suspects), (CART, CHECKOUT), SHOP)
    checkout = next(one for one in explain(material).suspects if one.service == "checkout")
    assert [reason for reason in checkout.against if "cart" in reason]
    assert not [reason for reason in checkout.because if "cart" in reason]


def test_a_suspect_that_shows_nothing_itself_is_said_to() -> None:
    silent = Suspect(service="cart-db", metric="", score=1.0, reasons=("cart may suffer from it",))
    (suspect,) = explain(Material(incident(root_cause=(silent,)), (CART,), SHOP)).suspects
    assert suspect.against == ("no series of its own shows an anomaly",)


def test_the_series_without_which_another_would_be_first_is_named() -> None:
    said = told().what_if
    assert "without container_cpu_usage of cart, checkout would come first" in said


def test_where_no_single_series_decides_it_says_so_and_what_all_of_them_do() -> None:
    more = evidence("cart", "memory_usage", 3, series="c" * 32)
    said = told(CART, more, CHECKOUT).what_if
    assert (
        "no single series decides: with each of 3 series left out in turn, cart stays first" in said
    )
    assert "without all 2 series of cart, checkout would come first" in said


def test_a_change_that_decides_is_named() -> None:
    twin = evidence("payment", "container_cpu_usage", 6, series="d" * 32)
    change = ChangeObserved(service="payment", kind="deploy", observed_at=START - 60_000)
    material = ranked(CART, twin, changes=(change,))
    assert material.incident.root_cause[0].service == "payment"
    assert "without the deploy of payment, cart would come first" in explain(material).what_if


def test_a_ranking_that_cannot_be_found_again_is_not_played_with() -> None:
    said = told(root_cause=(Suspect(service="mars", metric="m", score=9.0, reasons=()),)).what_if
    assert said[-1] == UNKNOWN
    assert not [words for words in said if words.startswith("without")]


def test_an_incident_that_suspects_nobody_is_explained_all_the_same() -> None:
    found = told(root_cause=(), root_cause_at_notification=(), notified_at=None)
    assert found.suspects == ()
    assert found.what_if == ("nobody is suspected, so there is no ranking to change",)
    assert "nobody is suspected yet" in found.summary
    assert page(found)
    assert list(lines_of(found))


def test_every_series_says_what_linked_it_to_one_before() -> None:
    opening, joined = told().joins
    assert (opening.service, opening.words) == ("cart", "it opened the incident")
    assert joined.words == (
        "checkout calls cart, at the same time: to container_cpu_usage of cart (weight 0.80)"
    )


def test_a_link_that_cannot_be_found_again_is_that_which_the_incident_keeps() -> None:
    kept = Join(service="mail", linked_to="cart", time=START, weight=0.7, reason="both on node n1")
    far = evidence("mail", "queue_length", series="e" * 32)
    found = told(CART, far, joins=(kept,)).joins[1]
    assert found.words == "both on node n1: to an anomaly of cart (weight 0.70)"


def test_the_timeline_tells_changes_anomalies_telling_steps_and_the_end_in_order() -> None:
    change = ChangeObserved(
        service="cart", kind="deploy", summary="cart 1.9", observed_at=START - 120_000
    )
    material = ranked(CART, CHECKOUT, changes=(change,), resolved_at=START + 360_000)
    steps = tuple(step(channel) for channel in ("slack", "pagerduty"))
    held = (Withheld(channel="webhook", kind="opened", reason="webhook is off: no URL"),)
    response = ActionRecord(incident=ID, steps=steps, withheld=held)
    found = explain(
        Material(material.incident, material.evidence, SHOP, (change,), response=response)
    )
    assert [(one.kind, one.where) for one in found.timeline] == [
        ("change", "cart"),
        ("anomaly", "cart"),
        ("anomaly", "checkout"),
        ("told", ""),
        ("sent", "slack, pagerduty"),
        ("resolved", ""),
    ]
    assert [one.time for one in found.timeline] == sorted(one.time for one in found.timeline)
    assert [(one.channel, one.state) for one in found.steps] == [
        ("slack", "done"),
        ("pagerduty", "done"),
        ("webhook", "not sent"),
    ]
    assert "webhook is off: no URL" in page(found)


def test_what_was_put_off_says_until_when_and_what_went_into_a_digest_or_by_a_route_says_so() -> (
    None
):
    material = ranked(CART, CHECKOUT)
    night, later = START + 3_600_000, START + 7_200_000
    entry = step("slack").model_copy(update={"digest": True, "route": "payments"})
    waits = step("webhook").model_copy(update={"state": "planned", "next_at": START + 60_000})
    held = Withheld(channel="pager", kind="opened", reason="quiet hours", until=night)
    response = ActionRecord(
        incident=ID, steps=(entry, waits), withheld=(held,), again_at=night, silent_until=later
    )
    found = explain(Material(material.incident, material.evidence, SHOP, response=response))
    assert [(one.channel, one.state, one.until, one.route) for one in found.steps] == [
        ("slack", "in the digest", None, "payments"),
        ("webhook", "planned", later, ""),
        ("pager", "put off", night, ""),
        ("policy", "due", later, ""),
    ]
    text = "\n".join(lines_of(found))
    assert "pager opened: put off until 2026-01-31 13:00:00 UTC, quiet hours" in text
    assert "[route payments]" in text
    assert "sent         slack (its digest): opened" in text
    told = to_json(found)["steps"]
    assert [one["until"] for one in told] == [None, later, night, later]
    html = page(found)
    assert "put off" in html
    assert "until 13:00:00" in html
    assert "[route payments]" in html


def test_what_runbooks_did_and_why_others_did_nothing_is_told() -> None:
    material = ranked(CART, CHECKOUT)
    changes = (
        Change(state="proposed", at=START, reason="it answers the likeliest cause"),
        Change(state="approved", at=START + 1, reason="1 of 1", by="slack:U1"),
    )
    touch = RunStep(operation="touch", arguments={}, target="Pod a/b", summary="touch Pod a/b")
    run = Run(
        id=ID, number=1, incident=ID, generation=1, runbook="restart", mode="approve",
        domain="shop", service="cart", metric="cpu", version=1, steps=(touch,), changes=changes,
        next_at=START, expires_at=START,
    )  # fmt: skip
    considered = (
        Considered(runbook="restart", chosen=True, reason="it answers"),
        Considered(runbook="scale", chosen=False, reason="service is 'cart', not db"),
    )
    response = ActionRecord(incident=ID, runs=(run,), considered=considered)
    found = explain(Material(material.incident, material.evidence, SHOP, response=response))
    assert [(one.kind, one.state, one.reason) for one in found.steps] == [
        ("restart", "proposed", "it answers the likeliest cause"),
        ("restart", "approved", "1 of 1 (slack:U1)"),
        ("scale", "not run", "service is 'cart', not db"),
    ]
    assert "runbook scale: not run, service is 'cart', not db" in "\n".join(lines_of(found))


def step(channel: str) -> Step:
    return Step(
        id=channel, incident=ID, generation=1, channel=channel, kind="opened", level=0,
        reason="first told at severity 4", version=1, severity=4, planned_at=START + 61_000,
        next_at=START, state="done", finished_at=START + 62_000,
    )  # fmt: skip


def test_incidents_like_it_are_told_with_their_end() -> None:
    past = Similar(
        incident="7" * 8, title="cart: cpu", cause="cart", opened_at=START - 86_400_000,
        resolved_at=START - 86_000_000, similarity=0.8, ended_by="ada",
    )  # fmt: skip
    found = told(similar=(past,))
    assert found.similar[0].ended == "ended by ada"
    assert "80% cart: cpu" in "\n".join(lines_of(found))
    assert "80 % alike" in page(found)


def test_who_took_it_on_and_who_ended_it_is_told() -> None:
    found = told(
        status="resolved", resolved_at=START + 600_000, acknowledged_by="ann", resolved_by="bob"
    )
    text = "\n".join(lines_of(found))
    assert "acknowledged by ann, resolved by bob" in text
    assert "min after its last anomaly, bob said so" in text
    assert "by ann" in page(found)
    assert "by bob" in page(found)
    assert "acknowledged by" not in "\n".join(lines_of(told()))


HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'; background:url(https://evil.example) ;'",
    "{{ 7 * 7 }}\x00\u202e\u2028",
    "</style></svg></title><script>",
)


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag, attrs) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}


def hostile(text: str) -> Explanation:
    bad = evidence(text, text, series="f" * 32, labels={text: text}, reason=text, detector=text)
    edge = evidence(text, text, series="9" * 32, edge=(text, "x" + text), role="edge_client")
    change = ChangeObserved(service=text, kind=text, summary=text, observed_at=START - 60_000)
    silent = Topology.of([(text + "a", text), ("x" + text, text)])
    past = Similar(
        incident=text, title=text, cause=text, opened_at=1, resolved_at=2, similarity=0.5,
        ended_by=text,
    )  # fmt: skip
    material = ranked(
        bad, edge, CART, topology=silent, changes=(change,), title=text, similar=(past,),
        severity_reasons=(text,), acknowledged_by=text, resolved_by=text,
    )  # fmt: skip
    curve = Curve(
        (START, START + 60_000), (1.0, 2.0), (1.0, 1.0), (0.0, 0.0), (2.0, 2.0), (START,), "n"
    )
    response = ActionRecord(
        incident=ID,
        steps=(step("slack").model_copy(update={"reason": text, "result": text, "channel": text}),),
        withheld=(Withheld(channel=text, kind="opened", reason=text),),
    )
    return explain(
        Material(
            material.incident,
            material.evidence,
            silent,
            (change,),
            material.config,
            response,
            {"f" * 32: curve},
        )
    )


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_from_outside_becomes_part_of_the_page(text: str) -> None:
    usual, attacked = Tags(), Tags()
    usual.feed(page(hostile("a calm and long name")))
    attacked.feed(page(hostile(text)))
    assert attacked.tags == usual.tags
    assert attacked.attributes <= usual.attributes
    assert "script" not in attacked.tags
    assert "49" not in re.findall(r"<h1>(.*?)</h1>", page(hostile(text)))


def test_names_as_long_as_a_book_leave_the_page_small_and_lines_short() -> None:
    found = hostile("<&x" * 40_000)
    assert len(page(found)) < 200_000
    assert all(len(line) < 1_500 for line in lines_of(found))
    assert all("\n" not in line for line in lines_of(found))


def test_the_page_needs_nothing_but_itself() -> None:
    found = page(told())
    assert not re.findall(r"https?://|src=|@import|<link|<script|url\((?!#)", found)
    assert "default-src 'none'" in found


def test_the_explanation_in_json_is_json_even_where_nothing_was_expected() -> None:
    curve = Curve(
        (1, 2), (1.0, 2.0), (float("nan"),) * 2, (float("nan"),) * 2, (float("inf"),) * 2, (), "n"
    )
    material = ranked(CART, CHECKOUT)
    found = explain(Material(material.incident, material.evidence, SHOP, curves={"a" * 32: curve}))
    again = json.loads(json.dumps(to_json(found), allow_nan=False))
    assert again["suspects"][0]["service"] == "cart"
    assert page(found)


def test_hundreds_of_series_and_services_give_a_bounded_page_that_says_what_it_leaves_out() -> None:
    calls = [(f"s{n:03}", f"s{(n * 7 + 1) % 300:03}") for n in range(300)]
    calls += [(f"s{n:03}", f"s{n // 2:03}") for n in range(1, 300)]
    pieces = [
        evidence(f"s{n:03}", "latency", series=f"{n:032x}", role="latency", time=START + n * 1000)
        for n in range(200)
    ]
    found = told(*pieces, topology=Topology.of(calls))
    assert len(found.chart.nodes) == MOST_NODES
    assert sum(found.chart.left_out.values()) > 100
    assert found.chart.known == 300
    assert len(found.timeline) <= MOST_MOMENTS + 1
    assert found.timeline[-1].kind == "more"
    assert found.joins_left_out == 150
    assert len(page(found)) < 400_000


def test_callers_stand_left_of_what_they_call_and_circles_are_no_trouble() -> None:
    around = Topology.of([*SHOP.calls, ("cart-db", "frontend")])
    for topology in (SHOP, around, EMPTY):
        nodes = {one.service: one for one in chart(ranked(CART, CHECKOUT, topology=topology)).nodes}
        places = [(one.column, one.row) for one in nodes.values()]
        assert len(set(places)) == len(places)
        if topology is SHOP:
            assert all(nodes[a].column < nodes[b].column for a, b in SHOP.calls)
    assert nodes["cart"].part == "suspect"
    assert nodes["cart"].rank == 1


def test_who_may_feel_it_is_on_the_map_and_in_words() -> None:
    found = told()
    parts = {one.service: one.part for one in found.chart.nodes}
    assert parts["frontend"] == "may feel it"
    assert [(one.service, one.hops, one.anomalous) for one in found.reach] == [
        ("checkout", 1, True),
        ("frontend", 2, False),
    ]


def test_a_merged_incident_says_into_what() -> None:
    found = told(status="merged", merged_into="another")
    assert ("merged", "merged into another") in [(one.kind, one.words) for one in found.timeline]


def test_the_same_incident_gives_the_same_page() -> None:
    assert page(told()) == page(told())
