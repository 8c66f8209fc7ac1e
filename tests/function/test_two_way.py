"""What is done in Slack is done in PagerDuty, and the other way round: each once, and no more."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from aiops import topics
from aiops.adapters.memory_broker import MemoryPublisher
from aiops.adapters.memory_deliveries import MemoryDeliveries
from aiops.clock import ManualClock
from functions.gateway import edge
from local.receiver import Receiver
from local.slack.press import press
from tests.function.test_act import Act
from tests.function.test_correlate import Rig
from tests.property.correlate_world import START, anomaly
from tests.requesting import SECRET, paged, pagerduty

CHANNELS = [{"channel": "slack_bot"}, {"channel": "pagerduty", "raised_at": []}]


class World:
    """Gateway, `correlate` and `act`; everything between them is delivered three times."""

    def __init__(self, client: FlaskClient, clock: ManualClock, receiver: Receiver, **config):
        self.client, self.clock, self.receiver = client, clock, receiver
        self.passed_on = MemoryPublisher()
        self.rig, self.read = Rig(notify_anomalies=1, notify_series=1, group_wait=0), 0
        self.act = Act(receiver.settings, **({"channels": CHANNELS} | config))
        self.events = 0

    def anomaly(self, second: int) -> None:
        self.clock.ms = START + second * 1000
        self.rig.give(anomaly("cart", second, ratio=10.0))
        self.settle()

    def press(self, name: str, user: str = "U0ANN") -> None:
        self.clock.ms += 10_000
        (post,) = self.receiver.workspace.roots
        one = press(post, name, SECRET, user=user, at=self.clock.ms // 1000)
        self.send("slack", one.body, one.headers)

    def page(self, kind: str, agent: str = "user_reference") -> None:
        """Do in PagerDuty what a person does there, or what our own message leads to."""
        self.clock.ms += 10_000
        self.events += 1
        at = datetime.fromtimestamp(self.clock.ms / 1000, UTC)
        body = paged(
            id=f"EVENT{self.events}", event_type=f"incident.{kind}",
            occurred_at=at.strftime("%Y-%m-%dT%H:%M:%SZ"), agent={"id": "PBOB", "type": agent},
            data={"id": "PT4KHLK", "incident_key": self.rig.only.id, "status": kind},
        )  # fmt: skip
        sent = pagerduty(body)
        self.send("pagerduty", sent.body, sent.headers)

    def send(self, door: str, body: bytes, headers) -> None:
        for _ in range(3):
            answer = self.client.post(f"/{door}", data=body, headers=dict(headers))
            assert answer.status_code in {200, 202}
        self.settle()

    def settle(self) -> None:
        for message in self.passed_on.take(topics.CONTROL):
            for _ in range(3):
                self.rig.deliver(message.event)
        fresh, self.read = self.rig.log[self.read :], len(self.rig.log)
        self.act.clock.ms = self.clock.ms
        for message in fresh:
            for _ in range(3):
                self.act.handler(message.event)

    @property
    def pages(self) -> list[str]:
        pages = [m for m in self.receiver.messages if m.channel == "pagerduty"]
        assert {m.key for m in pages} <= {self.rig.only.id}
        return [m.kind for m in pages]

    @property
    def slack(self) -> list[str]:
        """The first line of what was posted and changed, in order."""
        return [m.lines[0] for m in self.receiver.messages if m.channel == "slack_bot"]

    @property
    def steps(self) -> list[tuple[str, str, str, int, str]]:
        record = self.act.log.read(self.rig.only.id)
        assert record is not None
        return [(s.channel, s.kind, s.state, s.attempts, s.result) for s in record.steps]


@pytest.fixture
def make(
    monkeypatch: pytest.MonkeyPatch, serve: Callable[[str], FlaskClient], environment: Path
) -> Callable[..., World]:
    clock = ManualClock(START)
    passed_on = MemoryPublisher()
    deliveries = MemoryDeliveries()
    monkeypatch.setattr("functions.gateway.wiring.RedisDeliveries", lambda *_: deliveries)
    monkeypatch.setattr("functions.gateway.wiring.KafkaPublisher", lambda _: passed_on)
    monkeypatch.setattr(edge, "_REAL", clock)
    monkeypatch.setenv("SLACK_SIGNING_SECRETS", SECRET)
    monkeypatch.setenv("PAGERDUTY_WEBHOOK_SECRETS", SECRET)
    text = "gateway: {senders: [slack, pagerduty]}"
    (environment / "aiops.yaml").write_text(text, encoding="utf-8")
    client = serve("gateway")

    def made(receiver: Receiver, **config) -> World:
        world = World(client, clock, receiver, **config)
        world.passed_on = passed_on
        return world

    return made


@pytest.fixture
def receiver():
    with Receiver() as running:
        yield running


@pytest.fixture
def world(make: Callable[..., World], receiver: Receiver) -> World:
    opened = make(receiver)
    opened.anomaly(0)
    assert opened.pages == ["trigger"]
    return opened


def test_what_is_acknowledged_and_resolved_in_slack_is_so_in_pagerduty_once(world: World) -> None:
    world.press("aiops.acknowledge")
    assert world.rig.only.acknowledged_by == "slack:U0ANN"
    assert world.pages == ["trigger", "acknowledge"]
    world.page("acknowledged", agent="service_reference")  # that our own message led to
    assert world.rig.only.acknowledged_by == "slack:U0ANN"
    world.press("aiops.resolve")
    assert (world.rig.only.status, world.rig.only.resolved_by) == ("resolved", "slack:U0ANN")
    world.page("resolved", agent="service_reference")
    assert world.pages == ["trigger", "acknowledge", "resolve"]


def test_what_is_acknowledged_in_pagerduty_is_so_in_slack_and_is_not_sent_back(
    world: World,
) -> None:
    (post,) = world.receiver.workspace.roots
    world.page("acknowledged")
    assert world.rig.only.acknowledged_by == "pagerduty:PBOB"
    assert "Acknowledged by*\\npagerduty:PBOB" in json.dumps(post.blocks)
    assert "aiops.acknowledge" not in post.buttons
    assert world.pages == ["trigger"]
    assert ("pagerduty", "acknowledged", "done", 0, "done there") in world.steps
    world.page("resolved")
    assert world.rig.only.resolved_by == "pagerduty:PBOB"
    assert not post.buttons
    assert world.pages == ["trigger"]
    assert ("pagerduty", "resolved", "done", 0, "done there") in world.steps


def test_what_comes_back_pages_again_though_it_was_ended_there(world: World) -> None:
    world.page("resolved")
    world.anomaly(40)
    assert (world.rig.only.status, world.rig.only.generation) == ("open", 2)
    assert world.pages == ["trigger", "trigger"]
    world.press("aiops.resolve")
    assert world.pages == ["trigger", "trigger", "resolve"]


def test_both_sides_at_once_come_to_an_end(world: World) -> None:
    (post,) = world.receiver.workspace.roots
    one = press(post, "aiops.acknowledge", SECRET, at=world.clock.ms // 1000 + 10)
    world.page("acknowledged")
    world.send("slack", one.body, one.headers)
    world.page("resolved")
    before = (world.pages, world.slack)
    assert before[1][-1].startswith("✅ Resolved by pagerduty:PBOB")
    for word in ("acknowledged", "resolved"):
        world.page(word, agent="service_reference")
    assert (world.pages, world.slack) == before
    assert world.pages == ["trigger"]
    assert world.rig.only.status == "resolved"


def test_where_a_page_is_still_on_its_way_the_end_is_told_after_it(
    make: Callable[..., World], receiver: Receiver
) -> None:
    world = make(receiver)
    receiver.answer("pagerduty", 503, times=1)
    world.anomaly(0)
    assert world.pages == []
    world.page("resolved")  # the page came through though its answer was lost
    world.act.tick(600)
    assert world.pages == ["trigger", "resolve"]


def test_of_two_services_in_pagerduty_both_are_told_wherever_it_was_done(
    make: Callable[..., World], receiver: Receiver
) -> None:
    two = [
        {"channel": "slack_bot"},
        {"channel": "pagerduty", "raised_at": []},
        {"channel": "pagerduty", "name": "second", "raised_at": []},
    ]
    world = make(receiver, channels=two)
    world.anomaly(0)
    world.page("acknowledged")
    assert world.pages == ["trigger", "trigger", "acknowledge", "acknowledge"]
