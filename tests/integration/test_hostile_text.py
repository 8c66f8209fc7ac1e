"""Text that an attacker may write, from every door to everything that leaves."""

import html
import json
import re
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import urllib3

from aiops.adapters.cloudevent import encode, iso
from aiops.batching import Reading, batches
from aiops.events import CommandGiven, Incident, SeriesHead
from aiops.series import SeriesMap
from local.cli import main
from local.kubernetes.api_server import ApiServer
from local.receiver import Receiver
from local.slack import blocks
from tests.requesting import (
    ENVIRONMENT,
    MAKE,
    STANDARD,
    Sent,
    alerts,
    cdevent,
    cloudevents,
    paged,
    pressed,
    reconciled,
    standard,
)
from tests.running import Running, running
from tests.waiting import until

CONFIG = """
gateway: {senders: [slack, pagerduty, alertmanager, grafana, flux, argocd, deploy, cloudevents]}
detect: {default: {detector: static, params: {upper: 100}}}
correlate: {severity: strongest, group_wait: 0, notify_anomalies: 1, notify_series: 1}
act:
  channels:
  - {channel: slack}
  - {channel: slack_bot}
  - {channel: pagerduty}
  - {channel: webhook}
  - {channel: apprise}
  - {channel: cdevents}
"""
RUNBOOK = """
apiVersion: aiops/v1
kind: Runbook
metadata: {name: restart, owner: team-payments}
match: {labels.namespace: payments}
guard: {mode: approve, allow_namespaces: [payments], cooldown: 1s, max_per_hour: 100}
steps:
- rollout_restart: {kind: Deployment, name: "{{ labels.deployment }}"}
verify: {metric: recovered, within: 4h}
"""
CART = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"namespace": "payments", "name": "cart", "labels": {"app": "cart"}},
    "spec": {"replicas": 2, "template": {"metadata": {}, "spec": {"containers": []}}},
}
OURS = "https://console.example/"
LINKS = dict.fromkeys(("INCIDENT_URL", "GRAPH_URL", "RUNBOOK_URL"), OURS)
TOPICS = {"incidents": 6, "aiops-dlq": 3}
SMALLEST_LIMIT = 64 * 1024
POOL = urllib3.PoolManager(timeout=20.0, retries=False)


class Trap(threading.Thread):
    """An address nobody has a reason to call; it counts who does."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/latest/meta-data"
        self.callers = 0
        self.start()

    def run(self) -> None:
        while True:
            try:
                caller, _ = self._socket.accept()
            except OSError:
                return
            self.callers += 1
            caller.close()

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


@dataclass
class World:
    """Everything, and the texts that go through it."""

    it: Running
    receiver: Receiver
    server: ApiServer
    trap: Trap
    canary: Path
    texts: dict[str, str]
    seen: dict[str, Incident] = field(default_factory=dict)
    letters: list[Any] = field(default_factory=list)

    def post(self, door: str, sent: Sent) -> int:
        """Return the status of the answer; what is too large may be hung up on while it is sent."""
        url = f"{self.it.pipeline.urls['aiops-gateway'][0]}/{door}"
        try:
            return POOL.request("POST", url, body=sent.body, headers=dict(sent.headers)).status
        except urllib3.exceptions.ProtocolError:
            assert len(sent.body) > SMALLEST_LIMIT
            return 413

    def poll(self) -> None:
        for found in self.it.consumer.poll(100).values():
            for record in found:
                if record.topic == "aiops-dlq":
                    self.letters.append(record)
                else:
                    incident = Incident.model_validate_json(record.value)
                    known = self.seen.get(incident.id)
                    if known is None or known.version < incident.version:
                        self.seen[incident.id] = incident

    def of(self, mark: str) -> list[Incident]:
        """Return the incidents whose evidence bears a mark in its labels."""
        self.poll()
        return [
            one
            for one in self.seen.values()
            if any(piece.peak.labels.get("mark") == mark for piece in one.evidence)
        ]

    def measure(self, mark: str, labels: dict[str, str], metric: str = "cpu_usage_ratio") -> None:
        now = time.time_ns() // 1_000_000
        head = SeriesHead(metric=metric, labels={**labels, "mark": mark})
        for message in batches([Reading(head, now, 250.0)], SeriesMap(), "/test", now):
            key, value, headers = encode(message)
            self.it.producer.send(message.topic, value, key, headers)
        self.it.producer.flush(timeout=10)


def texts_of(trap: Trap, canary: Path) -> dict[str, str]:
    """Return what is tried, by what it would do where it were obeyed."""
    return {
        "ping": "<!channel> <!here|x> <@U0ANN> <#C01> <!subteam^S1>",
        "escaped": "&lt;!channel&gt; &amp;lt;!here&amp;gt;",
        "template": "q{{7*7}}q q${7*7}q q#{7*7}q {{ labels.deployment }} {0.__class__} %(x)s %n",
        "command": f"$(touch {canary}) `touch {canary}`; touch {canary} | touch {canary} && true",
        "address": f"{trap.url} <{trap.url}|click> [click]({trap.url}) @import '{trap.url}'",
        "page": "\"'><script>alert(1)</script><img src=x onerror=alert(1)></style>{% raw %}",
        "terminal": "\x1b[31m\x1b]0;owned\x07 \x9b2J \r\nInjected: header",
        "direction": "cart\u202emoc\u2066\u2069\u200b",
        "markup": "*bold* _it_ ~no~ ```code``` > quote\n> more :skull: ||x||",
        "path": "../../../../api/v1/namespaces/kube-system/secrets?x=%2e%2e",
        "long": "x" * 100_000,
    }


@pytest.fixture(scope="module")
def world(
    tmp_path_factory: pytest.TempPathFactory, note_server: Callable[[str], None]
) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("hostile")
    books = folder / "runbooks"
    books.mkdir()
    (books / "restart.yaml").write_text(RUNBOOK, encoding="utf-8")
    trap = Trap()
    with Receiver() as receiver, ApiServer(folder, ("payments",)) as server:
        server.put("deployments", CART)
        environ = {
            **ENVIRONMENT, **receiver.every, **server.environment, **LINKS,
            "RUNBOOK_DIR": str(books),
        }  # fmt: skip
        with running(
            "embedded", folder, CONFIG, note_server, environ=environ, backoff_speed=10, reads=TOPICS
        ) as it:
            canary = folder / "canary"
            yield World(it, receiver, server, trap, canary, texts_of(trap, canary))
    trap.close()


def test_text_of_attackers_is_told_and_never_obeyed(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One story, so that what each door let in is in all that is looked at in the end."""
    through_metrics(world)
    through_the_gateway(world)
    through_orders(world)
    nothing_was_obeyed(world)
    slack_is_not_made_to_ping_or_to_link(world)
    pagerduty_links_where_we_say(world)
    nobody_names_objects_of_the_cluster(world)
    pages_and_terminals_show_it_as_text(world, tmp_path, capsys)


