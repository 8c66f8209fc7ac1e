"""What the channel through Apprise promises besides what every channel does: e-mail above all."""

import email
import email.policy
import os
import signal
import socket
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller

from aiops.errors import Misconfigured
from functions.act import notifier
from functions.act.channels import apprise
from functions.act.sender import NOT_ALLOWED
from local.receiver import Receiver
from local.servers.process import free_ports
from tests.function.test_act import Act
from tests.incidents import ID, START, incident
from tests.telling import CONSOLE, hostile, opened, step, tell

PEOPLE = "from=aiops@example.com&to=ops@example.com&mode=insecure"
HERE = {"ALLOWED_ADDRESSES": "127.0.0.0/8"}


class Mailbox:
    """Keeps what a mail server accepted; answers as it was told at first."""

    def __init__(self, *answers):
        self.answers, self.mails = list(answers), []

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - the server's name for it
        answer = self.answers.pop(0) if self.answers else "250 OK"
        if answer == "hang up":
            server.transport.abort()
        elif answer.startswith("250"):
            self.mails.append(
                email.message_from_bytes(envelope.content, policy=email.policy.default)
            )
        return answer


class OldMailbox(Mailbox):
    """Knows no EHLO."""

    async def handle_EHLO(self, server, session, envelope, hostname, responses):  # noqa: N802 - its name
        return ["502 not implemented"]


@contextmanager
def post_office(*answers, box=None):
    """Yield a mailbox behind a real SMTP server, and its address."""
    box = box or Mailbox(*answers)
    controller = Controller(box, hostname="127.0.0.1", port=free_ports(1)[0])
    controller.start()
    try:
        port = controller.port
        yield box, f"mailto://127.0.0.1:{port}?{PEOPLE}"
    finally:
        controller.stop()


def told(url, one=None, about=None, receipt=None, seconds=10.0, **more):
    channel = opened("apprise", {"APPRISE_URLS": url, **HERE, **more})
    return tell(channel, one or step("apprise"), about, receipt=receipt, seconds=seconds)


def text_of(mail):
    return mail.get_body(("plain", "html")).get_content()


def test_an_incident_arrives_as_a_mail_that_reads_well():
    with post_office() as (box, url):
        answer = told(url, INCIDENT_URL=CONSOLE)
    assert (answer.verdict, answer.reason) == ("done", "told")
    (mail,) = box.mails
    assert mail["subject"] == "[New incident] cart: container_cpu_usage, 2 more services"
    assert (mail["from"].addresses[0].addr_spec, mail["to"]) == (
        "aiops@example.com",
        "ops@example.com",
    )
    text = text_of(mail)
    assert "Severity 4, major" in text
    assert f"{CONSOLE}{ID}" in text
    assert step("apprise").id in text


@pytest.mark.parametrize(
    ("answer", "verdict", "may_have_arrived"),
    [
        ("451 greylisted", "retry", False),
        ("550 no such user", "refused", False),
        ("552 too much", "refused", False),
        ("hang up", "retry", True),
    ],
)
def test_what_a_mail_server_answers_decides(answer, verdict, may_have_arrived):
    with post_office(answer) as (box, url):
        first = told(url)
        assert (first.verdict, first.may_have_arrived) == (verdict, may_have_arrived)
        assert first.reason.startswith(answer[:3] if answer[0].isdigit() else "no answer")
        assert not box.mails
        again = told(url, step("apprise", possible_repeat=may_have_arrived), receipt=first.receipt)
    marked = ["Possible repeat" in text_of(mail) for mail in box.mails]
    assert marked == ([] if verdict == "refused" else [may_have_arrived])
    assert again.verdict == ("refused" if verdict == "refused" else "done")


def test_a_mail_server_that_says_nothing_is_given_up_in_time():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        answer = told(f"mailto://127.0.0.1:{silent.getsockname()[1]}?{PEOPLE}", seconds=2.0)
        took = time.monotonic() - began
    assert (answer.verdict, answer.may_have_arrived) == ("retry", True)
    assert took < 10


