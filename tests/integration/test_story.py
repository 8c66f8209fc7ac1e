"""The whole story, over real processes: a fault, people told, a runbook approved, the end of it.

Every event is delivered three times, and `act` is killed twice: while a message is under way to a
receiver that offers no key, and while the API server is restarting what is broken.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import urllib3
from kafka import KafkaConsumer, KafkaProducer

from aiops.adapters.cloudevent import encode
from aiops.adapters.keys import Keys
from aiops.adapters.redis_client import connect
from aiops.adapters.redis_verdicts import RedisVerdicts
from aiops.batching import Reading, batches
from aiops.clock import ScaledClock
from aiops.events import Incident, RunChanged, SeriesHead
from aiops.series import SeriesMap
from local.delivery.cloudevent import CloudEvent
from local.delivery.policy import Answer
from local.delivery.sinks import Sink
from local.kubernetes.api_server import ApiServer
from local.receiver import Receiver
from local.slack.post import Post
from local.slack.press import press
from local.up import Pipeline
from tests.running import running

RATE = 20.0
"""How many of the pipeline's seconds pass in one real second."""

SIGNING = "0123456789abcdef0123456789abcdef"
PEOPLE = ("U0ANN", "U0BOB")
CONFIG = """
detect:
  default: {detector: static, params: {upper: 100}, keep_history: true, history_step: 5}
correlate: {severity: strongest, group_wait: 0, resolve_after: 300, recur_within: 300}
act:
  channels:
  - {channel: pagerduty, min_severity: 3, raised_at: [], tell_of_ended: false,
     tell: [opened, acknowledged, resolved, run_failed]}
  - {channel: slack_bot}
  - {channel: slack}
  - {channel: webhook}
gateway: {senders: [slack]}
"""
RUNBOOK = """
apiVersion: aiops/v1
kind: Runbook
metadata: {name: restart-cart, owner: team-payments}
match: {root_cause.metric: cpu_usage_ratio, labels.namespace: payments, min_severity: 4}
guard: {mode: approve, allow_namespaces: [payments], approve_ttl: 4h}
steps:
- rollout_restart: {kind: Deployment, name: "{{ labels.deployment }}"}
verify: {metric: recovered, within: 4h}
"""
DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"namespace": "payments", "name": "cart", "labels": {"app": "cart"}},
    "spec": {"replicas": 2, "template": {"metadata": {}, "spec": {"containers": []}}},
}
TOPICS = {"incidents": 6, "actions": 3, "control": 3, "aiops-dlq": 3}
WAIT = 90.0
"""Seconds; a lease that a killed process left, and a busy machine."""


class Thrice:
    """A sink that delivers every event three times, whatever is answered."""

    deliveries = 0

    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    @property
    def destination(self) -> str:
        return self._sink.destination

    def send(self, event: CloudEvent, timeout: float) -> Answer:
        answers = [self._sink.send(event, timeout) for _ in range(3)]
        Thrice.deliveries += 3
        failed = (one for one in answers if one.status is None or one.status >= 300)
        return next(failed, answers[-1])


@dataclass
class Shop(threading.Thread):
    """Tells how its one service is, which is broken until its Deployment is restarted."""

    producer: KafkaProducer
    clock: ScaledClock
    server: ApiServer
    broken: threading.Event = field(default_factory=threading.Event)
    closed: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        super().__init__(name="shop", daemon=True)

    def __hash__(self) -> int:
        return id(self)

    def restarted(self) -> bool:
        found = self.server.get("deployments", "payments", "cart") or {}
        return bool(found["spec"]["template"]["metadata"].get("annotations"))

    def run(self) -> None:
        while not self.closed.wait(0.25):
            ill = self.broken.is_set() and not self.restarted()
            labels = {"service": "cart", "namespace": "payments", "deployment": "cart"}
            head = SeriesHead(metric="cpu_usage_ratio", labels=labels)
            now = self.clock.now()
            reading = Reading(head, now, 2_500.0 if ill else 40.0)
            for message in batches([reading], SeriesMap(), "/shop", now):
                key, value, headers = encode(message)
                self.producer.send(message.topic, value, key, headers)
            self.producer.flush(timeout=30)


