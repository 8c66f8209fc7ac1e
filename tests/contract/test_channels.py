"""What every channel promises, over real sockets, against a stand-in that checks as vendors do."""

import base64
import contextlib
import logging
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aiops import plugins
from aiops.action_log import Step, step_id
from aiops.clock import SystemClock
from aiops.errors import Misconfigured
from aiops.events import YEAR_10000, Suspect
from functions.act.channel import Request
from functions.act.channels.slack import literal
from functions.act.channels.webhook import sign
from functions.act.config import ALL_KINDS
from functions.act.wiring import CHANNELS
from local.receiver import Receiver
from tests.incidents import ID, START, evidence, incident, suspect
from tests.sending import local_sender

NAMES = plugins.available(CHANNELS)
ATTACK = "<!channel> *bold* `code` ~gone~ _it_ <http://evil|click> & @here\n> quoted"
AGAIN = {"webhook": {404}}
"""Codes a vendor means as "later" besides 408, 429 and 5xx."""


@pytest.fixture
def receiver():
    with Receiver() as running:
        yield running


@pytest.fixture(params=NAMES)
def name(request):
    return request.param


@pytest.fixture
def sender():
    return local_sender(read_seconds=2.0)


def opened(name, environment):
    plugin = plugins.load(CHANNELS, name, "Channel")
    values = {key: environment[key] for key in plugin.needs}
    return plugin(values | {key: environment.get(key, d) for key, d in plugin.takes.items()})


def step(name, kind="opened", **changes):
    values = {
        "id": step_id(ID, 1, name, kind, 0),
        "incident": ID,
        "generation": 1,
        "channel": name,
        "kind": kind,
        "level": 0,
        "reason": "severity rose from 3 to 4",
        "version": 1,
        "severity": 4,
        "survivor": None,
        "planned_at": START,
        "next_at": START,
    }
    return Step(**values | changes)


