"""What the channel to Slack's incoming webhooks promises besides what every channel does."""

import pytest

from functions.act.channels.slack import literal
from functions.act.config import ALL_KINDS
from local.receiver import Receiver
from tests.incidents import ID, incident
from tests.telling import ATTACK, hostile, opened, step, tell


@pytest.fixture
def receiver():
    with Receiver() as running:
        yield running


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_text_an_attacker_wrote_stays_text_in_slack(receiver, kind):
    channel = opened("slack", receiver.environment)
    one = step("slack", kind, reason=ATTACK)
    payload = channel.render(one, hostile())
    texts = [payload["text"]]
    for block in payload["blocks"]:
        texts += [element["text"] for element in block.get("elements", [])]
        if block["type"] == "section":
            texts.append(block["text"]["text"])
            assert block["text"]["verbatim"]
    for text in texts:
        assert "<" not in text
        assert ">" not in text
        for markup in ("*bold*", "`code`", "~gone~", "_it_"):
            assert markup not in text
        assert not any(line.startswith("&gt;") for line in text.splitlines())
    assert payload["blocks"][0]["text"]["type"] == "plain_text"


def test_what_was_escaped_for_slack_reads_as_it_was_written(receiver):
    tell(opened("slack", receiver.environment), step("slack"), incident(services=("a<b>&c",)))
    assert any("a<b>&c" in line for line in receiver.messages[0].lines)


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("node_cpu_seconds_total", "node_cpu_seconds_total"),
        ("_it_", "ˍitˍ"),
        ("a & b", "a &amp; b"),
        ("&amp;", "&amp;amp;"),
    ],
)
def test_slack_text_is_escaped_once_and_names_keep_their_underscores(written, shown):
    assert literal(written) == shown


def test_an_address_of_the_incident_is_linked_where_one_is_set(receiver):
    environment = {**receiver.environment, "INCIDENT_URL": "https://console.example.com/i/"}
    message = opened("slack", environment).render(step("slack"), incident())
    assert f"<https://console.example.com/i/{ID}|Open the incident>" in str(message)


def test_the_stand_in_knows_its_addresses_and_tokens(receiver):
    environment = dict(receiver.environment)
    environment["SLACK_WEBHOOK_URL"] = environment["SLACK_WEBHOOK_URL"][:-1] + "!"
    assert tell(opened("slack", environment), step("slack")).reason == "403: invalid_token"
    environment["SLACK_WEBHOOK_URL"] = f"{receiver.url}/elsewhere"
    assert tell(opened("slack", environment), step("slack")).reason == "404: no_service"