def test_of_several_addresses_only_those_are_tried_again_that_were_not_reached():
    with post_office() as (first, one), post_office("451 later") as (second, two):
        with post_office("550 never") as (third, three):
            urls = f"{one}, {two} {three}"
            answer = told(urls)
            assert (answer.verdict, answer.reason) == ("retry", "451")
            assert answer.receipt == {"step": step("apprise").id, "done": "1", "refused": "3"}
            again = told(urls, receipt=answer.receipt)
            assert (again.verdict, again.reason) == ("refused", "earlier, 1 of 3 addresses")
        counts = [len(box.mails) for box in (first, second, third)]
    assert counts == [1, 1, 0]


def test_a_receipt_of_another_step_reaches_nobody_less():
    with post_office() as (box, url):
        before = told(url)
        assert (
            told(url, step("apprise", "resolved", id="other"), receipt=before.receipt).verdict
            == "done"
        )
    assert len(box.mails) == 2


def test_text_an_attacker_wrote_is_neither_link_nor_ping_nor_markup_nor_header():
    about = hostile().model_copy(update={"title": "x\r\nBcc: evil@example.com\r\n\r\n<b>@here</b>"})
    with post_office() as (box, url):
        assert told(url, about=about).verdict == "done"
    (mail,) = box.mails
    assert mail["bcc"] is None
    text = text_of(mail)
    for wrong in ("<b>@here", "@here", "http://", "<!channel>", "<http", "`code`", "://"):
        assert wrong not in text
        assert wrong not in mail["subject"]
    assert "{{ secrets }} ${PATH}" in text
    assert "$(reboot)" in text


@pytest.mark.parametrize("host", ["127.0.0.1", "2130706433", "localhost", "0x7f.1"])
def test_mail_goes_to_allowed_addresses_only(host):
    with post_office() as (box, url):
        environment = {
            "APPRISE_URLS": url.replace("127.0.0.1", host),
            "ALLOWED_ADDRESSES": "10.0.0.0/8",
        }
        answer = tell(opened("apprise", environment), step("apprise"))
    assert (answer.verdict, answer.may_have_arrived) == ("retry", False)
    assert answer.reason in {NOT_ALLOWED, "connection failed"}
    assert not box.mails


def test_a_refusal_before_the_message_says_nothing_of_the_message():
    with post_office(box=OldMailbox("hang up")) as (box, url):
        answer = told(url)
        assert (answer.verdict, answer.may_have_arrived) == ("retry", True)
        assert told(url, receipt=answer.receipt).verdict == "done"
    assert len(box.mails) == 1


@pytest.mark.parametrize(("allowed", "verdict"), [("127.0.0.0/8", "done"), ("10.0.0.0/8", "retry")])
def test_what_looks_no_name_up_is_checked_as_well(allowed, verdict):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as log:
        log.bind(("127.0.0.1", 0))
        log.settimeout(5)
        url = f"rsyslog://127.0.0.1:{log.getsockname()[1]}/local0"
        answer = told(url, ALLOWED_ADDRESSES=allowed)
        assert answer.verdict == verdict
        if verdict == "done":
            assert b"New incident" in log.recv(65_536)
        else:
            assert answer.reason == NOT_ALLOWED
            log.setblocking(False)
            with pytest.raises(BlockingIOError):
                log.recv(65_536)


def test_a_redirect_is_not_followed_even_where_an_address_asks_for_it():
    with Receiver() as receiver:
        receiver.answer("apprise", 307)
        url = f"{receiver.environment['APPRISE_URLS']}?redirect=yes"
        assert told(url).verdict == "refused"
        assert receiver.messages == receiver.refusals == ()


@pytest.mark.parametrize("url", ["nosuchthing://x/y", "mailto://", "https://example.com/ok", "a b"])
def test_an_address_that_apprise_does_not_know_stops_the_start_and_is_not_shown(url):
    with pytest.raises(Misconfigured, match="APPRISE_URLS: address 1 is none") as caught:
        opened("apprise", {"APPRISE_URLS": url, **HERE})
    assert url not in str(caught.value)


