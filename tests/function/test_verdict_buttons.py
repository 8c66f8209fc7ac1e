"""*False alarm* and *Real* pressed in Slack, signed, through the gateway, until a line moves."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from aiops import topics
from aiops.adapters.memory_broker import MemoryPublisher
from aiops.adapters.memory_deliveries import MemoryDeliveries
from aiops.clock import ManualClock
from aiops.events import Anomaly, CauseJudged, Evidence
from aiops.ports import Event
from aiops.series import shard_of
from functions.detect.config import DetectConfig, Rule
from functions.gateway import edge
from local.receiver import Receiver
from local.slack.post import Post
from local.slack.press import Press, press
from tests.detecting import MINUTE, Detecting, minutes, noise
from tests.function.test_correlate import Rig
from tests.incidents import incident
from tests.property.correlate_world import START, anomaly
from tests.requesting import NOW, SECRET, STANDARD, cloudevents
from tests.telling import opened, step, tell

FOUND = NOW * 1000
CONFIGS = {
    "static": DetectConfig(default=Rule(detector="static", params={"upper": 100.0})),
    "baseline": DetectConfig(),
}
STRANGE = {"static": (150.0, 150.0), "baseline": (110.0, 200.0)}
"""What alarms first, and what alarms a minute later: the baseline gets used to what it saw."""


def learned(config: DetectConfig) -> Detecting:
    """Return a `detect` that knows a series and has nothing to say of it."""
    detecting = Detecting(config)
    before = noise(300, level=80.0, spread=2.0).clip(74.0, 86.0)
    assert detecting.feed(minutes(FOUND - 300 * MINUTE, before), size=60) == []
    return detecting


@dataclass
class World:
    """One series, the message about its anomaly, and the gateway that its buttons lead to.

    Attributes:
        untold: Another `detect` with the same samples that hears of no verdict.
    """

    client: FlaskClient
    publisher: MemoryPublisher
    clock: ManualClock
    post: Post
    found: Anomaly
    later: float
    detecting: Detecting
    untold: Detecting

    def pressed(self, name: str, user: str = "U0ANN") -> Press:
        return press(self.post, name, SECRET, user=user, at=self.clock.ms // 1000)

    def send(self, one: Press, status: int = 200) -> list[Event]:
        """Send a press; return what the gateway passes on."""
        answer = self.client.post("/slack", data=one.body, headers=dict(one.headers))
        assert answer.status_code == status
        return [message.event for message in self.publisher.take(topics.CONTROL)]

    def follow(self, name: str, user: str = "U0ANN") -> tuple[Press, Event]:
        """Press a button, and let `detect` hear of it."""
        one = self.pressed(name, user)
        (event,) = self.send(one)
        assert self.detecting.handler(event) == {"verdicts": 1}
        return one, event

    def alarms(self) -> tuple[bool, bool]:
        """Return whether a later sample does: here, and where nothing was said."""
        points = [(FOUND + MINUTE, self.later)]
        return bool(self.detecting.feed(points)), bool(self.untold.feed(points))

    @property
    def said(self) -> list[tuple[str, str]]:
        series = self.found.series
        (given,) = self.detecting.verdicts.read([(shard_of(series), series)])
        return [(one.verdict, one.given_by) for one in given]

    @property
    def line(self) -> bytes:
        return bytes(self.detecting.header()["line"].tobytes())


@pytest.fixture(params=CONFIGS)
def world(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    serve: Callable[[str], FlaskClient],
    environment: Path,
    publisher: MemoryPublisher,
) -> World:
    clock = ManualClock(FOUND + 1_000)
    deliveries = MemoryDeliveries()
    monkeypatch.setattr("functions.gateway.wiring.RedisDeliveries", lambda *_: deliveries)
    monkeypatch.setattr("functions.gateway.wiring.KafkaPublisher", lambda _: publisher)
    monkeypatch.setattr(edge, "_REAL", clock)
    monkeypatch.setenv("SLACK_SIGNING_SECRETS", SECRET)
    monkeypatch.setenv("CLOUDEVENTS_WEBHOOK_SECRETS", STANDARD)
    (environment / "aiops.yaml").write_text(
        "gateway: {senders: [slack, cloudevents]}", encoding="utf-8"
    )
    first, later = STRANGE[request.param]
    detecting, untold = learned(CONFIGS[request.param]), learned(CONFIGS[request.param])
    (found,), (same,) = (one.feed([(FOUND, first)]) for one in (detecting, untold))
    assert found == same
    proof = Evidence(first=found.time, last=found.time, count=1, peak=found)
    with Receiver() as receiver:
        bot = opened("slack_bot", receiver.settings)
        assert tell(bot, step("slack_bot"), incident(evidence=(proof,))).verdict == "done"
        (post,) = receiver.workspace.roots
    return World(serve("gateway"), publisher, clock, post, found, later, detecting, untold)


def test_a_false_alarm_is_one_no_more_once_the_button_is_pressed(world: World) -> None:
    before = world.line
    world.follow("aiops.false_alarm")
    assert world.said == [("not_anomaly", "slack:U0ANN")]
    assert world.line != before
    assert world.alarms() == (False, True)


def test_who_presses_real_afterwards_has_the_last_word_and_the_alarm_is_back(world: World) -> None:
    world.follow("aiops.false_alarm")
    raised = world.line
    world.clock.ms += 60_000
    world.follow("aiops.real", user="U0BOB")
    assert world.line != raised
    assert world.said == [("anomaly", "slack:U0BOB")]
    assert world.alarms() == (True, True)


def test_a_press_that_is_sent_again_does_nothing_however_it_comes(world: World) -> None:
    first, event = world.follow("aiops.false_alarm")
    assert world.send(first) == []
    world.clock.ms += 60_000
    world.follow("aiops.real")
    settled = world.line
    assert world.send(first) == []  # remembered
    assert world.detecting.handler(event) == {"verdicts_known": 1}  # the broker's repeat
    world.clock.ms += 300_001
    assert world.send(first, status=401) == []  # its time is over
    assert world.said == [("anomaly", "slack:U0ANN")]
    assert world.line == settled
    assert world.alarms() == (True, True)


def test_a_press_nobody_signed_moves_no_line(world: World) -> None:
    before = world.line
    forged = press(world.post, "aiops.false_alarm", "f" * 32, at=world.clock.ms // 1000)
    assert world.send(forged, status=401) == []
    assert world.line == before
    assert world.alarms() == (True, True)


def test_a_signed_word_on_a_root_cause_is_what_the_next_suspects_rest_on(world: World) -> None:
    rig = Rig()
    rig.give(anomaly("a", 0))
    word = {"incident": rig.only.id, "cause": "a", "given_by": "ann", "given_at": START + 60_000}
    event = {"specversion": "1.0", "id": "1", "source": "/desk", "type": CauseJudged.type}
    sent = cloudevents(json.dumps(event | {"data": word}).encode(), at=world.clock.ms // 1000)
    answer = world.client.post("/cloudevents", data=sent.body, headers=dict(sent.headers))
    assert answer.status_code == 200
    (message,) = world.publisher.take(topics.CONTROL)
    assert rig.deliver(message.event)["causes"] == 1
    rig.give(anomaly("a", 1_000))
    newest = max(rig.told.values(), key=lambda one: one.opened_at)
    assert newest.root_cause[0].confidence_reason == "1 verdict so far: too few to say"
