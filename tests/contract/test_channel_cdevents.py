"""What the channel of CDEvents promises besides what every channel does."""

import orjson
import pytest

from aiops.action_log import step_id
from functions.act.channels.cdevents import Channel
from functions.act.config import DEFAULT_RULES, ActConfig
from functions.act.policy import plan
from functions.act.wiring import open_channels, with_bot, with_cdevents
from local.cdevents import cdevent
from local.receiver import Receiver
from local.receiving import Fault
from tests.incidents import ID, START, incident
from tests.telling import ATTACK, CONSOLE, hostile, opened, step, tell

WORDS = {"opened": "detected", "reopened": "detected", "resolved": "resolved", "merged": "resolved"}
URL = "https://events.example.com/shop/default"
NAMED = {"CDEVENTS_URL": URL}


@pytest.fixture
def receiver():
    with Receiver() as running:
        yield running


def rendered(kind="opened", about=None, **environment):
    channel = opened("cdevents", {**NAMED, **environment})
    return channel.render(step("cdevents", kind), about or incident())


def sent(payload, **changes):
    """Return the headers and the body of an event as a receiver sees them."""
    one = step("cdevents")
    request = Channel({**Channel.takes, **NAMED}).request(payload, one)
    return {**request.headers, "content-type": request.content_type, **changes}, request.body


@pytest.mark.parametrize("about", [incident(), hostile()], ids=["plain", "hostile"])
@pytest.mark.parametrize(("kind", "word"), WORDS.items())
def test_an_incident_is_detected_and_resolved_as_the_specification_says(
    receiver, kind, word, about
):
    channel = opened("cdevents", receiver.every)
    assert tell(channel, step("cdevents", kind), about).verdict == "done"
    assert receiver.refusals == ()
    (message,) = receiver.messages
    assert message.kind == f"dev.cdevents.incident.{word}.0.3.0"
    assert message.step == step("cdevents", kind).id


def test_an_event_says_what_happened_where_and_how_bad_it_is():
    event = rendered(INCIDENT_URL=CONSOLE)
    assert event["context"]["timestamp"] == "2026-01-31T12:00:00.000Z"
    assert event["subject"]["id"] == ID
    assert event["subject"]["content"] == {
        "description": "New incident: cart: container_cpu_usage, 2 more services",
        "environment": {"id": "shop"},
        "service": {"id": "cart"},
    }
    custom = event["customData"]
    assert (custom["severity"], custom["kind"]) == (4, "opened")
    assert custom["rootCause"] == {"service": "cart", "metric": "container_cpu_usage"}
    assert custom["links"] == [{"text": "Open the incident", "href": f"{CONSOLE}{ID}"}]


def test_the_environment_is_the_one_that_is_set():
    content = rendered(CDEVENTS_ENVIRONMENT="production")["subject"]["content"]
    assert content["environment"] == {"id": "production"}


def test_a_name_nobody_gave_is_left_out_or_said_to_be_unknown():
    event = rendered(about=incident(domain="", services=(), root_cause=()))
    assert event["subject"]["content"]["environment"] == {"id": "unknown"}
    assert "service" not in event["subject"]["content"]
    assert event["customData"]["rootCause"] is None
    cdevent(*sent(event))


def test_an_end_has_the_time_of_the_end():
    event = rendered("resolved", incident(resolved_at=START + 60_000))
    assert event["context"]["timestamp"] == "2026-01-31T12:01:00.000Z"


def test_a_merged_incident_is_over_and_names_the_other():
    assert rendered("merged", incident(merged_into="other"))["customData"]["mergedInto"] == "other"


def test_the_id_is_that_of_the_step_again_at_a_repeat_and_another_once_it_comes_back(receiver):
    channel = opened("cdevents", receiver.every)
    again = step("cdevents", "reopened", id=step_id(ID, 2, "cdevents", "reopened", 0), generation=2)
    later = again.model_copy(
        update={"id": step_id(ID, 3, "cdevents", "reopened", 0), "generation": 3}
    )
    for one in (step("cdevents"), step("cdevents", possible_repeat=True), again, later):
        assert tell(channel, one).verdict == "done"
    first, repeat, second, third = (message.key for message in receiver.messages)
    assert first == repeat
    assert len({first, second, third}) == 3


