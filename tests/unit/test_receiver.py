"""The stand-in refuses what the vendors refuse, in their words."""

import base64
import hmac
import json
import socket
from urllib.parse import urlsplit

import pytest

from local.rates import vendors
from local.receiver import Receiver
from local.receiving import Fault, notification, pagerduty, slack, webhook

JSON = {"content-type": "application/json"}
ROUTING_KEY = "0123456789abcdef0123456789abcdef"
KEY = b"k" * 32
NOW = 1_769_860_800


def section(text="x", kind="mrkdwn"):
    return {"type": "section", "text": {"type": kind, "text": text}}


def header(text="[New incident] x", **more):
    return {"type": "header", "text": {"type": "plain_text", "text": text}, **more}


def context(*texts):
    elements = [{"type": "mrkdwn", "text": text} for text in texts]
    return {"type": "context", "elements": elements}


def post(**message):
    return slack(JSON, json.dumps(message).encode())


def test_slack_shows_what_a_person_would_read():
    shown = post(
        text="t",
        blocks=[
            header("[New incident] a < b", block_id="step-1"),
            section("*Likely cause*\n1. `cart`: a &lt;b&gt; &amp; c <https://x/i|Open>"),
            context("Possible repeat: seen", "Incident 1"),
        ],
    )
    assert shown.lines == (
        "[New incident] a < b",
        "Likely cause",
        "1. cart: a <b> & c Open: https://x/i",
        "Possible repeat: seen",
        "Incident 1",
    )
    assert (shown.key, shown.step, shown.kind) == ("step-1", "step-1", "New incident")
    assert shown.possible_repeat


def test_slack_takes_a_plain_text():
    assert post(text="[hello] you").kind == "hello"


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ({}, "no_text"),
        ({"text": " "}, "no_text"),
        ({"text": 1}, "no_text"),
        ({"text": "x" * 40_001}, "msg_too_long"),
        ({"text": "t", "blocks": {}}, "invalid_blocks"),
        ({"text": "t", "blocks": [section()] * 51}, "invalid_blocks"),
        ({"text": "t", "blocks": ["section"]}, "invalid_blocks"),
        ({"text": "t", "blocks": [{"type": "rich"}]}, "invalid_blocks"),
        ({"text": "t", "blocks": [{"type": "section"}]}, "invalid_blocks"),
        ({"text": "t", "blocks": [section("x" * 3_001)]}, "invalid_blocks"),
        ({"text": "t", "blocks": [section("")]}, "invalid_blocks"),
        ({"text": "t", "blocks": [section(kind="html")]}, "invalid_blocks"),
        ({"text": "t", "blocks": [header("x" * 151)]}, "invalid_blocks"),
        ({"text": "t", "blocks": [{**header(), "text": section()["text"]}]}, "invalid_blocks"),
        ({"text": "t", "blocks": [context()]}, "invalid_blocks"),
        ({"text": "t", "blocks": [context(*"abcdefghijk")]}, "invalid_blocks"),
        ({"text": "t", "blocks": [header(block_id="x" * 256)]}, "invalid_blocks"),
        ({"text": "t", "blocks": [header(block_id="x"), header(block_id="x")]}, "invalid_blocks"),
    ],
)
def test_slack_refuses(message, error):
    with pytest.raises(Fault, match=error):
        post(**message)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b"[" * 100_000])
def test_slack_refuses_what_is_no_json_object(body):
    with pytest.raises(Fault, match="invalid_payload"):
        slack(JSON, body)
    with pytest.raises(Fault, match="invalid_payload"):
        slack({"content-type": "text/plain"}, b"{}")


def alert(**changes):
    event = {
        "routing_key": ROUTING_KEY,
        "event_action": "trigger",
        "dedup_key": "incident-1",
        "payload": {
            "summary": "cart is slow",
            "source": "cart",
            "severity": "error",
            "custom_details": {"step": "step-1", "cause": ["cart", "db"]},
        },
        "links": [{"href": "https://x/"}],
    }
    return {name: value for name, value in (event | changes).items() if value is not None}


def enqueue(**changes):
    return pagerduty(json.dumps(alert(**changes)).encode(), ROUTING_KEY)


def payload(**changes):
    return alert()["payload"] | changes


def test_pagerduty_takes_an_alert_and_its_end():
    taken = enqueue()
    assert (taken.key, taken.step, taken.kind) == ("incident-1", "step-1", "trigger")
    assert taken.lines == ("cart is slow", "step: step-1", "cause: cart, db")
    assert enqueue(event_action="resolve", payload=None).lines == ()


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"routing_key": "other"}, "routing_key"),
        ({"event_action": "close"}, "event_action"),
        ({"dedup_key": None}, "dedup_key"),
        ({"dedup_key": "x" * 256}, "dedup_key"),
        ({"payload": None}, "payload"),
        ({"payload": []}, "payload"),
        ({"payload": payload(summary="x" * 1_025)}, "summary"),
        ({"payload": payload(summary="")}, "summary"),
        ({"payload": payload(source="")}, "source"),
        ({"payload": payload(severity="major")}, "severity"),
        ({"payload": payload(custom_details=[])}, "custom_details"),
        ({"links": [{"text": "x"}]}, "links"),
        ({"links": [{"href": "javascript:alert(1)"}]}, "links"),
        ({"payload": payload(**{"class": 1})}, "class"),
        ({"payload": payload(custom_details={"x": "y" * 600_000})}, "413"),
    ],
)
def test_pagerduty_refuses(changes, error):
    with pytest.raises(Fault, match=error):
        enqueue(**changes)