def request_for(name, receiver, one=None, about=None, sent_at=None):
    channel = opened(name, receiver.environment)
    one = one or step(name)
    payload = channel.render(one, about or incident())
    return channel.request(payload, one, sent_at or SystemClock().now() // 1000)


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_every_kind_of_message_is_accepted(name, receiver, sender, kind):
    answer = sender.send(request_for(name, receiver, step(name, kind, possible_repeat=True)))
    assert (answer.verdict, receiver.refusals) == ("done", ())
    assert [message.channel for message in receiver.messages] == [name]


def test_every_status_has_one_meaning(name, receiver, sender):
    for status in range(200, 600):
        receiver.answer(name, status)
        later = status >= 500 or status in {408, 429} | AGAIN.get(name, set())
        wanted = "done" if status < 300 else "retry" if later else "refused"
        answer = sender.send(request_for(name, receiver))
        assert answer.verdict == wanted, status
        assert str(status) in answer.reason
        assert not answer.may_have_arrived
    assert receiver.messages == ()


def test_a_receiver_that_asks_for_time_gets_it(name, receiver, sender):
    receiver.answer(name, 429, retry_after=30)
    assert sender.send(request_for(name, receiver)).retry_after_ms == 30_000
    receiver.answer(name, 503, retry_after=10**9)
    assert sender.send(request_for(name, receiver)).retry_after_ms == 3_600_000


def test_a_redirect_is_not_followed(name, receiver, sender):
    receiver.answer(name, 307)
    assert sender.send(request_for(name, receiver)).verdict == "refused"
    assert receiver.messages == receiver.refusals == ()


def test_an_answer_that_does_not_come_is_tried_again_as_one_that_may_have_arrived(name, receiver):
    receiver.delay(name, 1.0)
    answer = local_sender(read_seconds=0.2).send(request_for(name, receiver))
    assert (answer.verdict, answer.may_have_arrived) == ("retry", True)
    assert len(receiver.messages) == 1


def test_a_receiver_that_is_not_there_is_tried_again_and_nothing_arrived(name, receiver, sender):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        gone = f"http://127.0.0.1:{taken.getsockname()[1]}"
    environment = {k: v.replace(receiver.url, gone) for k, v in receiver.environment.items()}
    channel = opened(name, environment)
    request = channel.request(channel.render(step(name), incident()), step(name), 1)
    answer = sender.send(request)
    assert (answer.verdict, answer.may_have_arrived) == ("retry", False)


def test_a_receiver_that_hangs_up_is_tried_again(name, receiver):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        environment = {
            k: v.replace(receiver.url, f"http://127.0.0.1:{port}")
            for k, v in receiver.environment.items()
        }
        server.listen()
        channel = opened(name, environment)
        request = channel.request(channel.render(step(name), incident()), step(name), 1)
        answer = local_sender(read_seconds=0.2).send(request)
    assert (answer.verdict, answer.may_have_arrived) == ("retry", True)


def test_a_repeat_carries_the_same_key_and_the_same_words(name, receiver, sender):
    now = SystemClock().now() // 1000
    for sent_at in (now, now - 60):
        assert sender.send(request_for(name, receiver, sent_at=sent_at)).verdict == "done"
    first, second = receiver.messages
    assert first == second
    assert first.key


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_giant_names_are_cut_to_what_the_vendor_takes(name, receiver, sender, kind):
    giant = "<&>_*" * 200_000
    many = tuple(f"{number}{giant[:2_000]}" for number in range(2_000))
    about = incident(
        title=giant,
        domain=giant,
        services=many,
        blast_radius=many,
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
    answer = sender.send(request_for(name, receiver, one, about))
    assert (answer.verdict, receiver.refusals) == ("done", ())


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
    name, receiver, sender, title, service, reason, value, at, severity
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
    one = step(name, "severity_raised", reason=reason, severity=severity)
    assert sender.send(request_for(name, receiver, one, about)).verdict == "done"
    assert receiver.refusals == ()


def hostile():
    return incident(
        title=ATTACK,
        services=(ATTACK,),
        blast_radius=(ATTACK,),
        root_cause=(suspect(ATTACK, ATTACK, ATTACK),),
        evidence=(evidence(ATTACK, ATTACK, reason=ATTACK),),
        merged_into=ATTACK,
    )


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


def test_what_was_escaped_for_slack_reads_as_it_was_written(receiver, sender):
    sender.send(request_for("slack", receiver, step("slack"), incident(services=("a<b>&c",))))
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


def secrets_of(environment):
    slack = environment["SLACK_WEBHOOK_URL"]
    return (
        slack,
        slack.rsplit("/", 1)[1],
        environment["PAGERDUTY_ROUTING_KEY"],
        environment["WEBHOOK_SECRET"],
        environment["WEBHOOK_SECRET"].removeprefix("whsec_"),
    )


def test_no_secret_is_in_any_reason_or_log(name, receiver, caplog):
    caplog.set_level(logging.DEBUG)
    request = request_for(name, receiver)
    said = [repr(request), str(request)]
    for status in (200, 302, 400, 403, 429, 500):
        receiver.answer(name, status, body="{url} {headers} {body}")
        said.append(local_sender().send(request).reason)
    receiver.delay(name, 1.0)
    said.append(local_sender(read_seconds=0.05).send(request).reason)
    receiver.__exit__(None, None, None)
    said.append(local_sender().send(request).reason)
    for secret in secrets_of(receiver.environment):
        assert not any(secret in text for text in said)
        assert secret not in caplog.text


WRONG = ("", "ftp://host/", "http://hooks.example.com/x", "https://", "no address", "whsec_short")


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_setting_is_named_and_not_shown(name, receiver, wrong):
    environment = dict(receiver.environment)
    for setting in plugins.load(CHANNELS, name, "Channel").needs:
        if (name, wrong) == ("webhook", "http://hooks.example.com/x") and setting == "WEBHOOK_URL":
            continue
        with pytest.raises(Misconfigured, match=setting) as caught:
            opened(name, {**environment, setting: wrong})
        if len(wrong) > len("https://"):
            assert wrong not in str(caught.value)


def test_a_signature_is_the_one_the_reference_library_makes():
    secret = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    body = b'{"test": 2432232314}'
    signature = sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_webhook_signed_with_another_secret_or_long_ago_is_refused(receiver, sender):
    other = {**receiver.environment, "WEBHOOK_SECRET": "whsec_" + "A" * 32}
    channel = opened("webhook", other)
    one, now = step("webhook"), SystemClock().now() // 1000
    payload = channel.render(one, incident())
    assert sender.send(channel.request(payload, one, now)).reason.startswith("401")
    old = request_for("webhook", receiver, sent_at=now - 301)
    assert sender.send(old).reason.startswith("400: message timestamp")
    assert receiver.messages == ()


def test_a_webhook_says_what_it_left_out(receiver):
    channel = opened("webhook", receiver.environment)
    many = tuple(evidence(f"service-{n}", "cpu") for n in range(50))
    data = channel.render(step("webhook"), incident(evidence=many))["data"]
    assert data["evidence_left_out"] + len(data["incident"]["evidence"]) == 50
    assert data["evidence_left_out"] > 0
    small = channel.render(step("webhook"), incident())["data"]
    assert small["incident"] == orjson.loads(incident().model_dump_json())


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


def test_an_address_of_the_incident_is_linked_where_one_is_set(receiver, sender):
    environment = {**receiver.environment, "INCIDENT_URL": "https://console.example.com/i/"}
    slack = opened("slack", environment).render(step("slack"), incident())
    assert f"<https://console.example.com/i/{ID}|Open the incident>" in str(slack)
    alert = opened("pagerduty", environment).render(step("pagerduty"), incident())
    assert alert["links"][0]["href"] == f"https://console.example.com/i/{ID}"


def test_a_new_channel_is_one_file_that_this_kit_finds():
    assert set(NAMES) >= {"pagerduty", "slack", "webhook"}


def test_the_stand_in_knows_its_addresses_and_tokens(receiver, sender):
    environment = dict(receiver.environment)
    environment["SLACK_WEBHOOK_URL"] = environment["SLACK_WEBHOOK_URL"][:-1] + "!"
    channel = opened("slack", environment)
    payload = channel.render(step("slack"), incident())
    answer = sender.send(channel.request(payload, step("slack"), 1))
    assert answer.reason == "403: invalid_token"
    environment["SLACK_WEBHOOK_URL"] = f"{receiver.url}/elsewhere"
    channel = opened("slack", environment)
    answer = sender.send(channel.request(payload, step("slack"), 1))
    assert answer.reason == "404: no_service"


class Trickling:
    """A receiver that gives ``start`` at once, the rest byte by byte; a context manager."""

    def __init__(self, start: bytes, rest: bytes, seconds: float = 0.01) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self._start, self._rest, self._seconds = start, rest, seconds
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}/"

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stopping.set()
        self._server.close()
        self._thread.join(5)

    def _run(self):
        with contextlib.suppress(OSError):
            connection, _ = self._server.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(self._start)
                for byte in self._rest:
                    if self._stopping.wait(self._seconds):
                        return
                    connection.sendall(bytes((byte,)))


@pytest.mark.parametrize(
    ("start", "rest", "verdict", "may_have_arrived"),
    [
        (b"", b"H" * 1000, "retry", True),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 40, "retry", True),
        (b"HTTP/1.1 200 OK\r\n", b"A: b\r\n" * 160, "done", False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", b"x" * 1000, "done", False),
        (
            b"HTTP/1.1 400 Bad Request\r\nContent-Length: 1000\r\n\r\n",
            b"x" * 1000,
            "refused",
            False,
        ),
    ],
    ids=["no status", "never the last status", "headers", "body", "why it refuses"],
)
def test_a_receiver_that_trickles_its_answer_is_waited_for_so_long_and_no_longer(
    start, rest, verdict, may_have_arrived
):
    with Trickling(start, rest) as slow:
        began = time.monotonic()
        sender = local_sender(read_seconds=15.0)
        answer = sender.send(Request("webhook", slow.url, b"{}"), 0.5)
        took = time.monotonic() - began
    assert (answer.verdict, answer.may_have_arrived) == (verdict, may_have_arrived)
    assert took < 5.0


def test_a_receiver_that_takes_no_bytes_is_given_up_in_time():
    with socket.create_server(("127.0.0.1", 0)) as full:
        port = full.getsockname()[1]
        began = time.monotonic()
        answer = local_sender(read_seconds=5.0).send(
            Request("webhook", f"http://127.0.0.1:{port}/", b"x" * 50_000_000), 0.3
        )
        took = time.monotonic() - began
    assert (answer.verdict, answer.may_have_arrived) == ("retry", True)
    assert took < 4.0


def test_a_receiver_that_does_not_finish_the_handshake_got_nothing():
    with Trickling(b"", b"\x16" * 1000) as slow:
        url = slow.url.replace("http://", "https://")
        began = time.monotonic()
        answer = local_sender(read_seconds=5.0).send(Request("slack", url, b"{}"), 0.3)
        took = time.monotonic() - began
    assert (answer.verdict, answer.may_have_arrived) == ("retry", False)
    assert took < 4.0


def test_an_address_may_carry_credentials_a_query_and_odd_characters(receiver):
    seen = {}

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            seen.update(path=self.path, **{name: self.headers[name] for name in self.headers})
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        port = server.server_address[1]
        url = f"http://ann:s%40fe@127.0.0.1:{port}/a b/%20?token=ü&x=1"
        assert local_sender().send(Request("webhook", url, b"{}")).verdict == "done"
        thread.join()
    assert seen["path"] == "/a%20b/%20?token=%C3%BC&x=1"
    assert base64.b64decode(seen["Authorization"].removeprefix("Basic ")) == b"ann:s@fe"
    assert seen["Host"] == f"127.0.0.1:{port}"


@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
def test_a_request_is_made_as_it_says_and_reads_as_much_as_it_wants(method):
    seen = {}

    class Handler(BaseHTTPRequestHandler):
        def answer(self):
            length = int(self.headers.get("Content-Length") or 0)
            seen.update(method=self.command, body=self.rfile.read(length))
            seen["type"] = self.headers["Content-Type"]
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"x" * 1000)

        do_GET = do_POST = do_PUT = answer  # noqa: N815 - the server's names

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        url = f"http://127.0.0.1:{server.server_address[1]}/"
        request = Request("slack", url, b"a=b", method=method, content_type="text/x", reads=100)
        answer = local_sender().send(request)
        thread.join()
    assert (answer.verdict, answer.status, answer.body) == ("done", 200, b"x" * 100)
    wanted = ("GET", None, b"") if method == "GET" else (method, "text/x", b"a=b")
    assert (seen["method"], seen["type"], seen["body"]) == wanted
    assert "xxx" not in repr(answer)
