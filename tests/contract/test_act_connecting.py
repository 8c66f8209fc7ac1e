"""Requests go where they may, over real sockets, whatever a name is said to mean."""

import shutil
import socket
import ssl
import subprocess
import threading
import time
from contextlib import contextmanager

import pytest

from functions.act.allowed import Allowed
from functions.act.channel import Request
from functions.act.connecting import Connector, look_up
from functions.act.sender import NOT_ALLOWED, HttpSender
from local.receiver import Receiver
from tests.sending import HERE

LOOPBACK = (
    "127.0.0.1", "127.1", "2130706433", "0x7f000001", "0x7f.0.0.1", "017700000001", "0177.0.0.01",
    "0", "localhost", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::]",
    "127.0.0.1.", "\uff11\uff12\uff17.0.0.1",
)  # fmt: skip


def send(url, allowed=None, lookup=look_up):
    return HttpSender(Connector(allowed or Allowed(), lookup), 2.0).send(
        Request("webhook", url, b"{}"), 2.0
    )


def means(*addresses):
    """Return a resolver by which every name means these addresses."""

    def lookup(host, port):
        return [found for one in addresses for found in look_up(one, port)]

    return lookup


def answer(connection):
    """Take the whole of a request, so that nothing is lost when the connection is closed."""
    received = b""
    while not received.endswith(b"{}"):
        part = connection.recv(65_536)
        if not part:
            return
        received += part
    connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")


@contextmanager
def listening(host="127.0.0.1", port=0):
    """Yield a port and the connections made to it."""
    made = []
    with socket.create_server((host, port)) as server:

        def take():
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                made.append(connection)
                answer(connection)
                connection.close()

        thread = threading.Thread(target=take, daemon=True)
        thread.start()
        yield server.getsockname()[1], made
        server.shutdown(socket.SHUT_RDWR)
    thread.join(5)


@pytest.mark.parametrize("host", LOOPBACK)
def test_this_machine_is_not_reached_however_it_is_written(host):
    with listening() as (port, made):
        answer = send(f"http://{host}:{port}/")
        assert (answer.verdict, answer.may_have_arrived) == ("retry", False)
        assert answer.reason in {NOT_ALLOWED, "connection failed"}
        assert not made


@pytest.mark.parametrize(
    "host", ["169.254.169.254", "2852039166", "0xa9fea9fe", "[fd00:ec2::254]", "[fe80::1]"]
)
def test_the_metadata_service_is_not_reached(host):
    assert send(f"http://{host}/latest/meta-data/").reason == NOT_ALLOWED


def test_an_address_that_is_allowed_is_reached():
    with listening() as (port, made):
        assert send(f"http://127.0.0.1:{port}/", HERE).verdict == "done"
        assert send(f"http://anything:{port}/", HERE, means("127.0.0.1")).verdict == "done"
        assert len(made) == 2


@pytest.mark.parametrize(
    "addresses",
    [("127.0.0.1", "10.0.0.1"), ("10.0.0.1", "127.0.0.1"), ("127.0.0.1", "::1"), ()],
)
def test_one_address_that_is_not_allowed_makes_the_name_suspect(addresses):
    with listening() as (port, made):
        answer = send(f"http://several:{port}/", HERE, means(*addresses))
        assert answer.reason == NOT_ALLOWED
        assert not made


def test_a_name_that_means_something_else_a_moment_later_changes_nothing():
    asked = []

    def rebinding(host, port):
        asked.append(host)
        return look_up("127.0.0.1" if len(asked) == 1 else "127.0.0.2", port)

    with listening() as (port, made), listening("127.0.0.2", port) as (_, elsewhere):
        answer = send(f"http://rebinding.example.com:{port}/", HERE, rebinding)
        assert answer.verdict == "done"
        assert (len(asked), len(made), len(elsewhere)) == (1, 1, 0)


def test_a_name_that_turns_private_is_refused_at_the_next_call():
    answers = iter((("127.0.0.1",), ("169.254.169.254",)))
    with listening() as (port, made):

        def lookup(host, port):
            return means(*next(answers))(host, port)

        verdicts = [send(f"http://rebinding:{port}/", HERE, lookup).verdict for _ in "ab"]
        assert (verdicts, len(made)) == (["done", "retry"], 1)


def test_the_first_of_several_addresses_that_answers_is_taken():
    with listening("127.0.0.2") as (port, made):
        several = means("127.0.0.3", "127.0.0.2")
        assert send(f"http://several:{port}/", HERE, several).verdict == "done"
        assert len(made) == 1


def test_a_resolver_that_hangs_is_not_waited_for():
    released = threading.Event()

    def hangs(host, port):
        released.wait(60)
        return look_up("127.0.0.1", port)

    began = time.monotonic()
    answer = HttpSender(Connector(HERE, hangs)).send(Request("webhook", "http://x/", b""), 0.2)
    took = time.monotonic() - began
    released.set()
    assert (answer.reason, answer.may_have_arrived) == ("no connection in time", False)
    assert took < 10


@pytest.mark.parametrize("host", ["no-such-name.invalid", "a..b", "x" * 300])
def test_a_name_that_means_nothing_is_tried_again(host):
    answer = send(f"http://{host}/", HERE)
    assert (answer.verdict, answer.may_have_arrived) == ("retry", False)


def test_a_redirect_to_this_machine_is_not_followed():
    with Receiver() as receiver:
        receiver.answer("webhook", 307)
        assert send(f"{receiver.url}/webhook", HERE).verdict == "refused"
        assert receiver.messages == receiver.refusals == ()


@contextmanager
def listening_with_tls(folder, name):
    """Yield a port where a server proves to have a name, and whom to trust for that."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=x", "-addext", f"subjectAltName=DNS:{name}"),
            *("-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def take():
            while True:
                try:
                    plain, _ = server.accept()
                except OSError:
                    return
                try:
                    with context.wrap_socket(plain, server_side=True) as connection:
                        answer(connection)
                except OSError:
                    plain.close()

        thread = threading.Thread(target=take, daemon=True)
        thread.start()
        yield server.getsockname()[1], ssl.create_default_context(cafile=str(certificate))
        server.shutdown(socket.SHUT_RDWR)
    thread.join(5)


@pytest.mark.skipif(not shutil.which("openssl"), reason="needs openssl")
def test_the_name_is_verified_although_the_connection_goes_to_a_checked_address(tmp_path):
    with listening_with_tls(tmp_path, "hooks.example.com") as (port, trusted):
        sender = HttpSender(Connector(HERE, means("127.0.0.1")), 2.0)
        sender.__dict__["_tls"] = trusted
        answers = [
            sender.send(Request("webhook", f"https://{host}:{port}/", b"{}"), 5.0)
            for host in ("hooks.example.com", "other.example.com", "127.0.0.1")
        ]
    assert [answer.verdict for answer in answers] == ["done", "retry", "retry"]
    for answer in answers[1:]:
        assert answer.reason == "TLS: the receiver could not be verified"
        assert not answer.may_have_arrived
