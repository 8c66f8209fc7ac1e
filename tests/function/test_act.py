"""act from the event to the receivers, with nothing but the store and the broker in memory."""

import json
from collections import Counter
from dataclasses import replace
from itertools import count

import pytest

from aiops import topics
from aiops.action_log import SLOTS, slot_of
from aiops.adapters.memory_action_log import MemoryActionLog
from aiops.adapters.memory_broker import MemoryPublisher
from aiops.clock import ManualClock, SystemClock
from aiops.errors import Misconfigured, Rejected, Unavailable
from aiops.events import INCIDENT_TYPES, ActionFinished, WorkDue
from aiops.ports import Event
from functions.act.answer import answer_of, no_answer
from functions.act.channel import Request
from functions.act.config import ActConfig
from functions.act.handler import ActHandler
from functions.act.performer import (
    LEASE_SECONDS,
    MAX_RIGHTING,
    REQUEST_SECONDS,
    SENDING_SECONDS,
    Performer,
)
from functions.act.sender import CALL_SECONDS, Calls
from functions.act.wiring import open_channels
from local.receiver import Receiver
from tests.incidents import ID, START, incident
from tests.sending import local_sender

OTHER = "5a1d8b7c-40f8-5d62-8d43-8d3c5fd2a001"


class Refusing(MemoryPublisher):
    asked = 0

    def publish(self, messages):
        type(self).asked += 1
        raise Unavailable("Kafka: away")


class Scripted:
    """A sender that answers as told, and notes what it was asked to send."""

    def __init__(self, *answers, before=lambda: None):
        self.answers, self.sent, self.before = list(answers), [], before

    def send(self, request, seconds):
        self.before()
        self.sent.append(request.channel)
        return self.answers.pop(0) if self.answers else answer_of(200)


class Act:
    """The function, its clock and its surroundings."""

    def __init__(self, environment, sender=None, **config):
        self.clock, self.seconds = ManualClock(START), 0.0
        self.log = MemoryActionLog(timer=lambda: self.seconds)
        self.publisher = MemoryPublisher()
        self.config = ActConfig(**config)
        channels, off = open_channels(self.config, environment.get)
        tokens = count()
        performer = Performer(
            log=self.log,
            sender=sender or local_sender(),
            channels=channels,
            off=off,
            clock=self.clock,
            timer=lambda: self.seconds,
            unix_time=SystemClock().now,
            new_token=lambda: str(next(tokens)),
            give_up_after=self.config.give_up_after,
            merge_wait=self.config.merge_wait,
        )
        self.handler = ActHandler(self.log, performer, self.publisher, self.clock, self.config)

    def tell(self, version=1, **changes):
        snapshot = incident(version, **changes)
        return self.event(INCIDENT_TYPES[1], snapshot.model_dump_json().encode())

    def tick(self, seconds=60):
        self.clock.ms += seconds * 1000
        due = WorkDue(stage="act", now=self.clock.ms)
        return self.event(WorkDue.type, due.model_dump_json().encode())

    def event(self, kind, data):
        return self.handler(Event("id", "/test", kind, START, data))

    def states(self, incident=ID):
        return [(s.channel, s.kind, s.state) for s in self.log.read(incident).steps]

    @property
    def due(self):
        return self.log.due(range(SLOTS), 1 << 60, 1_000)


@pytest.fixture
def receiver():
    with Receiver() as running:
        yield running


@pytest.fixture
def act(receiver):
    return Act(receiver.environment)


def test_an_incident_is_told_to_every_channel_once_and_its_ends_are_published(act, receiver):
    assert act.tell() == Counter(planned=3, sent=3, announced=3)
    assert [m.channel for m in receiver.messages] == ["pagerduty", "slack", "webhook"]
    published = act.publisher.take(topics.ACTIONS)
    facts = [ActionFinished.model_validate_json(m.event.data) for m in published]
    assert [(f.channel, f.outcome) for f in facts] == [
        ("pagerduty", "done"),
        ("slack", "done"),
        ("webhook", "done"),
    ]
    assert {m.key for m in published} == {ID}
    assert len({m.event.id for m in published}) == 3
    assert act.due == []


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        ([200], [("webhook", "sent")]),
        ([503, 200], [("webhook", "deferred"), ("webhook", "sent")]),
        ([400], [("webhook", "failed")]),
    ],
)
def test_the_end_of_each_call_is_told_by_channel(receiver, answers, told):
    sender = Scripted(*(answer_of(status) for status in answers))
    act = Act(receiver.environment, sender, channels=[{"channel": "webhook"}])
    ended = []
    act.handler.performer.ended = lambda *words: ended.append(words)
    act.tell()
    act.tick()
    assert ended == told


