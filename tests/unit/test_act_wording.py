"""What people read."""

import pytest

from aiops.events import Alert
from functions.act import wording
from functions.act.answer import answer_of
from functions.act.config import ActConfig
from functions.act.slack.blocks import section
from tests.incidents import START, evidence, incident


@pytest.mark.parametrize(
    ("ms", "said"),
    [
        (0, "0 s"),
        (-5, "0 s"),
        (59_999, "59 s"),
        (60_000, "1 min"),
        (190_000, "3 min 10 s"),
        (3_600_000, "1 h"),
        (7_500_000, "2 h 5 min"),
        (90_000_000, "1 d 1 h"),
    ],
)
def test_a_duration_is_said_in_its_two_largest_units(ms, said):
    assert wording.span(ms) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.973_21, "0.9732"), (12.0, "12"), (1_234_567.8, "1,234,568"), (-0.000_01, "-1e-05")],
)
def test_a_number_is_said_in_few_digits(value, said):
    assert wording.number(value) == said


def test_a_long_text_is_cut_and_says_so():
    assert wording.cut("a b\n\tc", 10) == "a b c"
    assert wording.cut("x" * 11, 10) == "x" * 9 + "…"
    assert len(wording.cut("x\u202e" * 10_000, 80)) <= 80
    assert "\u202e" not in wording.cut("x\u202ey", 80)


def test_names_are_listed_up_to_a_limit():
    assert wording.names(("a", "b"), 2) == "a, b"
    assert wording.names(("a", "b", "c"), 2) == "a, b and 1 more"


def test_the_time_an_incident_took_is_said_once_it_is_over():
    assert wording.times(incident()) == "since 2026-01-31 12:00:00 UTC"
    over = incident(resolved_at=START + 190_000)
    assert wording.times(over).endswith("to 2026-01-31 12:03:10 UTC, 3 min 10 s")


def test_a_time_beyond_all_calendars_is_still_written():
    assert wording.moment((1 << 53) - 1).startswith("9999-12-31")
    assert wording.timestamp((1 << 53) - 1).startswith("9999-12-31")


def test_one_is_not_many():
    one = incident(anomalies=1, services=("cart",))
    assert wording.size(one) == "1 anomaly in 1 service"
    assert "at 12:00:00" in wording.measured(evidence("cart", "cpu"))
    assert "3 times since 12:00:00" in wording.measured(evidence("cart", "cpu", 3))


def test_a_slack_section_ends_with_a_whole_line():
    shown = section(["x" * 2_000, "y" * 2_000, "z"])
    assert shown["text"]["text"] == "x" * 2_000


def test_a_refusal_quotes_the_receiver_on_one_line_and_no_secret():
    body = b"no\n\x00good: key-12345 " + b"x" * 500
    answer = answer_of(400, body, secrets=("key-12345", "/"))
    assert answer.reason.startswith("400: no good: [secret] xxx")
    assert len(answer.reason) < 200


@pytest.mark.parametrize("text", ["", "soon", "-1", "1.5", "²", "9" * 30])
def test_an_unreadable_wish_for_time_is_no_wish(text):
    assert answer_of(429, retry_after=text).retry_after_ms in {0, 3_600_000}


def test_a_channel_stands_in_the_policy_once():
    with pytest.raises(ValueError, match="there is a channel 'slack' already"):
        ActConfig.model_validate({"channels": [{"channel": "slack"}, {"channel": "slack"}]})


def test_an_external_alert_is_told_in_its_own_words():
    fires = evidence("cart", "HighErrorRate", reason="5 % of requests fail", alert=Alert())
    assert wording.measured(fires) == "5 % of requests fail (alert since 12:00:00)"


@pytest.mark.parametrize(("name", "said"), [("slack:U1", "slack:U1"), ("", "someone")])
def test_who_did_something_is_named_where_that_is_known(name, said):
    assert wording.who(name) == said
