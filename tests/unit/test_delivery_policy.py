import base64

import pytest

from local.delivery.cloudevent import CloudEvent
from local.delivery.policy import (
    Answer,
    Verdict,
    backoff,
    dead_letter,
    judge,
    passes,
    reply_of,
)
from local.objects import ABSENT_DELIVERY, DeliverySpec

EVENT = CloudEvent({"type": "test.asked", "id": "1", "stage": "act"}, b"data")
REPLY = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/s", "ce-type": "t"}


@pytest.mark.parametrize(
    ("statuses", "verdict"),
    [
        ((200, 201, 202, 204, 299), Verdict.DONE),
        ((404, 408, 409, 429, 500, 502, 503, 504, 599, None), Verdict.AGAIN),
        ((100, 300, 301, 302, 304, 307, 400, 401, 403, 405, 410, 413, 415, 422), Verdict.FAILED),
    ],
)
def test_statuses_are_judged_as_the_kafka_data_plane_does(
    statuses: tuple[int | None, ...], verdict: Verdict
) -> None:
    assert {judge(Answer(status)) for status in statuses} == {verdict}


@pytest.mark.parametrize(
    ("policy", "delays"), [("linear", [0.5, 1.0, 1.5, 2.0]), ("exponential", [1.0, 2.0, 4.0, 8.0])]
)
def test_backoff_grows_as_the_policy_says(policy: str, delays: list[float]) -> None:
    spec = DeliverySpec.model_validate({"backoffPolicy": policy, "backoffDelay": "PT0.5S"})
    assert [backoff(spec, retry) for retry in (1, 2, 3, 4)] == delays


def test_delivery_that_is_absent_retries_ten_times_and_one_that_says_nothing_never() -> None:
    assert ABSENT_DELIVERY.retry == 10
    assert backoff(ABSENT_DELIVERY, 1) == pytest.approx(0.6)
    stated = DeliverySpec.model_validate({"timeout": "PT1M"})
    assert (stated.retry, stated.backoff_delay, stated.timeout) == (0, 0.2, 60.0)


@pytest.mark.parametrize(
    ("attributes", "passed"),
    [
        ({"type": "test.asked"}, True),
        ({"type": "test.asked", "stage": "act"}, True),
        ({"type": "test.asked", "stage": "correlate"}, False),
        ({"type": "test"}, False),
        ({"type": "test.asked", "missing": "x"}, False),
        ({"stage": ""}, True),
        ({"missing": ""}, False),
    ],
)
def test_a_filter_asks_for_every_attribute_with_exactly_its_value(
    attributes: dict[str, str], passed: bool
) -> None:
    assert passes(attributes, EVENT) is passed


def test_a_trigger_accepts_an_empty_answer_and_an_event_and_nothing_else() -> None:
    assert reply_of(Answer(200)) == (True, None)
    accepted, event = reply_of(Answer(200, REPLY, b"{}"))
    assert accepted
    assert event is not None
    assert event.data == b"{}"
    assert reply_of(Answer(200, {"content-type": "text/html"}, b"OK")) == (False, None)


def test_a_dead_letter_says_where_how_and_with_what_words_it_failed() -> None:
    answer = Answer(422, {"kne-reason": "unknown field", "server": "x"}, b"\xff" * 3000)
    letter = dead_letter(EVENT, "http://aiops-detect", answer)
    assert letter.data == EVENT.data
    assert letter.attributes == {
        **EVENT.attributes,
        "knativeerrordest": "http://aiops-detect",
        "knativeerrorcode": "422",
        "knativeerrordata": base64.b64encode(b"\xff" * 1024).decode(),
        "reason": "unknown field",
    }


def test_a_dead_letter_without_an_answer_says_only_where() -> None:
    letter = dead_letter(EVENT, "http://aiops-detect", Answer(None, problem="refused"))
    assert letter.attributes == {**EVENT.attributes, "knativeerrordest": "http://aiops-detect"}