@dataclass
class World:
    """Everything, and ways to put in and to look."""

    pipeline: Pipeline
    receiver: Receiver
    server: ApiServer
    shop: Shop
    consumer: KafkaConsumer
    read: dict[str, list[Any]] = field(default_factory=lambda: {name: [] for name in TOPICS})

    def records(self, topic: str) -> list[Any]:
        for found in self.consumer.poll(100).values():
            for record in found:
                self.read[record.topic].append(record)
        return self.read[topic]

    def incidents(self) -> list[Incident]:
        found = []
        for record in self.records("incidents"):
            with suppress(ValueError):
                found.append(Incident.model_validate_json(record.value))
        return found

    def runs(self) -> list[RunChanged]:
        """Return what the audit says of runs, each change once."""
        found: dict[tuple[str, int], RunChanged] = {}
        for record in self.records("actions"):
            if dict(record.headers)["ce_type"].decode() == RunChanged.type:
                change = RunChanged.model_validate_json(record.value)
                found[change.run, change.number] = change
        return [found[key] for key in sorted(found)]

    def steps(self) -> list[dict[str, Any]]:
        """Return how steps ended, as it was published."""
        wanted = b"dev.aiops.action.finished.v1"
        return [
            json.loads(one.value)
            for one in self.records("actions")
            if dict(one.headers)["ce_type"] == wanted
        ]

    def told(self, channel: str) -> list[Any]:
        return [one for one in self.receiver.messages if one.channel == channel]

    def kinds(self, channel: str) -> list[str]:
        return [one.kind for one in self.told(channel)]

    def wait(self, satisfied: Callable[[], bool]) -> None:
        """Wait for something, or say what there is instead."""
        deadline = time.monotonic() + WAIT
        while not satisfied():
            assert time.monotonic() < deadline, self.told_so_far()
            time.sleep(0.05)

    def told_so_far(self) -> str:
        channels = {one.channel for one in self.receiver.messages}
        last = self.incidents()[-1:]
        return "\n".join(
            (
                *(f"{channel}: {self.kinds(channel)}" for channel in sorted(channels)),
                f"incident: {[(one.status, one.severity, one.root_cause) for one in last]}",
                f"runs: {[(one.state, one.reason) for one in self.runs()]}",
                f"steps: {[(one['channel'], one['kind'], one['outcome']) for one in self.steps()]}",
                f"calls: {[(one.verb, one.dry, one.code) for one in self.server.calls]}",
                f"buttons: {[list(root.buttons) for root in self.receiver.workspace.roots]}",
                f"refused: {self.receiver.refusals}",
            )
        )

    @property
    def root(self) -> Post:
        (root,) = self.receiver.workspace.roots
        return root

    def has_button(self, name: str) -> bool:
        roots = self.receiver.workspace.roots
        return bool(roots) and name in roots[0].buttons

    def press(self, name: str, user: str) -> None:
        """Press a button under the message, through the gateway; then again, as people do."""
        pressed = press(self.root, name, SIGNING, user=user)
        pool = urllib3.PoolManager(timeout=20.0, retries=False)
        url = f"{self.pipeline.urls['aiops-gateway'][0]}/slack"
        for _ in range(3):
            answer = pool.request("POST", url, body=pressed.body, headers=dict(pressed.headers))
            assert answer.status == 200, answer.data

    def kill_act(self) -> None:
        self.pipeline.processes["aiops-act"][0].kill()
        assert self.pipeline.restart_ended() == ["aiops-act"]


REAL = [pytest.mark.redis, pytest.mark.kafka]


@pytest.fixture(
    params=[
        pytest.param("embedded", marks=pytest.mark.slow),
        pytest.param("real", marks=REAL),
    ]
)
def world(
    request: pytest.FixtureRequest, tmp_path: Path, note_server: Callable[[str], None]
) -> Iterator[World]:
    now = time.time()
    clock = ScaledClock.parse(f"{now},{now},{RATE}")
    books = tmp_path / "runbooks"
    books.mkdir()
    (books / "restart.yaml").write_text(RUNBOOK)
    with Receiver() as receiver, ApiServer(tmp_path, ("payments",)) as server:
        server.put("deployments", DEPLOYMENT)
        environ = {
            **receiver.settings,
            **server.environment,
            "RUNBOOK_DIR": str(books),
            "SLACK_SIGNING_SECRETS": SIGNING,
        }
        with running(
            request.param, tmp_path, CONFIG, note_server, environ=environ, backoff_speed=2.0,
            reads=TOPICS, clock=clock, through=Thrice,
        ) as up:  # fmt: skip
            shop = Shop(up.producer, clock, server)
            shop.start()
            try:
                yield World(up.pipeline, receiver, server, shop, up.consumer)
            finally:
                shop.closed.set()
                shop.join(30)


def test_from_the_fault_to_the_verdict_people_are_told_once_and_the_cluster_is_touched_once(
    world: World,
) -> None:
    told_and_acknowledged(world)
    approved_and_restarted(world)
    resolved_everywhere(world)
    audited(world)


