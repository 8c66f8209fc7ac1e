"""What every channel promises, over real sockets, against stand-ins that check as vendors do.

Channels are found by their names; one that is new is held to all of this as well.
"""

import contextlib
import json
import logging
import socket
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aiops import plugins
from aiops.action_log import ActionRecord
from aiops.clock import SystemClock
from aiops.errors import Misconfigured
from aiops.events import YEAR_10000, Suspect
from functions.act import steps
from functions.act.config import ALL_KINDS
from functions.act.wiring import CHANNELS
from local.receiver import Receiver
from tests.incidents import ID, START, evidence, incident, suspect
from tests.sending import local_sender
from tests.telling import ATTACK, CONSOLE, hostile, opened, step, tell
from tests.trickling import Trickling

NAMES = plugins.available(CHANNELS)
AGAIN = {"webhook": {404}, "cdevents": {404}, "slack_bot": {204}}
"""Codes a vendor means as "later" besides 408, 429 and 5xx, or never gives."""

UNSURE = {"slack_bot": {204, *range(500, 600)}}
"""Codes with which a message may have been taken all the same."""

WELL = {"slack_bot": '{"ok": true, "ts": "1.000100"}'}
"""What a vendor says in the body of a good answer, where that counts."""

UNTOLD = {"cdevents": frozenset(ALL_KINDS) - {"opened", "reopened", "resolved", "merged"}}
"""Kinds of messages a vendor has no word for: nothing is sent, and that is no failure."""

PLAIN = frozenset(("WEBHOOK_URL", "CDEVENTS_URL"))
"""Addresses that may be http."""

URL_FIELDS = frozenset(("href", "url", "src", "client_url", "image_url", "thumb_url"))


@pytest.fixture
def receiver():
    with Receiver() as running:
        yield running


@pytest.fixture(params=NAMES)
def name(request):
    return request.param


@pytest.fixture
def channel(name, receiver):
    return opened(name, receiver.every)


def elsewhere(name, receiver, url):
    """Return a channel whose receiver is somewhere else."""
    bare = url.removeprefix("http://").rstrip("/")
    here = receiver.url.removeprefix("http://")
    return opened(name, {k: v.replace(here, bare) for k, v in receiver.every.items()})


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_every_kind_of_message_is_accepted(name, channel, receiver, kind):
    answer = tell(channel, step(name, kind, possible_repeat=True))
    assert (answer.verdict, receiver.refusals) == ("done", ())
    expected = [] if kind in UNTOLD.get(name, ()) else [name]
    assert [message.channel for message in receiver.messages] == expected


def test_every_status_has_one_meaning(name, channel, receiver):
    for status in range(200, 600):
        receiver.answer(name, status, body=WELL.get(name, ""))
        later = status >= 500 or status in {408, 429} | AGAIN.get(name, set())
        wanted = "retry" if later else "done" if status < 300 else "refused"
        answer = tell(channel, step(name))
        assert answer.verdict == wanted, status
        assert str(status) in answer.reason
        assert answer.may_have_arrived == (status in UNSURE.get(name, ()))
    assert receiver.messages == ()


def test_a_receiver_that_asks_for_time_gets_it(name, channel, receiver):
    receiver.answer(name, 429, retry_after=30)
    assert tell(channel, step(name)).retry_after_ms == 30_000
    receiver.answer(name, 503, retry_after=10**9)
    assert tell(channel, step(name)).retry_after_ms == 3_600_000


def test_a_redirect_is_not_followed(name, channel, receiver):
    receiver.answer(name, 307)
    assert tell(channel, step(name)).verdict == "refused"
    assert receiver.messages == receiver.refusals == ()


def test_an_answer_that_does_not_come_is_tried_again_as_one_that_may_have_arrived(
    name, channel, receiver
):
    receiver.delay(name, 30.0)
    answer = tell(channel, step(name), seconds=2.0)
    assert (answer.verdict, answer.may_have_arrived) == ("retry", True)
    assert len(receiver.messages) == 1


def test_a_receiver_that_is_not_there_is_tried_again_and_nothing_arrived(name, receiver):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        gone = elsewhere(name, receiver, f"http://127.0.0.1:{taken.getsockname()[1]}")
        answer = tell(gone, step(name))
    assert (answer.verdict, answer.may_have_arrived) == ("retry", False)