def test_a_redelivered_or_older_snapshot_says_nothing(act, receiver):
    act.tell(version=2)
    assert act.tell(version=2) == Counter(stale=1)
    assert act.tell(version=1, status="resolved", resolved_at=START) == Counter(stale=1)
    assert len(receiver.messages) == 3


def test_a_whole_incident_reads_as_one_story(act, receiver):
    act.tell(1, severity=3)
    act.tell(2, severity=4)
    act.tell(3, status="acknowledged")
    act.tell(4, status="resolved", resolved_at=START + 190_000)
    act.tell(5, generation=2)
    assert [m.kind for m in receiver.messages if m.channel == "slack"] == [
        "New incident",
        "Getting worse",
        "Acknowledged",
        "Resolved",
        "Back again",
    ]
    pages = [m for m in receiver.messages if m.channel == "pagerduty"]
    assert [m.kind for m in pages] == ["trigger", "trigger", "acknowledge", "resolve", "trigger"]
    assert {m.key for m in pages} == {ID}


def test_a_receiver_that_fails_delays_its_own_messages_only(act, receiver):
    receiver.answer("slack", 503)
    assert act.tell() == Counter(planned=3, sent=2, deferred=1, announced=2)
    assert ("slack", "opened", "planned") in act.states()
    assert act.due == [ID]
    assert act.tick(1) == Counter()
    assert act.tick(30) == Counter(sent=1, announced=1)
    assert act.due == []
    assert not receiver.messages[-1].possible_repeat


def test_a_later_message_waits_for_an_earlier_one_of_its_channel(act, receiver):
    receiver.answer("slack", 503)
    act.tell()
    act.tell(2, status="resolved", resolved_at=START)
    act.tick()
    assert [m.kind for m in receiver.messages if m.channel == "slack"] == [
        "New incident",
        "Resolved",
    ]


def test_another_incident_of_the_slot_takes_what_is_due_along(act, receiver):
    neighbour = next(n for n in map(str, count()) if slot_of(n) == slot_of(ID))
    receiver.answer("webhook", 500)
    act.tell()
    act.clock.ms += 60_000
    assert act.tell(id=neighbour)["sent"] == 4


def test_a_call_at_its_slowest_fits_into_the_lease_and_the_lease_into_the_deadline():
    assert CALL_SECONDS < LEASE_SECONDS < SENDING_SECONDS < REQUEST_SECONDS == 20


def test_a_receiver_that_wants_time_gets_it(act, receiver):
    receiver.answer("pagerduty", 429, retry_after=100)
    act.tell()
    act.tick(99)
    assert act.states()[0] == ("pagerduty", "opened", "planned")
    act.tick(2)
    assert act.states()[0] == ("pagerduty", "opened", "done")


def test_a_message_refused_for_good_is_published_as_failed_and_the_next_one_goes_out(act, receiver):
    receiver.answer("slack", 404, body="channel_not_found")
    act.tell()
    assert ("slack", "opened", "failed") in act.states()
    facts = [
        ActionFinished.model_validate_json(m.event.data) for m in act.publisher.take(topics.ACTIONS)
    ]
    failed = [fact for fact in facts if fact.outcome == "failed"]
    assert [fact.reason for fact in failed] == ["first told at severity 4; 404: channel_not_found"]
    act.tell(2, status="resolved", resolved_at=START)
    assert receiver.messages[-2].kind == "Resolved"


