"""What the channel to PagerDuty promises besides what every channel does."""

import orjson
import pytest

from aiops.errors import Misconfigured
from functions.act.channels.pagerduty import MAX_SUMMARY
from functions.act.config import ALL_KINDS
from local.receiver import Receiver
from tests.incidents import ID, evidence, incident, suspect
from tests.telling import ATTACK, CONSOLE, hostile, opened, step, tell


@pytest.fixture
def receiver():
    with Receiver() as running:
        yield running


def test_pagerduty_gets_the_incident_as_key_and_its_own_severities(receiver):
    channel = opened("pagerduty", receiver.environment)
    for severity, word in enumerate(("info", "info", "warning", "error", "critical"), 1):
        event = channel.render(step("pagerduty", severity=severity), incident())
        assert event["payload"]["severity"] == word
        assert event["dedup_key"] == ID
    actions = {kind: channel.render(step("pagerduty", kind), incident()) for kind in ALL_KINDS}
    assert {kind: event["event_action"] for kind, event in actions.items()} == {
        "opened": "trigger",
        "reopened": "trigger",
        "flapping": "trigger",
        "severity_raised": "trigger",
        "cause_changed": "trigger",
        "repeated": "trigger",
        "grown": "trigger",
        "acknowledged": "acknowledge",
        "resolved": "resolve",
        "merged": "resolve",
        "run_proposed": "trigger",
        "run_finished": "trigger",
        "run_failed": "trigger",
    }


LINKS = {
    "INCIDENT_URL": CONSOLE,
    "GRAPH_URL": "https://grafana.example.com/d/1?var-service=",
    "RUNBOOK_URL": "https://wiki.example.com/runbooks/",
}


def test_an_alert_links_to_the_incident_the_graphs_and_the_runbook_where_these_are_set(receiver):
    about = incident(root_cause=(suspect("cart/1 & <x>"),))
    event = opened("pagerduty", {**receiver.environment, **LINKS}).render(step("pagerduty"), about)
    assert event["client_url"] == f"{CONSOLE}{ID}"
    assert event["links"] == [
        {"href": f"{CONSOLE}{ID}", "text": "Open the incident"},
        {
            "href": "https://grafana.example.com/d/1?var-service=cart%2F1%20%26%20%3Cx%3E",
            "text": "Graphs",
        },
        {
            "href": "https://wiki.example.com/runbooks/cart%2F1%20%26%20%3Cx%3E",
            "text": "Runbook",
        },
    ]
    graph = {"GRAPH_URL": LINKS["GRAPH_URL"]}
    alone = opened("pagerduty", {**receiver.environment, **graph}).render(step("pagerduty"), about)
    assert [link["text"] for link in alone["links"]] == ["Graphs"]
    assert "client_url" not in alone
    plain = opened("pagerduty", receiver.environment).render(step("pagerduty"), about)
    assert not {"links", "client_url"} & set(plain)


@pytest.mark.parametrize("setting", LINKS)
def test_a_link_that_is_no_address_stops_the_start(receiver, setting):
    with pytest.raises(Misconfigured, match=setting):
        opened("pagerduty", {**receiver.environment, setting: "javascript:alert(1)"})


def test_an_alert_says_what_it_is_about(receiver):
    about = incident(root_cause=(suspect("db", "disk_used"),), domain="shop")
    event = opened("pagerduty", receiver.environment).render(step("pagerduty"), about)
    said = {name: event["payload"][name] for name in ("source", "component", "group", "class")}
    assert said == {"source": "db", "component": "db", "group": "shop", "class": "disk_used"}
    unknown = incident(root_cause=(), evidence=(evidence("web", "errors"),), services=("web",))
    event = opened("pagerduty", receiver.environment).render(step("pagerduty"), unknown)
    assert (event["payload"]["component"], event["payload"]["class"]) == ("web", "errors")
    assert event["client"] == "aiops"
    assert event["payload"]["custom_details"]["step"] == step("pagerduty").id


def test_an_acknowledgement_and_an_end_say_no_more_than_the_key(receiver):
    channel = opened("pagerduty", receiver.environment)
    for kind in ("acknowledged", "resolved", "merged"):
        event = channel.render(step("pagerduty", kind), incident())
        assert set(event) == {"event_action", "dedup_key"}
        assert tell(channel, step("pagerduty", kind)).verdict == "done"
    assert {message.key for message in receiver.messages} == {ID}


def test_a_summary_and_a_key_are_as_long_as_pagerduty_takes_and_no_longer(receiver):
    channel = opened("pagerduty", receiver.environment)
    about = incident(id="k" * 300, title="t" * 5_000, root_cause=())
    event = channel.render(step("pagerduty"), about)
    assert len(event["payload"]["summary"]) == MAX_SUMMARY
    assert len(event["dedup_key"]) == 255
    assert tell(channel, step("pagerduty"), about).verdict == "done"


def test_an_event_stays_far_below_512_kilobytes(receiver):
    every = tuple(f"{n}\x00" * 500 for n in range(500))
    about = incident(
        services=every,
        blast_radius=every,
        severity_reasons=every,
        evidence=tuple(evidence(one, one, reason=one) for one in every[:50]),
        root_cause=tuple(suspect(one, one, *every) for one in every),
    )
    event = opened("pagerduty", receiver.environment).render(step("pagerduty"), about)
    assert len(orjson.dumps(event)) < 64 * 1024


def test_text_an_attacker_wrote_ends_an_address_and_never_begins_one(receiver):
    channel = opened("pagerduty", {**receiver.environment, **LINKS})
    for link, begin in zip(
        channel.render(step("pagerduty"), hostile())["links"], LINKS.values(), strict=True
    ):
        assert link["href"].startswith(begin)
        assert not set(link["href"].removeprefix(begin)) & set("<>/{}$ @?#&\n")
        assert ATTACK not in link["href"]
