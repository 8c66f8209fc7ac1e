"""How Prometheus and Loki are told who asks, and what they say."""

import base64
import json
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from aiops.adapters.access import Access
from aiops.adapters.prometheus import Prometheus, loki
from aiops.errors import Misconfigured, Unavailable
from tests.trickling import Trickling

GOOD = {"status": "success", "data": {"resultType": "vector", "result": []}}


class Server(ThreadingHTTPServer):
    """Answers with what it is told to, and keeps what it was sent."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen: list[tuple[str, dict[str, str]]] = []
        self.content: Any = GOOD
        self.code = 200
        self.scheme = "http"

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def do_GET(self) -> None:
        self.server.seen.append((f"{self.command} {self.path}", dict(self.headers)))
        body = json.dumps(self.server.content).encode()
        self.send_response(self.server.code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    served = Server()
    thread = Thread(target=served.serve_forever, args=(0.05,))
    thread.start()
    yield served
    served.shutdown()
    thread.join()
    served.server_close()


def asked(server: Server, access: Access) -> dict[str, str]:
    Prometheus(server.url, 5.0, access).query("up", 0)
    return server.seen[-1][1]


def test_a_token_is_read_again_with_every_question(server: Server, tmp_path: Path) -> None:
    prometheus = Prometheus(server.url, 5.0, Access("Prometheus", tmp_path))
    for token in ("first", "second"):
        (tmp_path / "token").write_text(f"{token}\n")
        prometheus.query("up", 0)
        assert server.seen[-1][1]["Authorization"] == f"Bearer {token}"
    (tmp_path / "token").unlink()
    prometheus.query("up", 0)
    assert "Authorization" not in server.seen[-1][1]


def test_username_password_and_tenant_are_sent(server: Server, tmp_path: Path) -> None:
    for name, text in (("username", "jo"), ("password", "pä:ss"), ("tenant", "shop")):
        (tmp_path / name).write_text(text)
    headers = asked(server, Access("Prometheus", tmp_path))
    basic = base64.b64encode("jo:pä:ss".encode()).decode()
    assert headers["Authorization"] == f"Basic {basic}"
    assert headers["X-Scope-OrgID"] == "shop"


def test_nothing_of_the_home_directory_is_sent(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login jo password secret\n")
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    assert "Authorization" not in asked(server, Access("Prometheus"))


@pytest.mark.parametrize("content", [b"", b"two\nlines", b"\xff\xfe", b"nul\0"])
def test_a_token_that_cannot_be_sent_is_told_of_without_a_word_of_it(
    server: Server, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "token").write_bytes(content)
    with pytest.raises(Unavailable, match=r"^Prometheus: token (is empty|cannot be read)") as told:
        asked(server, Access("Prometheus", tmp_path))
    assert "two" not in str(told.value)
    assert server.seen == []


def test_whoever_is_refused_is_told_so_and_nothing_else(server: Server, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("very-secret")
    server.code = 401
    with pytest.raises(Unavailable, match=r"^Prometheus: status 401, refused$"):
        asked(server, Access("Prometheus", tmp_path))


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (["username"], "username without password"),
        (["username", "password", "token"], "both a token and a username"),
        (["tls.key"], "tls.key without tls.crt"),
    ],
)
def test_files_that_contradict_each_other_stop_the_start(
    tmp_path: Path, files: list[str], words: str
) -> None:
    for name in files:
        (tmp_path / name).write_text("secret")
    with pytest.raises(Misconfigured, match=f"^PROMETHEUS_ACCESS: {words}$"):
        Access.of("Prometheus", {"PROMETHEUS_ACCESS": str(tmp_path)}.get)
    assert Access.of("Loki", {"PROMETHEUS_ACCESS": str(tmp_path)}.get) == Access("Loki")


def certificates(folder: Path) -> None:
    """Make one for a server, signed by itself, and one for a client likewise."""
    for name in ("server", "client"):
        subprocess.run(
            [
                shutil.which("openssl") or "", "req",
                "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1",
                "-keyout", folder / f"{name}.key", "-out", folder / f"{name}.crt",
            ],
            check=True,
            capture_output=True,
            timeout=60,
        )  # fmt: skip


def test_tls_believes_the_given_authority_alone_and_shows_our_certificate(
    server: Server, tmp_path: Path
) -> None:
    certificates(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.crt", tmp_path / "server.key")
    context.load_verify_locations(tmp_path / "client.crt")
    context.verify_mode = ssl.CERT_REQUIRED
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.scheme = "https"
    ours = tmp_path / "ours"
    ours.mkdir()
    for source, name in (("server.crt", "ca.crt"), ("client.crt", "tls.crt")):
        (ours / name).write_bytes((tmp_path / source).read_bytes())
    (ours / "tls.key").write_bytes((tmp_path / "client.key").read_bytes())
    asked(server, Access("Prometheus", ours))
    (ours / "ca.crt").unlink()
    with pytest.raises(Unavailable, match=r"^Prometheus: SSLError$"):
        asked(server, Access("Prometheus", ours))


def test_what_a_server_says_of_its_answer_comes_along(server: Server) -> None:
    result = [
        {"metric": {"a": "b"}, "value": [1.5, "2"]},
        {"metric": {"a": "c"}, "histogram": [1.5, {"count": "1"}]},
    ]
    data = {"resultType": "vector", "result": result}
    server.content = GOOD | {"data": data, "warnings": ["partial"], "infos": ["a hint"]}
    answer = Prometheus(server.url, 5.0).query("up", 0)
    assert [(s.labels, s.time, s.value) for s in answer.samples] == [({"a": "b"}, 1500, 2.0)]
    assert answer.warnings == ("partial",)
    assert answer.infos == ("a hint", "1 native histograms are no samples")


def test_an_answer_that_trickles_in_counts_as_none() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n"
    with (
        Trickling(head, b" " * 10_000, 0.05) as receiver,
        pytest.raises(Unavailable, match=r"^Prometheus: ReadTimeout$"),
    ):
        Prometheus(receiver.url, 0.5).query("up", 0)


def test_an_answer_that_is_cut_off_counts_as_none() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n"
    with (
        Trickling(head, b"{", 0.0) as receiver,
        pytest.raises(Unavailable, match=r"^Prometheus: "),
    ):
        Prometheus(receiver.url, 5.0).query("up", 0)


def test_loki_is_asked_by_its_own_address(server: Server) -> None:
    loki(server.url, 5.0).query('sum(count_over_time({a="b"}[1m]))', 60_000)
    place, headers = server.seen[-1]
    assert place.startswith("GET /loki/api/v1/query?query=sum%28count_over_time")
    assert place.endswith("&time=60.000")
    assert "Authorization" not in headers