def through_metrics(world: World) -> None:
    """Labels, their names, and metrics; what is good besides gets through."""
    for name, text in world.texts.items():
        labels = {"service": text, "pod": text, "namespace": "payments", "deployment": text}
        world.measure(name, labels)
        world.measure(name, {"service": f"svc-{name}", text[:200]: text[:200]}, text)
    cart = {"service": "cart", "namespace": "payments", "deployment": "cart"}
    world.measure("good", cart)
    told = [name for name in world.texts if name != "long"]
    until(lambda: all(world.of(mark) for mark in [*told, "good"]), 90)
    assert {piece.peak.metric for one in world.of("long") for piece in one.evidence} == set()


def through_the_gateway(world: World) -> None:
    """Alerts, deploys, commands of pagers and buttons, signed rightly by whoever wrote them."""
    at = int(time.time())
    for name, text in world.texts.items():
        labels = {"alertname": text, "service": f"alert-{name}", "severity": text, "mark": name}
        said = {"summary": text, "description": text, "runbook_url": world.trap.url, text: text}
        body = alerts(
            labels=labels, annotations=said, startsAt=iso(1000 * (at - 60)), fingerprint=name,
            generatorURL=text,
        )  # fmt: skip
        for door in ("alertmanager", "grafana"):
            assert world.post(door, MAKE[door](body, at=at)) in {200, 400, 413}
        deploys = ({"service": text}, {"service": f"svc-{name}", "summary": text})
        raw = {
            "deploy": [json.dumps(one).encode() for one in deploys],
            "flux": [reconciled(message=text, reason=text, involvedObject={"name": text})],
            "argocd": [cdevent(service=text)],
            "cloudevents": [cdevent(service=text)],
            "pagerduty": [paged(data={"incident_key": text}, agent={"id": text, "type": text})],
            "slack": [pressed({"action_id": "aiops.acknowledge", "value": text}, user=text)],
        }
        for door, several in raw.items():
            for one in several:
                assert world.post(door, MAKE[door](one, at=at)) < 500


def through_orders(world: World) -> None:
    """Who acknowledged and who resolved is told everywhere, whatever their names are."""
    wanted = [name for name in world.texts if name != "long"]
    for word in ("acknowledge", "resolve"):
        for name in wanted:
            for one in world.of(name):
                _command(world, one.id, word, world.texts[name])
        status = {"acknowledge": "acknowledged", "resolve": "resolved"}[word]
        until(lambda s=status: all(i.status == s for n in wanted for i in world.of(n)), 90)
    ended = {i.id for name in wanted for i in world.of(name) if i.notified_at}
    until(lambda: ended <= _told(world, "webhook", "resolved"), 120)
    until(lambda: ended <= _told(world, "pagerduty", "resolve"), 120)