def test_text_an_attacker_wrote_is_text_in_the_event_and_in_no_header_as_it_was():
    payload = rendered(about=hostile())
    headers, body = sent(payload)
    assert "<!channel>" in orjson.loads(body)["subject"]["content"]["description"]
    one = step("cdevents", incident=f'{ATTACK}\r\nx: y"%\u20ac')
    subject = Channel({**Channel.takes, **NAMED})
    header = subject.request(subject.render(one, incident()), one).headers["ce-subject"]
    assert not set(header) & set(' \r\n"\u20ac')
    assert all(ATTACK not in value for value in headers.values())


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda e: e["context"].pop("specversion"), "schema: context.specversion"),
        (lambda e: e["context"].update(version="0.4.1"), "schema: context.version"),
        (lambda e: e["context"].update(timestamp="yesterday"), "schema: context.timestamp"),
        (lambda e: e["subject"].update(type="service"), "schema: subject.type"),
        (lambda e: e["subject"].update(source="a b"), "schema: subject.source"),
        (lambda e: e["subject"]["content"].pop("environment"), "content.environment"),
        (lambda e: e["subject"]["content"].update(severity=4), "content.severity"),
        (lambda e: e["subject"]["content"].update(service={"id": ""}), "content.service.id"),
        (lambda e: e.update(more=1), "schema: more"),
    ],
)
def test_the_stand_in_refuses_what_the_schema_does(spoil, said):
    headers, _ = sent(rendered())
    event = rendered()
    spoil(event)
    with pytest.raises(Fault, match=said):
        cdevent(headers, orjson.dumps(event))


@pytest.mark.parametrize("name", ["id", "source", "type", "subject"])
def test_the_stand_in_refuses_attributes_that_differ_from_the_context(name):
    headers, body = sent(rendered(), **{f"ce-{name}": "other"})
    with pytest.raises(Fault, match=f"not what the context says: {name}"):
        cdevent(headers, body)


def test_events_go_out_by_default_where_they_have_somewhere_to_go():
    assert with_cdevents(ActConfig(), {}.get) == ActConfig()
    bot = {"SLACK_BOT_TOKEN": "x", "SLACK_CHANNEL": "y"}
    known = {**NAMED, **bot}.get
    served = with_cdevents(with_bot(ActConfig(), known), known)
    assert [rule.channel for rule in served.channels] == [
        "pagerduty", "slack_bot", "slack", "webhook", "cdevents",
    ]  # fmt: skip
    channels, off = open_channels(with_cdevents(ActConfig(), NAMED.get), NAMED.get)
    assert list(channels) == ["cdevents"]
    assert len(off) == len(DEFAULT_RULES)


def test_routes_that_lead_somewhere_lead_to_the_events_and_the_others_do_not():
    routed = ActConfig(routes=[{"name": "a", "to": ["slack"]}, {"name": "b", "to": []}])
    routes = with_cdevents(routed, NAMED.get).routes
    assert [route.to for route in routes] == [("slack", "cdevents"), ()]


def test_by_default_only_what_began_came_back_and_ended_is_planned():
    config = with_cdevents(ActConfig(), NAMED.get)
    off = dict.fromkeys(("pagerduty", "slack", "webhook"), "not used")
    mild = incident(severity=1)
    taken = list(plan(mild, (), config, off, START).steps)
    for about in (
        incident(2, severity=5),
        incident(3, severity=5, status="acknowledged"),
        incident(4, severity=5, status="resolved", resolved_at=START),
        incident(5, generation=2, flapping=True),
    ):
        taken += plan(about, taken, config, off, START).steps
    assert [one.kind for one in taken] == ["opened", "resolved", "reopened"]
    over = incident(2, status="resolved", resolved_at=START)
    assert plan(over, (), config, off, START).steps == ()
