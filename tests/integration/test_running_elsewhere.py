"""Delivery to functions that somebody else runs, such as those of knative/local/compose.yaml."""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from kafka import KafkaProducer

from aiops.errors import Misconfigured, Unavailable
from local import running
from local.commands import up
from local.func_file import load_functions
from local.functions import ROOT
from local.servers.kafka import embedded_kafka
from local.servers.redis import embedded_redis
from local.up import Options, Pipeline
from tests.waiting import until

FUNCTIONS = ROOT / "functions"
NAMES = [func.name for func in load_functions(FUNCTIONS).values()]


@contextmanager
def stand_in(ready: int = 200) -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    """Serve all functions under one address; what is posted there is kept by type."""
    posted: list[tuple[str, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(ready if self.path == "/health/readiness" else 404)
            self.end_headers()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            posted.append((self.headers["ce-type"], body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", posted
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_what_runs_elsewhere_is_delivered_to_and_not_started(
    tmp_path: Path, note_server: Callable[[str], None]
) -> None:
    with stand_in() as (url, posted):
        options = Options(
            redis=embedded_redis(),
            kafka=embedded_kafka(),
            folder=tmp_path,
            running={name: [url] for name in NAMES},
        )
        with Pipeline(options) as pipeline:
            note_server(pipeline.kafka.description)
            assert pipeline.processes == {}
            assert pipeline.urls == {name: [url] for name in NAMES}
            with closing(KafkaProducer(bootstrap_servers=pipeline.kafka.bootstrap)) as producer:
                producer.send("metrics", b"cpu 0.5", key=b"checkout")
                producer.flush(timeout=10)
                until(lambda: ("dev.knative.kafka.event", b"cpu 0.5") in posted)


def test_who_does_not_answer_is_named_and_waited_for_no_longer_than_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(running, "READY_SECONDS", 0.5)
    with stand_in(ready=503) as (url, _), pytest.raises(Unavailable, match="aiops-detect: not re"):
        running.wait_answering(FUNCTIONS, {"aiops-detect": [url]})


def test_a_name_that_is_no_function_is_refused() -> None:
    with pytest.raises(Misconfigured, match="aiops-detekt"):
        running.wait_answering(FUNCTIONS, {"aiops-detekt": ["http://127.0.0.1:1"]})


def test_several_addresses_of_a_function_take_turns() -> None:
    given = [up._address(f"detect=http://127.0.0.1:{port}") for port in (8081, 8091)]
    assert up._grouped(given) == {
        "aiops-detect": ["http://127.0.0.1:8081", "http://127.0.0.1:8091"]
    }
