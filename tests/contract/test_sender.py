"""What the sender promises of a single request, over real sockets."""

import base64
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from functions.act.channel import Request
from local.receiver import Receiver
from tests.sending import local_sender
from tests.trickling import Trickling


@pytest.fixture
def receiver():
    with Receiver() as running:
        yield running


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