def test_a_receiver_that_takes_no_connection_is_given_up_in_time(name, receiver):
    with (
        socket.create_server(("127.0.0.1", 0), backlog=0) as server,
        contextlib.ExitStack() as full,
    ):
        for _ in range(3):
            waiting = full.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(server.getsockname())
        began = time.monotonic()
        answer = tell(
            elsewhere(name, receiver, f"http://127.0.0.1:{server.getsockname()[1]}"), step(name)
        )
        assert time.monotonic() - began < 12
    assert (answer.verdict, answer.may_have_arrived) == ("retry", False)


def test_a_receiver_that_hangs_up_is_tried_again(name, receiver):
    with Trickling(b"", b"") as server:
        answer = tell(elsewhere(name, receiver, server.url), step(name))
    assert (answer.verdict, answer.may_have_arrived) == ("retry", True)


@pytest.mark.parametrize(
    ("start", "rest"),
    [
        (b"", b"H" * 10_000),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 400),
        (b"HTTP/1.1 200 OK\r\n", b"A: b\r\n" * 1_600),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n", b"x" * 10_000),
        (b"HTTP/1.1 500 No\r\nContent-Length: 10000\r\n\r\n", b"x" * 10_000),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n" + b"x" * 1_000_000, b""),
        (b"\x16\x03\x01 no HTTP at all\r\n\r\n", b""),
    ],
    ids=["no status", "never the last", "headers", "body", "failed body", "endless body", "junk"],
)
def test_a_receiver_that_trickles_or_talks_nonsense_is_waited_for_so_long_and_no_longer(
    name, receiver, start, rest
):
    with Trickling(start, rest) as slow:
        began = time.monotonic()
        answer = tell(elsewhere(name, receiver, slow.url), step(name), seconds=1.0)
        took = time.monotonic() - began
    told = start.startswith(b"HTTP/1.1 200")
    if not told or answer.verdict != "done":
        assert answer.verdict == "retry"
        assert answer.may_have_arrived or start.startswith(b"HTTP/1.1 500")
    assert took < 8.0


def test_a_delivery_without_time_sends_nothing(name, channel, receiver):
    answer = tell(channel, step(name), seconds=0.0)
    assert (answer.verdict, answer.may_have_arrived) == ("retry", False)
    assert receiver.messages == ()


def test_a_receiver_that_is_not_allowed_is_not_talked_to(name, receiver):
    environment = {**receiver.every, "ALLOWED_ADDRESSES": ""}
    answer = tell(opened(name, environment), step(name), sender=local_sender(allowed=""))
    assert (answer.verdict, answer.may_have_arrived) == ("retry", False)
    assert "ALLOWED_ADDRESSES" in answer.reason
    assert receiver.messages == receiver.refusals == ()


def test_a_repeat_carries_the_same_key_and_the_same_words(name, channel, receiver):
    now = SystemClock().now() // 1000
    for sent_at in (now, now - 60):
        assert tell(channel, step(name), sent_at=sent_at).verdict == "done"
    first, second = receiver.messages
    assert first == second
    assert first.key


def test_a_repeat_that_people_would_see_says_so(name, channel, receiver):
    for repeat in (False, True):
        assert tell(channel, step(name, possible_repeat=repeat)).verdict == "done"
    marked = [message.possible_repeat for message in receiver.messages]
    assert marked == ([False, True] if channel.repeat == "visible" else [False] * len(marked))


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_giant_names_are_cut_to_what_the_vendor_takes(name, channel, receiver, kind):
    giant = "<&>_*" * 200_000
    many = tuple(f"{number}{giant[:2_000]}" for number in range(2_000))
    about = incident(
        title=giant,
        domain=giant,
        services=many,
        blast_radius=many,
        severity_reasons=many,
        root_cause=tuple(
            Suspect(service=giant, metric=giant, score=1, reasons=many[:50]) for _ in "abc"
        ),
        evidence=tuple(
            evidence(giant, giant, labels={giant: giant}, reason=giant) for _ in range(50)
        ),
        merged_into=giant if kind == "merged" else None,
        resolved_at=START + 1,
    )
    one = step(name, kind, reason=giant, cause=giant, possible_repeat=True)
    answer = tell(channel, one, about)
    assert (answer.verdict, receiver.refusals) == ("done", ())
    assert all(len(body) < 100_000 for _, body in receiver.bodies)
    assert bool(receiver.bodies) == (kind not in UNTOLD.get(name, ()))