def test_a_slack_message_that_may_have_arrived_is_marked_when_it_is_sent_again(receiver):
    sender = Scripted(no_answer("no answer in time", may_have_arrived=True))
    act = Act(receiver.environment, sender, channels=[{"channel": "slack"}])
    act.tell()
    act.handler.performer.sender = local_sender()
    act.tick()
    assert receiver.messages[-1].possible_repeat


def test_a_process_that_died_while_sending_is_taken_over_when_its_lease_is_over(receiver):
    def die():
        raise KeyboardInterrupt

    act = Act(receiver.environment, Scripted(before=die), channels=[{"channel": "slack"}])
    with pytest.raises(KeyboardInterrupt):
        act.tell()
    act.handler.performer.sender = local_sender()
    assert act.tell() == Counter(stale=1)
    act.seconds = 13.0
    assert act.tick(13)["sent"] == 1
    assert receiver.messages[0].possible_repeat


def test_a_channel_somebody_else_is_sending_to_is_left_to_them(act):
    act.log.acquire(ID, "slack", "someone", 10_000)
    assert act.tell() == Counter(planned=3, sent=2, busy=1, announced=2)
    act.seconds = 13.0
    assert act.tick(1) == Counter(sent=1, announced=1)


def test_a_message_that_cannot_be_delivered_for_a_day_fails(receiver):
    sender = Scripted(*[answer_of(503)] * 1_000)
    act = Act(receiver.environment, sender, channels=[{"channel": "slack"}])
    act.tell()
    for _ in range(300):
        act.tick(300)
    assert act.states() == [("slack", "opened", "failed")]
    assert 250 < len(sender.sent) < 320


def test_a_channel_without_its_secret_is_off_and_says_so(receiver):
    environment = {k: v for k, v in receiver.environment.items() if k != "SLACK_WEBHOOK_URL"}
    act = Act(environment)
    assert act.tell() == Counter(planned=2, sent=2, withheld=1, announced=2)
    withheld = act.log.read(ID).withheld
    assert [one.reason for one in withheld] == ["slack is off: SLACK_WEBHOOK_URL is not set"]


def test_what_was_planned_for_a_channel_that_went_off_is_dropped(receiver):
    act = Act(receiver.environment, Scripted(answer_of(503)), channels=[{"channel": "slack"}])
    act.tell()
    act.handler.performer.channels = {}
    act.tick()
    assert act.states() == [("slack", "opened", "dropped")]
    assert act.due == []


def test_a_survivors_alarm_is_raised_before_the_merged_one_is_resolved(act, receiver):
    act.tell()
    act.tell(2, status="merged", merged_into=OTHER)
    assert [m.kind for m in receiver.messages if m.channel == "pagerduty"] == ["trigger"]
    act.tell(1, id=OTHER)
    act.tick(6)
    pages = [(m.key, m.kind) for m in receiver.messages if m.channel == "pagerduty"]
    assert pages == [(ID, "trigger"), (OTHER, "trigger"), (ID, "resolve")]


def test_a_merged_alarm_does_not_wait_for_ever(act, receiver):
    act.tell()
    act.tell(2, status="merged", merged_into=OTHER)
    act.tick(60)
    assert receiver.messages[-1].kind != "resolve"
    act.tick(61)
    assert receiver.messages[-1].kind == "resolve"


def test_the_plan_is_durable_before_anything_is_sent(receiver):
    seen = []
    sender = Scripted(before=lambda: seen.append(act.log.read(ID)))
    act = Act(receiver.environment, sender)
    act.tell()
    assert len(seen[0].steps) == 3
    assert seen[0].version == 1
    assert seen[0].steps[0].state == "sending"


def test_a_request_ends_in_time_however_slow_the_receivers_are(receiver):
    def slow():
        act.seconds += CALL_SECONDS

    sender = Scripted(*[no_answer("no answer in time", may_have_arrived=True)] * 9, before=slow)
    act = Act(receiver.environment, sender)
    act.tell()
    assert act.seconds <= 15.0
    assert act.due == [ID]
    for _ in range(12):
        act.tick()
    assert {state for _, _, state in act.states()} == {"done"}


