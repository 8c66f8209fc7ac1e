"""The gateway as a process: real sockets, Redis, Kafka, and Debian's Alertmanager."""

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import urllib3
from kafka import KafkaConsumer

from aiops.events import AnomaliesDetected, Incident
from local.functions import ROOT
from local.receiver import Receiver
from local.servers.process import ChildProcess, free_ports
from tests.requesting import ENVIRONMENT, INCIDENT, MAKE, SECRET, Sent, paged, pagerduty, slack
from tests.running import Running, running
from tests.waiting import until

CONFIG = """
gateway: {senders: [slack, pagerduty, alertmanager, grafana, flux, argocd, deploy, cloudevents]}
correlate: {resolve_after: 5, group_wait: 0, notify_anomalies: 1, notify_series: 1}
"""
TOPICS = {"anomalies": 6, "control": 3, "incidents": 6}
POOL = urllib3.PoolManager(timeout=20.0, retries=False)


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with Receiver() as one:
        yield one


@pytest.fixture(scope="module")
def up(
    tmp_path_factory: pytest.TempPathFactory,
    note_server: Callable[[str], None],
    receiver: Receiver,
) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("gateway")
    environ = {**ENVIRONMENT, **receiver.environment}
    with running(
        "embedded", folder, CONFIG, note_server, environ=environ, backoff_speed=10, reads=TOPICS
    ) as pipeline:
        yield pipeline


def url(up: Running) -> str:
    return up.pipeline.urls["aiops-gateway"][0]


def post(up: Running, name: str, sent: Sent) -> urllib3.BaseHTTPResponse:
    return POOL.request("POST", f"{url(up)}/{name}", body=sent.body, headers=dict(sent.headers))


def read(
    consumer: KafkaConsumer, wanted: Callable[[str, bytes], bool], seconds: float = 60
) -> bytes:
    """Return the first record from now on that is wanted, by its topic and value."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for records in consumer.poll(timeout_ms=500, max_records=1).values():
            for record in records:
                if wanted(record.topic, record.value):
                    return bytes(record.value)
    raise AssertionError("it never came")


def test_a_button_pressed_is_a_command_on_the_topic_before_slack_is_answered(up: Running) -> None:
    sent = slack(at=int(time.time()))
    for _ in range(2):  # the second one is a replay
        answer = post(up, "slack", sent)
        assert (answer.status, answer.data) == (200, b"")
    other = pagerduty(paged(occurred_at=_iso(time.time())))
    assert post(up, "pagerduty", other).status == 200
    given_by = []
    while "pagerduty:PXPGF42" not in given_by:
        record = read(up.consumer, lambda topic, value: topic == "control" and b"command" in value)
        given_by.append(json.loads(record)["given_by"])
        assert json.loads(record)["incident"] == INCIDENT
    assert given_by == ["slack:U123", "pagerduty:PXPGF42"]


@pytest.mark.parametrize("name", MAKE)
def test_over_sockets_too_large_a_body_and_a_wrong_secret_are_refused(
    up: Running, name: str
) -> None:
    sent = MAKE[name](b"x" * 10_000_000, at=int(time.time()))
    # It may be answered, and hung up on, while the rest is still being sent.
    with suppress(urllib3.exceptions.ProtocolError):
        assert post(up, name, sent).status == 413
    assert post(up, name, Sent({}, sent.body[:100])).status == 401


ROUTE = "route: {receiver: aiops, group_by: [alertname], group_wait: 0s, group_interval: 1s}\n"


def documented(where: str) -> str:
    """Return a configuration of Alertmanager with the receiver that the document shows."""
    text = (ROOT / "docs" / "gateway.md").read_text(encoding="utf-8")
    found = re.search(r"^## Alertmanager\n\n```yaml\n(.*?)```", text, re.MULTILINE | re.DOTALL)
    assert found
    return ROUTE + found[1].replace("https://HOST", where).replace("TOKEN", SECRET)


@pytest.fixture
def alertmanager(up: Running, tmp_path: Path) -> Iterator[str]:
    (port,) = free_ports(1)
    (tmp_path / "alertmanager.yml").write_text(documented(url(up)))
    child = ChildProcess(
        "alertmanager",
        [
            "prometheus-alertmanager",
            f"--config.file={tmp_path}/alertmanager.yml",
            f"--storage.path={tmp_path}/data",
            f"--web.listen-address=127.0.0.1:{port}",
            "--cluster.listen-address=",
        ],
        tmp_path / "alertmanager.log",
    )
    child.start()
    where = f"http://127.0.0.1:{port}"
    try:
        child.wait_until(lambda: _ready(where), 30)
        yield where
    finally:
        child.stop()


def _ready(where: str) -> bool:
    try:
        return POOL.request("GET", f"{where}/-/ready").status == 200
    except urllib3.exceptions.HTTPError:
        return False


def _tell(where: str, *, ended: bool) -> None:
    now = time.time()
    times = {"startsAt": _iso(now - 60)} | ({"endsAt": _iso(now - 1)} if ended else {})
    alert = {
        "labels": {"alertname": "CheckoutDown", "service": "checkout", "severity": "critical"},
        "annotations": {"summary": "no checkout answers"},
    }
    answer = POOL.request("POST", f"{where}/api/v2/alerts", json=[alert | times])
    assert answer.status == 200, answer.data


def _iso(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


@pytest.mark.alertmanager
def test_an_alert_of_a_real_alertmanager_becomes_an_incident_that_closes_when_it_is_resolved(
    up: Running, alertmanager: str, receiver: Receiver
) -> None:
    def of_checkout(topic: str, value: bytes) -> bool:
        return topic == "incidents" and b"CheckoutDown" in value

    _tell(alertmanager, ended=False)
    opened = Incident.model_validate_json(read(up.consumer, of_checkout))
    assert opened.status == "open"
    assert opened.services == ("checkout",)
    _tell(alertmanager, ended=True)
    ended = AnomaliesDetected.model_validate_json(
        read(up.consumer, lambda topic, value: topic == "anomalies" and b'"ended_at":1' in value)
    )
    assert ended.anomalies[0].alert is not None
    assert ended.anomalies[0].id == opened.evidence[0].peak.id
    # It closes with a tick of the clock, each minute.
    closed = Incident.model_validate_json(
        read(
            up.consumer,
            lambda topic, value: of_checkout(topic, value) and b'"status":"resolved"' in value,
            200,
        )
    )
    assert closed.id == opened.id
    assert "CheckoutDown" in closed.title
    until(lambda: _told(receiver, "slack", "[Resolved]"))
    assert _told(receiver, "slack", "[New incident]") == _told(receiver, "slack", "[Resolved]") == 1
    assert [m.kind for m in receiver.messages if m.channel == "pagerduty"] == ["trigger", "resolve"]


def _told(receiver: Receiver, channel: str, word: str) -> int:
    return sum(
        message.channel == channel and word in " ".join((message.kind, *message.lines))
        for message in receiver.messages
    )