texts = st.text(max_size=400)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    title=texts,
    service=texts,
    reason=texts,
    value=st.floats(allow_nan=False, allow_infinity=False),
    at=st.integers(0, YEAR_10000 - 1),
    severity=st.integers(1, 5),
)
def test_whatever_an_incident_says_the_vendor_takes_it(
    name, channel, receiver, title, service, reason, value, at, severity
):
    about = incident(
        title=title,
        domain=service,
        services=(service,),
        severity=severity,
        opened_at=at,
        updated_at=at,
        resolved_at=at,
        root_cause=(suspect(service, title, reason, ""),),
        evidence=(evidence(service, title, value=value, lower=value, upper=value, time=at),),
    )
    kind = "opened" if "severity_raised" in UNTOLD.get(name, ()) else "severity_raised"
    one = step(name, kind, reason=reason, severity=severity)
    before = len(receiver.messages)
    assert tell(channel, one, about).verdict == "done"
    assert receiver.refusals == ()
    assert len(receiver.messages) == before + 1


def strings(value, field=""):
    """Yield every text in JSON with the name of the field it stands in, and what is beside it."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from strings(item, key)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item, field)
    elif isinstance(value, str):
        yield field, value


def marked_up(value):
    """Yield the texts that Slack reads as markup."""
    if isinstance(value, dict):
        if value.get("type") == "mrkdwn":
            yield value["text"]
        for item in value.values():
            yield from marked_up(item)
    elif isinstance(value, list):
        for item in value:
            yield from marked_up(item)


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_text_an_attacker_wrote_reaches_no_address_no_ping_and_no_markup(name, receiver, kind):
    links = ("INCIDENT_URL", "GRAPH_URL", "RUNBOOK_URL")
    channel = opened(name, {**receiver.every, **dict.fromkeys(links, CONSOLE)})
    assert tell(channel, step(name, kind, reason=ATTACK), hostile()).verdict == "done"
    assert receiver.refusals == ()
    for _, body in receiver.bodies:
        message = json.loads(body)
        for field, text in strings(message):
            if field in URL_FIELDS:
                assert text.startswith(CONSOLE)
                assert not set(text.removeprefix(CONSOLE)) & set("<>/{}$ @?#&\n")
        for text in marked_up(message):
            for ping in ("<!", "<@", "<#", "<http://evil", "<http://169"):
                assert ping not in text


def test_what_a_template_would_replace_arrives_as_it_was_written(name, channel, receiver):
    about = incident(title="{{ 7 * 7 }} ${HOME} $(id) %s {0}")
    assert tell(channel, step(name), about).verdict == "done"
    read = " ".join(line.replace("\u2217", "*") for line in receiver.messages[0].lines)
    assert "{{ 7 * 7 }} ${HOME} $(id) %s {0}" in read


def test_no_secret_is_in_any_reason_log_receipt_or_text_form(name, channel, receiver, caplog):
    caplog.set_level(logging.DEBUG)
    answers = [tell(channel, step(name))]
    for status in (200, 302, 400, 403, 429, 500):
        receiver.answer(name, status, body="{url} {headers} {body}")
        answers.append(tell(channel, step(name)))
    receiver.delay(name, 30.0)
    answers.append(tell(channel, step(name), seconds=0.5))
    receiver.__exit__(None, None, None)
    answers.append(tell(channel, step(name)))
    noted = ActionRecord(incident=ID)
    for answer in answers:
        noted = steps.noted(noted, name, answer.receipt)
    said = [repr(channel), noted.model_dump_json(), caplog.text]
    said += [text for answer in answers for text in (answer.reason, repr(answer), str(answer))]
    for secret in receiver.secrets:
        assert not any(secret in text for text in said)


def test_what_is_noted_is_short_enough_to_be_kept(name, channel, receiver):
    answer = tell(channel, step(name))
    kept = steps.noted(ActionRecord(incident=ID), name, answer.receipt).receipts.get(name, {})
    assert kept == dict(answer.receipt)


WRONG = ("", "ftp://host/", "http://hooks.example.com/x", "https://", "no address", "whsec_short")


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_setting_is_named_and_not_shown(name, receiver, wrong):
    environment = dict(receiver.every)
    for setting in plugins.load(CHANNELS, name, "Channel").needs:
        if wrong == "http://hooks.example.com/x" and setting in PLAIN:
            continue
        with pytest.raises(Misconfigured, match=setting) as caught:
            opened(name, {**environment, setting: wrong})
        if len(wrong) > len("https://"):
            assert wrong not in str(caught.value)


def test_a_new_channel_is_one_file_that_this_kit_finds():
    assert set(NAMES) >= {"pagerduty", "slack", "webhook"}