def test_a_receiver_that_fails_is_left_alone_for_the_rest_of_the_request(receiver):
    sender = Scripted(answer_of(503))
    act = Act(receiver.environment, sender, channels=[{"channel": "slack"}])
    act.tell()
    act.tell(id=OTHER)
    sender.answers = [answer_of(503)]
    before = len(sender.sent)
    act.clock.ms += 60_000
    act.tick()
    assert len(sender.sent) - before <= 1


def test_ends_that_cannot_be_published_stay_due_and_nothing_is_sent_twice(act, receiver):
    act.handler.publisher = Refusing()
    assert act.tell()["unannounced"] == 3
    assert act.due == [ID]
    act.handler.publisher = act.publisher
    assert act.tick() == Counter(announced=3)
    assert len(receiver.messages) == 3
    assert act.due == []


def test_a_broker_that_is_away_keeps_no_message_from_being_sent(act, receiver):
    class Hanging(MemoryPublisher):
        def publish(self, messages):
            act.seconds += 12.0
            raise Unavailable("Kafka: away")

    act.handler.publisher = Hanging()
    for version, severity in ((1, 3), (2, 4), (3, 5)):
        act.tell(version, severity=severity)
    assert len([m for m in receiver.messages if m.channel == "slack"]) == 3


def test_a_broker_that_is_away_is_asked_once_a_request(act):
    act.handler.publisher = Refusing()
    act.tell()
    act.tell(id=OTHER)
    Refusing.asked = 0
    assert act.tick()["unannounced"] == 3
    assert Refusing.asked == 1


def test_what_there_was_no_time_to_publish_is_published_with_the_next_tick(receiver):
    def slow():
        act.seconds += CALL_SECONDS

    act = Act(receiver.environment, Scripted(before=slow), channels=[{"channel": "slack"}])
    assert act.tell() == Counter(planned=1, sent=1)
    assert act.tick() == Counter(announced=1)


def test_a_due_incident_without_a_record_is_forgotten(act):
    act.log._due[ID] = START
    assert act.tick() == Counter()
    assert act.due == []


def test_a_step_whose_snapshot_is_gone_fails_with_that_reason(receiver):
    act = Act(receiver.environment, Scripted(answer_of(503)), channels=[{"channel": "slack"}])
    act.tell()
    act.log._snapshots.clear()
    act.tick()
    assert act.states() == [("slack", "opened", "failed")]


def test_a_call_is_not_begun_when_the_lease_is_nearly_over(receiver):
    act = Act(receiver.environment, channels=[{"channel": "slack"}])
    snapshot = act.log.snapshot

    def slow(*arguments):
        act.seconds += 3.0
        return snapshot(*arguments)

    act.log = act.handler.performer.log = With(act.log, snapshot=slow)
    assert act.tell()["deferred"] == 1
    assert receiver.messages == ()


def test_what_somebody_else_finished_just_before_is_not_sent_again(receiver):
    act = Act(receiver.environment, channels=[{"channel": "slack"}])
    log = act.log

    def overtaken(incident, *lease):
        record = log.read(incident)
        done = record.steps[0].model_copy(update={"state": "done", "finished_at": START})
        log.commit(record.model_copy(update={"steps": (done,)}))
        return log.acquire(incident, *lease)

    act.handler.performer.log = With(log, acquire=overtaken)
    assert act.tell() == Counter(planned=1, announced=1)
    assert receiver.messages == ()


def test_a_record_others_keep_changing_is_left_to_a_redelivery(act, receiver):
    act.handler.log = With(act.log, commit=lambda *_: False)
    with pytest.raises(Unavailable, match="changed by others"):
        act.tell()
    assert receiver.messages == ()


def test_a_record_another_changed_meanwhile_is_read_again(act):
    refused = [False]
    commit = act.log.commit
    act.handler.log = With(act.log, commit=lambda *a: refused.pop() if refused else commit(*a))
    assert act.tell()["sent"] == 3


def test_a_state_that_cannot_be_put_right_is_given_up_at_last(receiver):
    sender = Scripted(no_answer("no answer in time", may_have_arrived=True))
    act = Act(receiver.environment, sender, channels=[{"channel": "pagerduty"}])
    act.tell()
    act.tick()
    act.tell(2, status="resolved", resolved_at=START)
    assert len(sender.sent) == 3
    sender.answers = [answer_of(503)] * 1_000
    for _ in range(200):
        act.tick(400)
    assert len(sender.sent) == 3 + MAX_RIGHTING + 1
    assert act.due == []