def test_without_the_package_the_setting_is_named_with_what_is_missing(monkeypatch):
    monkeypatch.setattr(apprise, "find_spec", lambda _: None)
    with pytest.raises(Misconfigured, match="APPRISE_URLS: the package apprise is not installed"):
        opened("apprise", {"APPRISE_URLS": "mailto://a:b@example.com", **HERE})


def test_apprise_is_loaded_in_the_process_apart_and_not_here():
    with post_office() as (_, url):
        told(url)
    assert "apprise" not in sys.modules


def test_a_process_that_was_ended_is_started_again():
    with post_office() as (box, url):
        assert told(url).verdict == "done"
        process = notifier.shared()._process
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert told(url).verdict == "done"
    assert len(box.mails) == 2


def test_a_fork_takes_no_process_along():
    with post_office() as (box, url):
        told(url)
        process = notifier.shared()._process
        child = os.fork()
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)
        assert process.poll() is not None
        assert told(url).verdict == "done"
    assert len(box.mails) == 2


def test_the_process_knows_nothing_of_our_environment(monkeypatch):
    monkeypatch.setenv("PAGERDUTY_ROUTING_KEY", "secret-key")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example.com")
    notifier.shared().end()
    with post_office() as (_, url):
        told(url)
    environ = Path(f"/proc/{notifier.shared()._process.pid}/environ").read_bytes()
    assert {entry.split(b"=")[0] for entry in environ.split(b"\0") if entry} <= {
        b"PYTHONPATH",
        b"HOME",
        b"LANG",
    }


def test_a_mail_that_was_put_off_arrives_once_through_the_function():
    with post_office("451 later") as (first, one), post_office() as (second, two):
        environment = {"APPRISE_URLS": f"{one},{two}", **HERE}
        act = Act(environment, channels=[{"channel": "apprise"}])
        act.tell()
        assert act.states() == [("apprise", "opened", "planned")]
        assert act.log.read(ID).receipts["apprise"]["done"] == "2"
        act.tick()
        assert act.states() == [("apprise", "opened", "done")]
        act.tell(2, status="resolved", resolved_at=START + 600_000)
    for box in (first, second):
        subjects = [mail["subject"].split("]")[0] for mail in box.mails]
        assert subjects == ["[New incident", "[Resolved"]
        assert not any("Possible repeat" in text_of(mail) for mail in box.mails)


def test_whoever_gets_no_turn_in_time_has_sent_nothing():
    with post_office() as (box, url):
        channel = opened("apprise", {"APPRISE_URLS": url, **HERE})
        with notifier.shared()._lock:
            answer = tell(channel, step("apprise"), seconds=1.0)
    assert (answer.verdict, answer.may_have_arrived) == ("retry", False)
    assert not box.mails


def test_a_message_is_short_enough_for_the_strictest_receiver():
    about = incident(title="t" * 10_000, services=tuple("s" * 500 for _ in range(500)))
    channel = opened("apprise", {"APPRISE_URLS": "json://127.0.0.1/x", **HERE})
    message = channel.render(step("apprise", reason="r" * 9_000, possible_repeat=True), about)
    assert len(message["title"]) + len(message["body"]) <= 2_000
    assert message["body"].endswith(step("apprise").id)
    assert "Possible repeat" in message["body"]


@pytest.mark.parametrize(
    ("kind", "severity", "word"),
    [
        ("opened", 5, "failure"),
        ("opened", 3, "warning"),
        ("opened", 2, "info"),
        ("resolved", 5, "success"),
    ],
)
def test_the_kind_of_a_notification_follows_the_severity(kind, severity, word):
    channel = opened("apprise", {"APPRISE_URLS": "json://127.0.0.1/x", **HERE})
    assert channel.render(step("apprise", kind, severity=severity), incident())["kind"] == word


def test_more_addresses_than_are_kept_account_of_are_refused_before_any_is_told() -> None:
    urls = " ".join(f"json://127.0.0.1:{port}" for port in range(2_000, 2_101))
    with pytest.raises(Misconfigured, match=r"^APPRISE_URLS: at most 100 addresses$"):
        apprise.Channel({"APPRISE_URLS": urls, **apprise.Channel.takes, **HERE})