def test_pagerduty_refuses_what_is_no_json():
    with pytest.raises(Fault, match="JSON is invalid"):
        pagerduty(b"{", ROUTING_KEY)


def signed(body, stamp=NOW, identifier="step-1", key=KEY):
    content = f"{identifier}.{stamp}.".encode() + body
    signature = base64.b64encode(hmac.digest(key, content, "sha256")).decode()
    return {
        "webhook-id": identifier,
        "webhook-timestamp": str(stamp),
        "webhook-signature": f"v1a,other v1,{signature}",
    }


BODY = json.dumps(
    {
        "type": "incident.opened",
        "timestamp": "2026-01-31T12:00:00Z",
        "data": {"reason": "first", "incident": {"title": "cart"}},
    }
).encode()


def test_a_webhook_is_taken_under_its_id():
    taken = webhook(signed(BODY), BODY, KEY, NOW + 300)
    assert (taken.key, taken.kind, taken.lines) == ("step-1", "incident.opened", ("cart", "first"))


@pytest.mark.parametrize(
    ("headers", "body", "error"),
    [
        ({}, BODY, "missing"),
        (signed(BODY, identifier="a.b"), BODY, "missing"),
        (signed(BODY, stamp="soon"), BODY, "missing"),
        (signed(BODY, stamp=NOW - 301), BODY, "too old"),
        (signed(BODY, stamp=NOW + 301), BODY, "too new"),
        (signed(BODY, key=b"other"), BODY, "no matching"),
        (signed(BODY), BODY + b" ", "no matching"),
        (signed(BODY) | {"webhook-signature": ""}, BODY, "no matching"),
        (signed(b"[]"), b"[]", "JSON object"),
        (signed(b"{}"), b"{}", "type and timestamp"),
        (signed(b'{"type":"x","timestamp":"y"}'), b'{"type":"x","timestamp":"y"}', "data.incident"),
    ],
)
def test_a_webhook_is_refused(headers, body, error):
    with pytest.raises(Fault, match=error):
        webhook(headers, body, KEY, NOW)


CLOUDEVENT = {
    "ce-specversion": "1.0",
    "ce-id": "step-1",
    "ce-source": "/x",
    "ce-type": "x.opened",
    "ce-time": "2026-01-31T12:00:00Z",
    "content-type": "application/json",
}
DATA = b'{"reason": "first", "incident": {"title": "cart"}}'


def test_a_webhook_may_be_a_cloudevent():
    taken = webhook(signed(DATA) | CLOUDEVENT, DATA, KEY, NOW)
    assert (taken.key, taken.kind, taken.lines) == ("step-1", "x.opened", ("cart", "first"))


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"ce-specversion": "0.3"}, "specversion"),
        ({"content-type": ""}, "datacontenttype"),
        ({"ce-source": ""}, "source"),
        ({"ce-type": ""}, "type"),
        ({"ce-time": "soon"}, "time"),
        ({"ce-subject": "a b"}, "encoded"),
        ({"ce-sub_ject": "a"}, "name"),
    ],
)
def test_a_cloudevent_is_refused(changes, error):
    with pytest.raises(Fault, match=error):
        webhook(signed(DATA) | CLOUDEVENT | changes, DATA, KEY, NOW)


def test_a_webhook_of_more_than_20_kilobytes_is_refused():
    body = json.dumps({**json.loads(BODY), "more": "x" * 20_000}).encode()
    with pytest.raises(Fault, match="413"):
        webhook(signed(body), body, KEY, NOW)


def test_a_notification_is_taken_under_the_id_of_its_step():
    body = {"title": "[Resolved] cart", "message": "it is over\nPossible repeat: x\nStep step-1"}
    taken = notification(JSON, json.dumps(body).encode())
    assert (taken.key, taken.kind, taken.possible_repeat) == ("step-1", "Resolved", True)


@pytest.mark.parametrize("body", [b"", b"[]", b'{"title": "x"}', b'{"title": "x", "message": ""}'])
def test_a_notification_is_refused(body):
    with pytest.raises(Fault):
        notification(JSON, body)


def test_rates_are_those_of_the_vendors_in_any_stretch_of_time():
    now = 0.0
    rates = vendors(lambda: now)
    assert rates["slack"].refusal() is None
    now = 0.75
    assert rates["slack"].refusal() == {"Retry-After": "1"}
    now = 1.0
    assert rates["slack"].refusal() is None
    for _ in range(120):
        assert rates["pagerduty"].refusal() is None
    assert rates["pagerduty"].refusal() == {}
    now = 60.9
    assert rates["pagerduty"].refusal() == {}
    now = 61.0
    assert rates["pagerduty"].refusal() is None


def test_a_message_whose_sender_died_in_the_middle_is_neither_taken_nor_refused():
    with Receiver() as receiver:
        address = urlsplit(receiver.url)
        with socket.create_connection((address.hostname, address.port), 5) as sender:
            sender.sendall(b"POST /webhook HTTP/1.1\r\nContent-Length: 100\r\n\r\n{")
            sender.shutdown(socket.SHUT_WR)
            assert sender.recv(100) == b""
        assert receiver.messages == receiver.refusals == ()