class With:
    """A log of which some methods are replaced."""

    def __init__(self, log, **replaced):
        self.log = log
        self.__dict__.update(replaced)

    def __getattr__(self, name):
        return getattr(self.log, name)


@pytest.mark.parametrize(
    ("kind", "data", "named"),
    [
        ("dev.aiops.samples.v1", b"{}", "type"),
        (INCIDENT_TYPES[0], b"{}", "id"),
        (INCIDENT_TYPES[0], b"not json", "data"),
        (INCIDENT_TYPES[0], b'{"id": "\xff"}', "data"),
        (INCIDENT_TYPES[0], b"[" * 10_000, "data"),
        (WorkDue.type, b'{"stage": "detect", "now": 1}', "stage"),
        (WorkDue.type, b'{"stage": "act", "now": "soon"}', "now"),
    ],
)
def test_a_wrong_event_is_rejected_by_the_name_of_its_field(act, kind, data, named):
    with pytest.raises(Rejected, match=named):
        act.event(kind, data)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("severity", 6),
        ("severity", "4"),
        ("opened_at", -1),
        ("opened_at", 1 << 53),
        ("services", "cart"),
        ("anomalies", float("nan")),
        ("unknown", 1),
    ],
)
def test_a_wrong_field_of_an_incident_is_named(act, field, value):
    content = incident().model_dump() | {field: value}
    data = json.dumps(content).encode()
    with pytest.raises(Rejected, match=field):
        act.event(INCIDENT_TYPES[0], data)