def _command(world: World, incident: str, word: Any, text: str) -> None:
    at = int(time.time())
    given = CommandGiven(
        incident=incident, command=word, given_by=text, given_at=at * 1000, reason=text
    )
    event = {
        "specversion": "1.0", "id": str(uuid.uuid4()), "source": "/t", "type": CommandGiven.type,
        "time": iso(at * 1000), "datacontenttype": "application/json",
        "data": json.loads(given.model_dump_json()),
    }  # fmt: skip
    body = json.dumps(event).encode()
    # Under an id of its own: the same one is taken for a repeat.
    signed = standard(body, STANDARD, at, f"msg_{uuid.uuid4().hex}")
    sent = Sent({**cloudevents(body, at=at).headers, **signed}, body)
    assert world.post("cloudevents", sent) == 200


def _told(world: World, channel: str, word: str) -> set[str]:
    found = set()
    for name, body in world.receiver.bodies:
        if name == channel and word.encode() in body:
            found |= set(re.findall(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", body.decode()))
    return found


def nothing_was_obeyed(world: World) -> None:
    """No command was run, no template filled, no address called, and nobody refused a message."""
    assert not world.canary.exists()
    assert world.trap.callers == 0
    assert world.receiver.refusals == ()
    channels = {name for name, _ in world.receiver.bodies}
    assert channels == {"slack", "slack_bot", "pagerduty", "webhook", "apprise", "cdevents"}
    for _, body in world.receiver.bodies:
        assert b"q49q" not in body
        assert len(body) < 512 * 1024
    logs = "".join(
        file.read_text(errors="replace") for file in world.it.pipeline.folder.rglob("*.log")
    )
    assert "q49q" not in logs
    assert "Traceback" not in logs


def slack_is_not_made_to_ping_or_to_link(world: World) -> None:
    """In what Slack would read as markup there is no mention, and no link but ours."""
    marked: list[str] = []
    for name, body in world.receiver.bodies:
        if name == "slack":
            message = json.loads(body)
            marked += [message["text"], *_marked(message["blocks"])]
    for post in world.receiver.workspace.posts:
        marked += [post.text, *_marked(post.blocks)]
    assert len(marked) > 100
    for text in marked:
        assert not re.search(r"<[!@#]", text), text
        for link in re.findall(r"<([^>]*)>", text):
            assert link.startswith(OURS), link


def _marked(shown: list[dict[str, Any]]) -> list[str]:
    return [text for text, is_marked in blocks.texts(shown) if is_marked]


def pagerduty_links_where_we_say(world: World) -> None:
    """Links and pictures go to addresses of the configuration, within PagerDuty's sizes."""
    for name, body in world.receiver.bodies:
        if name != "pagerduty":
            continue
        event = json.loads(body)
        links = [one["href"] for one in event.get("links", ())]
        links += [one["src"] for one in event.get("images", ())]
        links += [event["client_url"]] if "client_url" in event else []
        assert all(link.startswith(OURS) for link in links), links
        assert len(event["dedup_key"]) <= 255
        assert len(event.get("payload", {}).get("summary", "")) <= 1024


def nobody_names_objects_of_the_cluster(world: World) -> None:
    """A runbook asks for the one Deployment that has a name, and never for another."""
    until(lambda: any(call.name == "cart" for call in world.server.calls), 60)
    assert {call.name for call in world.server.calls} == {"cart"}
    assert {call.namespace for call in world.server.calls} == {"payments"}
    assert world.server.changes == ()


def pages_and_terminals_show_it_as_text(
    world: World, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What people read of it here is text: no escape sequence, no element, no address to fetch."""
    where = ["--redis-url", world.it.pipeline.redis.url]
    broker = ["--bootstrap-servers", world.it.pipeline.kafka.bootstrap]
    assert main(["incidents", "ls", "--all", *where]) == 0
    assert main(["dlq", "ls", *broker]) in {0, 1}
    for one in world.seen.values():
        page = folder / f"{one.id}.html"
        assert main(["incidents", "show", one.id, *where]) == 0
        assert main(["explain", one.id, *where]) == 0
        assert main(["explain", one.id, *where, "--html", str(page)]) == 0
        shown = page.read_text(encoding="utf-8")
        assert "<script>alert" not in shown
        assert "<img" not in shown
        assert not re.search(r"(?:src|href|url\()\s*=?\s*[\"']?https?://127", shown)
        assert "q49q" not in html.unescape(shown)
    said = capsys.readouterr()
    assert "q49q" not in said.out + said.err
    odd = {c for c in said.out + said.err if not c.isprintable() and c != "\n"}
    assert odd == set()