def told_and_acknowledged(world: World) -> None:
    """A fault, the message with its plot, the page, a crash in between, a button pressed."""
    world.receiver.delay("slack", 4.0)
    world.shop.broken.set()
    world.wait(lambda: bool(world.told("slack")))
    world.kill_act()  # the message is there, and nobody has noted it
    world.receiver.delay("slack", 0.0)
    world.wait(lambda: {"opened"} <= {one["kind"] for one in world.steps()})
    world.wait(lambda: "trigger" in world.kinds("pagerduty"))
    world.wait(lambda: world.has_button("aiops.acknowledge"))
    world.wait(lambda: any(block["type"] == "image" for block in world.root.blocks))
    world.press("aiops.acknowledge", PEOPLE[0])
    world.wait(lambda: "acknowledge" in world.kinds("pagerduty"))
    world.wait(lambda: "incident.acknowledged" in world.kinds("webhook"))
    world.wait(lambda: not world.has_button("aiops.acknowledge"))
    world.wait(lambda: world.incidents()[-1].status == "acknowledged")


def approved_and_restarted(world: World) -> None:
    """Proposed after a dry run, approved by a person; killed between the call and its record."""
    before = world.server.get("deployments", "payments", "cart")
    world.wait(lambda: world.has_button("aiops.approve"))
    assert any(call.dry and call.code == 200 for call in world.server.calls)
    assert world.server.changes == (), "nothing may be changed before somebody approved"
    world.wait(lambda: world.has_button("aiops.real"))
    world.press("aiops.real", PEOPLE[0])
    world.server.delay(4.0)
    world.press("aiops.approve", PEOPLE[1])
    world.wait(lambda: bool(world.server.changes))
    world.kill_act()  # it is restarted, and nobody has noted it
    world.server.delay(0.0)
    after = world.server.get("deployments", "payments", "cart")
    assert before is not None
    assert after is not None
    world.wait(lambda: bool(world.runs()) and world.runs()[-1].state in {"verifying", "succeeded"})
    assert len(world.server.changes) == 2, "the call whose end nobody knows is made again"
    assert len({json.dumps(call.body) for call in world.server.changes}) == 1
    assert world.server.get("deployments", "payments", "cart") == after, "and changes nothing"
    times = after["spec"]["template"]["metadata"]["annotations"]
    assert before["spec"] | {"template": after["spec"]["template"]} == after["spec"]
    assert list(times) == ["kubectl.kubernetes.io/restartedAt"]


def resolved_everywhere(world: World) -> None:
    """What was restarted is well; all who were told are told so, and the verdict is kept."""
    world.wait(lambda: "resolve" in world.kinds("pagerduty"))
    world.wait(lambda: "incident.resolved" in world.kinds("webhook"))
    world.wait(lambda: not world.root.buttons)
    world.wait(lambda: world.runs()[-1].state == "succeeded")
    world.wait(lambda: "incident.run_finished" in world.kinds("webhook"))
    world.wait(lambda: world.incidents()[-1].status == "resolved")
    kept = list(RedisVerdicts(connect(world.pipeline.redis.url), Keys()).everything())
    ((_, (verdict,)),) = kept
    assert (verdict.verdict, verdict.given_by) == ("anomaly", f"slack:{PEOPLE[0]}")


def audited(world: World) -> None:
    """Each step once at each receiver; a repeat only where there is no key, and it says so."""
    assert Thrice.deliveries >= 3
    assert world.receiver.refusals == ()
    assert world.records("aiops-dlq") == []
    pages = [(one.kind, one.key) for one in world.told("pagerduty")]
    (incident,) = {one.id for one in world.incidents()}
    assert pages == [(kind, incident) for kind in ("trigger", "acknowledge", "resolve")]
    for channel in ("webhook", "slack"):
        first = [one.step for one in world.told(channel) if not one.possible_repeat]
        assert len(set(first)) == len(first), channel
    repeats = [one for one in world.receiver.messages if one.possible_repeat]
    assert [one.channel for one in repeats] == ["slack"], "one crash, one repeat, where it is seen"
    assert len(world.receiver.workspace.roots) == 1
    replies = [one.text for one in world.receiver.workspace.thread(world.root.ts)]
    assert len(set(replies)) == len(replies)
    states = [change.state for change in world.runs()]
    wanted = ["proposed", "awaiting", "approved", "running", "verifying", "succeeded"]
    assert states == wanted
    (approval,) = {one.by for one in world.runs() if one.state == "approved"}
    assert approval == f"slack:{PEOPLE[1]}"
    assert world.server.calls[-1].code == 200
    assert {one["outcome"] for one in world.steps()} == {"done"}
    for channel in ("webhook", "slack"):
        world.wait(partial(_all_published, world, channel))


def _all_published(world: World, channel: str) -> bool:
    """Return whether the steps that reached a receiver are those published as ended."""
    ended = {one["step"] for one in world.steps() if one["channel"] == channel}
    return ended == {one.step for one in world.told(channel)}