def test_no_secret_reaches_the_store_or_the_broker(act, receiver):
    for status in (400, 403, 500):
        for channel in ("slack", "pagerduty", "webhook"):
            receiver.answer(channel, status, body="{url} {headers} {body}")
        act.tell(status, severity=1 + status // 150, root_cause=())
    kept = str(act.log) + str(act.publisher.topics)
    environment = receiver.environment
    for secret in (
        environment["SLACK_WEBHOOK_URL"].rsplit("/", 1)[1],
        environment["PAGERDUTY_ROUTING_KEY"],
        environment["WEBHOOK_SECRET"].removeprefix("whsec_"),
    ):
        assert secret not in kept


def test_an_unknown_channel_stops_the_start_with_its_name(receiver):
    config = ActConfig(channels=[{"channel": "carrier_pigeon"}])
    with pytest.raises(Misconfigured, match="carrier_pigeon"):
        open_channels(config, receiver.environment.get)


def test_over_http_a_failing_receiver_is_no_reason_to_deliver_again(
    serve, monkeypatch, act, receiver
):
    for name, value in receiver.environment.items():
        monkeypatch.setenv(name, value)
    wiring = "functions.act.wiring"
    monkeypatch.setattr(f"{wiring}.RedisActionLog", lambda *_: act.log)
    monkeypatch.setattr(f"{wiring}.KafkaPublisher", lambda _: act.publisher)
    client = serve("act")
    for channel in ("slack", "pagerduty", "webhook"):
        receiver.answer(channel, 503)
    headers = {
        "ce-specversion": "1.0",
        "ce-id": "1",
        "ce-source": "/t",
        "ce-type": INCIDENT_TYPES[0],
        "ce-time": "2026-01-31T12:00:00Z",
        "content-type": "application/json",
    }
    body = incident().model_dump_json()
    assert client.post("/", data=body, headers=headers).status_code == 204
    assert [state for _, _, state in act.states()] == ["planned"] * 3
    assert client.post("/", data="{}", headers=headers).status_code == 400

    def away(*_):
        raise Unavailable("Redis: away")

    monkeypatch.setattr(MemoryActionLog, "read", away)
    assert client.post("/", data=body, headers=headers).status_code == 503


def test_wrong_allowed_addresses_stop_the_start(serve, monkeypatch):
    monkeypatch.setenv("ALLOWED_ADDRESSES", "10.0.0.0/99")
    with pytest.raises(SystemExit, match=r"aiops act: ALLOWED_ADDRESSES: .*expected networks"):
        serve("act")


def test_a_wrong_setting_stops_the_start_with_one_line_that_names_it(serve, monkeypatch):
    monkeypatch.setenv("SLACK_WEBHOOK_URL", "ftp://hooks.example.com/secret-path")
    with pytest.raises(SystemExit, match=r"aiops act: SLACK_WEBHOOK_URL: expected") as stopped:
        serve("act")
    assert "secret-path" not in str(stopped.value)
    assert "\n" not in str(stopped.value)


def test_an_incident_that_cannot_be_worked_on_holds_up_no_other_and_is_not_passed_over_in_silence(
    receiver, monkeypatch
):
    refused = [no_answer("down", may_have_arrived=False) for _ in range(6)]
    act = Act(receiver.environment, Scripted(*refused))
    act.tell()
    act.tell(id=OTHER)
    perform = Performer.perform

    def broken(self, record, budget):
        if record.incident == ID:
            raise ZeroDivisionError
        return perform(self, record, budget)

    monkeypatch.setattr(Performer, "perform", broken)
    with pytest.raises(ExceptionGroup, match="cannot be worked on"):
        act.tick()
    assert {state for _, _, state in act.states(ID)} == {"planned"}
    assert {state for _, _, state in act.states(OTHER)} == {"done"}


@pytest.mark.parametrize("field", ["version", "generation", "anomalies"])
def test_a_number_no_receiver_could_read_is_refused(act, field):
    snapshot = json.loads(incident(1).model_dump_json()) | {field: 10**40}
    with pytest.raises(Rejected, match=field):
        act.event(INCIDENT_TYPES[1], json.dumps(snapshot).encode())
    assert act.log.read(ID) is None


class TwoCalls:
    """A channel that uploads something and then posts it, and notes what it uploaded."""

    repeat = "visible"

    def __init__(self):
        self.knew = []

    def deliver(self, delivery, http):
        self.knew.append(dict(delivery.receipt))
        receipt = dict(delivery.receipt)
        if "file" not in receipt:
            upload = http.call(Request("slack", "http://upload"))
            if upload.verdict != "done":
                return upload
            receipt["file"] = "F1"
        return replace(http.call(Request("slack", "http://post")), receipt=receipt)


@pytest.mark.parametrize(
    ("answers", "states"),
    [
        ([answer_of(200), answer_of(503)], ["planned", "done"]),
        ([answer_of(200), no_answer("no answer", may_have_arrived=True)], ["planned", "done"]),
        ([answer_of(200), answer_of(400)], ["failed", "failed"]),
    ],
)
def test_what_half_a_delivery_achieved_is_known_to_the_next(receiver, answers, states):
    sender = Scripted(*answers)
    act = Act(receiver.environment, sender, channels=[{"channel": "slack"}])
    channel = TwoCalls()
    act.handler.performer.channels = {"slack": channel}
    act.tell()
    assert act.states()[0][2] == states[0]
    assert act.log.read(ID).steps[0].possible_repeat is (answers[1].may_have_arrived)
    act.tick()
    act.tell(2, severity=5)
    assert act.states()[0][2] == states[1]
    assert channel.knew[0] == {}
    assert channel.knew[1] == {"file": "F1"} == act.log.read(ID).receipts["slack"]


def test_the_calls_of_a_delivery_share_one_end(receiver):
    act = Act(receiver.environment)
    allowed = []

    class Slow:
        def send(self, request, seconds):
            allowed.append(seconds)
            act.seconds += seconds / 2
            return answer_of(200)

    calls = Calls(Slow(), lambda: act.seconds, act.seconds + CALL_SECONDS)
    for _ in range(3):
        assert calls.call(Request("slack", "http://x")).verdict == "done"
    assert allowed == [CALL_SECONDS, CALL_SECONDS / 2, CALL_SECONDS / 4]
    act.seconds += CALL_SECONDS
    late = calls.call(Request("slack", "http://x"))
    assert (late.verdict, late.may_have_arrived, len(allowed)) == ("retry", False, 3)
    assert calls.left() == 0.0
