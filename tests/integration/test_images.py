"""The Dockerfile's steps without a container: what they leave serves events, by itself."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import redis
import urllib3
from kafka import KafkaProducer

from aiops.adapters.cloudevent import encode, iso
from aiops.adapters.keys import Keys
from aiops.adapters.redis_history import RedisHistory
from aiops.adapters.redis_models import RedisModels
from aiops.batching import Reading, batches
from aiops.clock import SystemClock
from aiops.events import AnomaliesDetected, ChangeObserved, Fact, SeriesHead, TrainingRequested
from aiops.history import History
from aiops.ports import Event, Message
from aiops.series import SeriesMap
from functions.collect.handler import TICK
from local.functions import ROOT, FunctionProcess
from local.images.base import bare_python
from local.images.build import Build, Image
from local.images.launching import ImageLaunch
from local.receiver import Receiver
from local.servers.process import free_ports, listens
from tests.incidents import incident
from tests.property.correlate_world import anomaly
from tests.requesting import STANDARD, cloudevents
from tests.running import Running, running
from tests.waiting import until

DAY_MS = 24 * 3_600_000
pytestmark = pytest.mark.slow
NAMES = ("act", "collect", "correlate", "detect", "gateway", "train")
IMAGES = (*NAMES, "exporter")
CONFIG = """
gateway: {senders: [cloudevents]}
detect: {default: {detector: static, params: {upper: 100}}}
correlate: {group_wait: 0}
"""
BUDGET_MEBIBYTES = {
    "detect": 130, "correlate": 50, "collect": 50, "gateway": 50, "act": 220, "exporter": 50,
}  # fmt: skip
"""Without the base image, which weighs 120 MB itself; train holds what nobody else may."""

OPTIONAL = {"apprise", "requests"}
"""What act has only where it is built with apprise."""

WRITABLE = ("/tmp", "/var/tmp", "/app", "/run")  # noqa: S108 - looked into, not written to
POOL = urllib3.PoolManager(timeout=60.0, retries=False)


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """Return a folder that others may enter, which pytest's own is not."""
    folder = Path(tempfile.mkdtemp(prefix="aiops-images-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def python(place: Path) -> Path:
    return bare_python(place / "base")


@pytest.fixture(scope="module")
def images(place: Path) -> dict[str, Image]:
    made = {name: _built(place / name, FUNCTION=name) for name in IMAGES}
    more = {"FUNCTION": "act", "REQUIREMENTS": "requirements-apprise.txt"}
    return made | {"act with apprise": _built(place / "apprise", **more)}


def _built(folder: Path, **arguments: str) -> Image:
    return Build(ROOT, Path(sys.executable), folder).run(ROOT / "knative" / "Dockerfile", arguments)


@pytest.mark.parametrize("name", IMAGES)
def test_an_image_holds_its_own_function_and_nothing_of_the_others(
    images: dict[str, Image], name: str
) -> None:
    app = images[name].root / "app"
    assert {p.name for p in images[name].root.iterdir()} == {"app"}
    assert {p.name for p in app.iterdir()} == {"functions", "shared", "site"}
    assert {p.name for p in (app / "functions").iterdir()} == {"__init__.py", "__pycache__", name}
    assert {p.name for p in (app / "shared").iterdir()} == {"aiops"}
    own = [p for p in (app / "functions").rglob("*") if p.is_file()]
    assert {p.suffix for p in own} <= {".py", ".pyc", ".txt", ".lua"}
    compiled = {p.name.split(".")[0] for p in own if p.suffix == ".pyc"}
    assert compiled == {p.stem for p in own if p.suffix == ".py"}


@pytest.mark.parametrize("name", [*IMAGES, "act with apprise"])
def test_an_image_holds_every_library_its_function_may_ever_import(
    images: dict[str, Image], python: Path, name: str
) -> None:
    app = images[name].root / "app"
    wanted = set()
    for file in (app / "functions" / name.split(maxsplit=1)[0]).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                wanted |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                wanted.add(node.module.split(".")[0])
    code = """
import importlib.util, sys
print([name for name in sys.argv[1:] if importlib.util.find_spec(name) is None])
"""
    found = subprocess.run(
        [python, "-c", code, *sorted(wanted - (OPTIONAL if name == "act" else set()))],
        env=images[name].environ, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert found.stdout.strip() == "[]"


def test_an_image_can_make_spans_where_it_is_built_for_it_and_else_says_so(
    images: dict[str, Image], place: Path, python: Path
) -> None:
    folder = place / "correlate with spans"
    folder.mkdir()
    code = """
from aiops.adapters.tracing import Tracing
Tracing("correlate", {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"})
"""

    def run(image: Image) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [python, "-c", code],
            env=image.environ, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip

    assert run(_built(folder, FUNCTION="correlate", EXTRA="otel")).returncode == 0
    assert "build it with EXTRA=otel" in run(images["correlate"]).stderr


def test_the_exporter_serves_its_page_from_its_image_though_every_server_is_away(
    images: dict[str, Image], python: Path
) -> None:
    (port,) = free_ports(1)
    given = {"REDIS_URL": "redis://127.0.0.1:1/0", "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"}
    environ = {**given, "PORT": str(port), "HOST": "127.0.0.1"}
    command, variables = ImageLaunch(images, python)(ROOT / "functions" / "exporter", environ)
    with subprocess.Popen(command, env=variables) as process:
        try:
            until(lambda: listens(port))
            answer = POOL.request("GET", f"http://127.0.0.1:{port}/metrics")
        finally:
            process.terminate()
    assert answer.status == 200
    assert b'aiops_up{server="redis"} 0.0' in answer.data
    assert images["exporter"].bytes < 50 << 20


def test_the_budgets_are_those_the_document_states() -> None:
    text = (ROOT / "docs" / "images.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\w+) \|[^|]*\| (\d+) \|", text, re.MULTILINE)
    assert {name: int(most) for name, most in rows} == BUDGET_MEBIBYTES


@pytest.mark.parametrize("name", BUDGET_MEBIBYTES)
def test_an_image_keeps_its_budget(images: dict[str, Image], name: str) -> None:
    assert images[name].bytes < BUDGET_MEBIBYTES[name] * (1 << 20)


@pytest.fixture(scope="module")
def up(
    place: Path, python: Path, images: dict[str, Image], note_server: Callable[[str], None]
) -> Iterator[tuple[Running, Receiver]]:
    folder = place / "run"
    folder.mkdir()
    with (
        Receiver() as receiver,
        running(
            "embedded", folder, CONFIG, note_server,
            environ={**receiver.environment, "CLOUDEVENTS_WEBHOOK_SECRETS": STANDARD},
            backoff_speed=4.0,
            reads={"anomalies": 6, "incidents": 6, "control": 3, "actions": 3},
            launch=ImageLaunch(images, python),
        ) as it,
    ):  # fmt: skip
        yield it, receiver


def test_functions_from_images_turn_samples_into_messages(up: tuple[Running, Receiver]) -> None:
    it, receiver = up
    assert set(it.pipeline.processes) == {f"aiops-{name}" for name in NAMES}
    _publish(it.producer, _samples("cart", 250.0), _samples("cart", 300.0, "latency_ms"))
    until(lambda: {m.channel for m in receiver.messages} >= {"slack", "webhook"}, 60)


def test_a_function_from_an_image_leaves_no_file_anywhere(
    up: tuple[Running, Receiver], images: dict[str, Image], place: Path
) -> None:
    it, _ = up
    began = min(Path(f"/proc/{p.pid}").stat().st_mtime for p in _processes(it))
    written = [
        file
        for name in NAMES
        for file in images[name].root.rglob("*")
        if file.stat().st_mtime > began
    ]
    assert written == []
    if os.geteuid() == 0:
        users = {Path(f"/proc/{p.pid}").stat().st_uid for p in _processes(it)}
        assert users == {65532}
        command = ["find", *WRITABLE, str(Path.home()), "-maxdepth", "2", "-user", "65532"]
        left = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert left.stdout == ""


@pytest.mark.parametrize("name", NAMES)
def test_a_function_that_is_told_to_end_finishes_the_event_in_its_hand(
    up: tuple[Running, Receiver], name: str
) -> None:
    it, receiver = up
    (process,) = it.pipeline.processes[f"aiops-{name}"]
    for probe in ("liveness", "readiness"):
        assert POOL.request("GET", f"{process.url}/health/{probe}").status == 200
    mark = f"{name}-{uuid.uuid4().hex[:8]}"
    if name == "train":
        _remember(it.redis.url, mark)
    body, headers = _asked(name, mark)
    statuses: list[int] = []
    path = "/cloudevents" if name == "gateway" else "/"
    in_hand = threading.Thread(
        target=lambda: statuses.append(
            POOL.request("POST", process.url + path, body=body, headers=headers).status
        )
    )
    it.redis.suspend()
    try:
        in_hand.start()
        time.sleep(0.5)
        process.ask_to_stop()
        time.sleep(0.5)
        assert process.running
    finally:
        it.redis.resume()
    in_hand.join(90)
    assert statuses in ([200], [204])
    until(lambda: not process.running)
    if name == "act":
        until(lambda: any(mark in " ".join(m.lines) for m in receiver.messages))
    elif name == "collect":
        until(lambda: _published(it, "control", headers["ce-time"].encode()))
    elif name == "train":
        until(lambda: _published(it, "control", _wish("", mark).series.encode()))
    else:
        until(lambda: _published(it, OUTPUT[name], mark.encode()))
    process.start()
    process.wait_ready()


OUTPUT = {"detect": "anomalies", "correlate": "incidents", "gateway": "control"}


@pytest.mark.parametrize("detector", ["isolation_forest", "luminaire"])
def test_an_image_of_train_fits_what_its_libraries_can(
    up: tuple[Running, Receiver], detector: str
) -> None:
    it, _ = up
    mark = f"{detector}-{uuid.uuid4().hex[:8]}"
    _remember(it.redis.url, mark)
    _publish(it.producer, _fact("control", _wish(detector, mark)))
    series = SeriesMap().read(_head(mark))
    with redis.Redis.from_url(it.redis.url) as client:
        models = RedisModels(client, Keys(), SystemClock())
        until(lambda: models.status(series.key) is not None, 90)
        found = models.status(series.key)
        assert found is not None
        assert (found.detector, found.state) in {(detector, "active"), (detector, "refused")}


def _processes(it: Running) -> list[FunctionProcess]:
    return [process for some in it.pipeline.processes.values() for process in some]


def _cloudevent(message: Message) -> tuple[bytes, dict[str, str]]:
    """Return body and headers as Knative's delivery sends them."""
    _, body, headers = encode(message)
    named = {k.replace("ce_", "ce-"): v.decode() for k, v in headers}
    return body, named


def _samples(service: str, value: float, metric: str = "cpu_usage_ratio") -> Message:
    now = time.time_ns() // 1_000_000
    head = SeriesHead(metric=metric, labels={"service": service})
    (message,) = batches([Reading(head, now, value)], SeriesMap(), "/test", now)
    return message


def _fact(topic: str, fact: Fact) -> Message:
    now = time.time_ns() // 1_000_000
    data = fact.model_dump_json().encode()
    return Message(topic, "default", Event(str(uuid.uuid4()), "/t", fact.type, now, data))


def _publish(producer: KafkaProducer, *messages: Message) -> None:
    for message in messages:
        key, value, headers = encode(message)
        producer.send(message.topic, value, key, headers)
    producer.flush(timeout=10)


def _asked(name: str, mark: str) -> tuple[bytes, dict[str, str]]:
    """Return what a function is sent so that what comes of it bears a mark."""
    now = time.time_ns() // 1_000_000
    if name == "detect":
        return _cloudevent(_samples(mark, 500.0))
    if name == "correlate":
        found = anomaly(mark, 0, time=now, domain="default")
        return _cloudevent(_fact("anomalies", AnomaliesDetected(anomalies=(found,))))
    if name == "act":
        return _cloudevent(_fact("incidents", incident(domain="default", title=mark)))
    if name == "train":
        return _cloudevent(_fact("control", _wish("prophet", mark)))
    if name == "gateway":
        deployed = {
            "specversion": "1.0", "id": mark, "source": "/t", "type": ChangeObserved.type,
            "datacontenttype": "application/json",
            "data": {"service": mark, "kind": "deploy", "summary": "1.9.0", "observed_at": now},
        }  # fmt: skip
        sent = cloudevents(json.dumps(deployed).encode(), at=now // 1000)
        return sent.body, dict(sent.headers)
    clock = "/apis/v1/namespaces/aiops/pingsources/clock"
    headers = {"ce-specversion": "1.0", "ce-id": mark, "ce-source": clock, "ce-type": TICK}
    return b"", headers | {"ce-time": iso(now)}


def _head(mark: str) -> SeriesHead:
    return SeriesHead(metric="requests_per_second", labels={"service": mark})


def _wish(detector: str, mark: str) -> TrainingRequested:
    now = time.time_ns() // 1_000_000
    series = SeriesMap().read(_head(mark))
    return TrainingRequested(
        series=series.key, head=_head(mark), detector=detector, reason="wish", requested_at=now
    )


def _remember(url: str, mark: str) -> None:
    """Give a series two weeks of history, which has a day and little noise."""
    now = time.time_ns() // 1_000_000
    series = SeriesMap().read(_head(mark))
    at = np.arange(now - 14 * DAY_MS, now, 300_000)
    noise = np.random.default_rng(1).normal(0, 2, len(at))
    history = History(at, 100 + 20 * np.sin(2 * np.pi * at / DAY_MS) + noise)
    with redis.Redis.from_url(url) as client:
        RedisHistory(client, Keys()).backfill(series.shard, series.key, history)


def _published(it: Running, topic: str, wanted: bytes) -> bool:
    """Return whether a record of a topic holds some text in its data or among its headers."""
    for found in it.consumer.poll(100).values():
        for record in found:
            named = b" ".join(value for _, value in record.headers)
            READ.append((record.topic, named + b" " + (record.value or b"")))
    return any(where == topic and wanted in text for where, text in READ)


READ: list[tuple[str, bytes]] = []
