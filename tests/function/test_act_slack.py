"""Slack's bot through the whole of `act`, killed at every call; and its buttons, pressed."""

import itertools
import time

import pytest

from aiops.action_log import SLOTS
from aiops.adapters.memory_action_log import MemoryActionLog
from aiops.adapters.memory_broker import MemoryPublisher
from aiops.clock import ManualClock, SystemClock
from aiops.events import INCIDENT_TYPES, CommandGiven, FeedbackGiven, WorkDue
from aiops.ports import Event
from functions.act.config import DEFAULT_RULES, ActConfig
from functions.act.handler import ActHandler
from functions.act.performer import LEASE_SECONDS, Performer
from functions.act.plots.illustrator import Picture
from functions.act.wiring import open_channels, with_bot
from functions.gateway.sender import Forged, Place, Request
from functions.gateway.senders.slack import Sender
from local.receiver import Receiver
from local.slack.press import press
from tests.incidents import ID, START, incident
from tests.sending import local_sender

SECRET = "0123456789abcdef0123456789abcdef"
STORY = (
    {"severity": 3},
    {"severity": 4},
    {"severity": 4, "status": "acknowledged"},
    {"severity": 4, "status": "resolved", "resolved_at": START + 190_000},
)


class Killed(BaseException):
    """The process is gone."""


class Mortal:
    """A sender whose process dies at one of its calls, before it or after it."""

    def __init__(self, dies_at=None, arrived=False):
        self.inner, self.calls = local_sender(), 0
        self.dies_at, self.arrived = dies_at, arrived

    def send(self, request, seconds):
        self.calls += 1
        if self.calls == self.dies_at:
            if self.arrived:
                self.inner.send(request, seconds)
            raise Killed
        return self.inner.send(request, seconds)


class Drawing:
    def picture(self, incident):
        return Picture(b"\x89PNG\r\n\x1a\n" + bytes(50), "plot.png", "a plot")


class Act:
    """`act` that is started again whenever it died."""

    def __init__(self, receiver, sender):
        self.receiver, self.sender = receiver, sender
        self.clock, self.seconds = ManualClock(START), 0.0
        self.log = MemoryActionLog(timer=lambda: self.seconds)
        self.tokens = itertools.count()
        self.start()

    def start(self):
        config = ActConfig(channels=[{"channel": "slack_bot"}])
        channels, off = open_channels(config, self.receiver.settings.get)
        channels["slack_bot"].illustrate(Drawing())
        performer = Performer(
            self.log, self.sender, channels, off, self.clock, time.monotonic, SystemClock().now,
            lambda: str(next(self.tokens)), config.give_up_after, config.merge_wait,
        )  # fmt: skip
        self.handler = ActHandler(self.log, performer, MemoryPublisher(), self.clock, config)

    def handle(self, kind, data):
        """Deliver an event until it is answered, each time to a process that lives."""
        while True:
            try:
                return self.handler(Event("id", "/test", kind, START, data))
            except Killed:
                self.pass_time(LEASE_SECONDS + 1)
                self.start()

    def tell(self, version, changes):
        snapshot = incident(version, **changes)
        for _ in range(3):
            self.handle(INCIDENT_TYPES[1], snapshot.model_dump_json().encode())

    def pass_time(self, seconds):
        self.seconds += seconds
        self.clock.ms += int(seconds * 1000)

    def settle(self):
        for _ in range(20):
            self.pass_time(60)
            due = WorkDue(stage="act", now=self.clock.ms)
            self.handle(WorkDue.type, due.model_dump_json().encode())

    def run(self):
        for version, changes in enumerate(STORY, 1):
            self.tell(version, changes)
            self.settle()
        assert not self.log.due(range(SLOTS), 1 << 60, 10)


@pytest.fixture
def receiver():
    with Receiver() as running:
        yield running


@pytest.mark.parametrize("arrived", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("dies_at", range(1, 15))
def test_whenever_it_is_killed_an_incident_is_one_message_with_each_reply_once(
    receiver, dies_at, arrived
):
    act = Act(receiver, Mortal(dies_at, arrived))
    act.run()
    assert act.sender.calls > dies_at
    (root,) = receiver.workspace.roots
    assert root.text.startswith("✅")
    assert "image" in [block["type"] for block in root.blocks]
    thread = receiver.workspace.thread(root.ts)
    replies = [post.metadata["event_payload"]["step"] for post in thread]
    told = act.log.read(ID).steps
    assert replies == [step.id for step in told if step.kind in {"severity_raised", "resolved"}]
    assert {message.step for message in receiver.messages} == {step.id for step in told}
    assert not any(message.possible_repeat for message in receiver.messages)


def test_the_bot_has_the_rule_of_slack_where_no_channels_are_configured():
    known = {"SLACK_BOT_TOKEN": "x", "SLACK_CHANNEL": "y"}
    served = with_bot(ActConfig(), known.get)
    names = [rule.channel for rule in DEFAULT_RULES]
    place = names.index("slack")
    assert [rule.channel for rule in served.channels] == [
        *names[:place], "slack_bot", *names[place:],
    ]  # fmt: skip
    assert with_bot(ActConfig(), {"SLACK_CHANNEL": "y"}.get) == ActConfig()
    chosen = ActConfig(channels=[{"channel": "slack"}])
    assert with_bot(chosen, known.get) == chosen
    routed = ActConfig(routes=[{"name": "a", "to": ["slack"]}, {"name": "b", "to": ["webhook"]}])
    routes = with_bot(routed, known.get).routes
    assert [route.to for route in routes] == [("slack_bot", "slack"), ("webhook",)]


def request(pressed, now):
    headers = {name.lower(): text for name, text in pressed.headers.items()}
    return Request(headers, pressed.body, now * 1000, now * 1000)


def test_every_button_is_a_wish_that_the_gateway_believes(receiver):
    act = Act(receiver, Mortal())
    act.tell(1, {})
    (root,) = receiver.workspace.roots
    sender = Sender(SECRET, Place("test", {}))
    now = int(time.time())
    kinds = {}
    for name in root.buttons:
        asked = request(press(root, name, SECRET, at=now), now)
        sender.verify(asked)
        (message,) = sender.translate(asked).messages
        kinds[name] = message.event.type
    assert kinds == {
        "aiops.acknowledge": CommandGiven.type,
        "aiops.resolve": CommandGiven.type,
        "aiops.silence": CommandGiven.type,
        "aiops.false_alarm": FeedbackGiven.type,
        "aiops.real": FeedbackGiven.type,
    }
    with pytest.raises(Forged):
        sender.verify(request(press(root, name, "f" * 32, at=now), now))


def test_a_button_that_is_not_there_cannot_be_pressed(receiver):
    act = Act(receiver, Mortal())
    act.tell(1, {})
    with pytest.raises(LookupError):
        press(receiver.workspace.roots[0], "aiops.approve", SECRET)
