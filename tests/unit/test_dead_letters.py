"""Dead letters: what they are, where they came from, what is published again and in which order."""

import base64
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiops.errors import Misconfigured
from local.cli import main
from local.commands import dlq
from local.dead_letters.advice import advice
from local.dead_letters.arguments import code, since
from local.dead_letters.letter import (
    OF_DELIVERY,
    Letter,
    Mark,
    Place,
    mark,
    original,
    read_record,
    without_data,
)
from local.dead_letters.listing import body, row, tame, whole
from local.dead_letters.plan import (
    NOT_AN_EVENT,
    UNKNOWN_TOPIC,
    WOULD_COME_BACK,
    Filter,
    Ticket,
    plan,
    portions,
    waves,
)
from local.dead_letters.routes import route_of, routes_of
from local.delivery.cloudevent import CloudEvent, Record, numbered, to_record, wrapped
from local.delivery.policy import Answer, dead_letter
from local.manifests import load

ROOT = Path(__file__).parents[2]
ROUTES = routes_of(load(ROOT / "knative" / "base"))
DETECT = "http://aiops-detect.aiops.svc.cluster.local"
CORRELATE = "http://aiops-correlate.aiops.svc.cluster.local"
ACT = "http://aiops-act.aiops.svc.cluster.local"
UNAVAILABLE = Answer(503, body=b"Redis: ConnectionError\n")
WRONG = Answer(400, body=b"samples.3.2: not a number\n")
SILENT = Answer(None, problem="connection refused")


def event(of_type: str = "dev.aiops.samples.v1", **extensions: str) -> CloudEvent:
    attributes = {"specversion": "1.0", "id": "e", "source": "/p", "type": of_type, **extensions}
    return CloudEvent(attributes, b'{"a": 1}')


def delivered(
    what: CloudEvent,
    answer: Answer = UNAVAILABLE,
    destination: str = DETECT,
    origin: tuple[int, int] = (4, 17),
    at: tuple[int, int] = (0, 0),
) -> Letter:
    """Return what the dead letter sink makes of an event, as it is read from the topic."""
    came = Record("any", *origin, 1_000, None, b"")
    return read(dead_letter(numbered(what, came), destination, answer), at)


def read(letter: CloudEvent, at: tuple[int, int] = (0, 0)) -> Letter:
    key, value, headers = to_record(letter)
    found = read_record(Record("aiops-dlq", *at, 5_000, key, value, headers))
    assert isinstance(found, Letter)
    return found


def test_a_letter_tells_how_its_delivery_ended() -> None:
    letter = delivered(event(), WRONG)
    assert (letter.code, letter.reason) == (400, "samples.3.2: not a number")
    assert (letter.service, letter.origin, letter.redriven) == ("aiops-detect", (4, 17), 0)
    silent = delivered(event(), SILENT)
    assert (silent.code, silent.reason) == (None, "no answer")


def test_a_letter_may_say_anything_and_is_read_all_the_same() -> None:
    odd = event(
        knativeerrordata="not base64!",
        knativeerrorcode="x",
        knativekafkapartition="-1",
        knativeerrordest="http://[",
        redriven="many",
    )
    letter = read(odd)
    assert (letter.code, letter.reason, letter.origin) == (None, "not base64!", None)
    assert (letter.service, letter.redriven) == ("", 0)


def test_a_record_that_is_no_event_is_a_letter_without_one() -> None:
    found = read_record(Record("aiops-dlq", 2, 3, 5_000, None, None))
    assert found == Letter(Place(2, 3), 5_000, None, b"", 0)
    assert plan([found], ROUTES, force=True).refused == {NOT_AN_EVENT: 1}


def test_a_mark_names_its_letter() -> None:
    letter = delivered(event(), at=(2, 41))
    key, value, headers = to_record(mark(letter))
    assert read_record(Record("aiops-dlq", 2, 42, 0, key, value, headers)) == Mark(Place(2, 41))


def test_a_mark_of_nothing_marks_nothing() -> None:
    forged = event("dev.aiops.letter.redriven.v1", subject="all of them")
    assert read(forged).event is None


@pytest.mark.parametrize(
    ("what", "destination", "topic", "name"),
    [
        (event(), DETECT, "metrics", "KafkaSource metrics-to-detect"),
        (event("dev.knative.apiserver.resource.add"), DETECT, "events", "events-to-detect"),
        (event("dev.aiops.work.due.v1", stage="detect"), DETECT, "metrics", "metrics-to-detect"),
        (event("dev.aiops.work.due.v1", stage="correlate"), CORRELATE, "control", "Trigger work"),
        (event("dev.aiops.work.due.v1", stage="act"), ACT, "control", "Trigger work-due-to-act"),
        (event("dev.aiops.topology.observed.v1"), CORRELATE, "control", "Trigger topology"),
        (event("dev.aiops.change.observed.v1"), CORRELATE, "control", "Trigger change"),
        (event("dev.aiops.command.given.v1"), CORRELATE, "control", "Trigger command"),
        (event("dev.aiops.cause.judged.v1"), CORRELATE, "control", "Trigger cause"),
        (event("dev.aiops.anomalies.detected.v1"), CORRELATE, "anomalies", "anomalies-to-corr"),
        (event("dev.aiops.incident.merged.v1"), ACT, "incidents", "KafkaSource incidents-to-act"),
    ],
)
def test_where_an_event_came_from_follows_from_the_objects(
    what: CloudEvent, destination: str, topic: str, name: str
) -> None:
    route = route_of(delivered(what, destination=destination), ROUTES)
    assert route is not None
    assert route.topic == topic
    assert name in route.name


def test_every_source_and_trigger_is_found_again_from_its_own_letters() -> None:
    """Whatever is added to the objects: its letters must lead back to it."""
    for route in ROUTES:
        origin = f"/apis/v1/namespaces/aiops/kafkasources/x#{route.topic}"
        type_ = route.attributes.get("type", "dev.knative.kafka.event")
        what = event(type_, **{"source": origin, **_others(route.attributes)})
        found = route_of(delivered(what, destination=f"http://{route.service}.x.svc"), ROUTES)
        assert found == route


def test_an_event_of_a_kind_nobody_knows_leads_back_where_there_is_one_way_only() -> None:
    what = event("foreign.kind")
    assert route_of(delivered(what, destination=DETECT), ROUTES) is None
    found = route_of(delivered(what, destination="http://aiops-act.x.svc"), ROUTES)
    assert found is not None
    assert found.topic == "incidents"


def _others(attributes: dict[str, str]) -> dict[str, str]:
    return {name: text for name, text in attributes.items() if name != "type"}


def test_a_record_that_was_no_event_says_itself_where_it_came_from() -> None:
    record = Record("metrics", 7, 99, 1_000, b"k", b"rubbish", [("Zone", b"eu")])
    plain = wrapped(record, "/apis/v1/namespaces/aiops/kafkasources/metrics-to-detect")
    (ticket,) = plan([delivered(plain, WRONG, origin=(7, 99))], ROUTES, force=True).tickets
    assert (ticket.topic, ticket.partition, ticket.offset) == ("metrics", 7, 99)


@pytest.mark.parametrize("topic", ["incidents", "elsewhere", ""])
def test_a_forged_source_does_not_choose_the_topic(topic: str) -> None:
    forged = event("dev.knative.kafka.event", source=f"/apis/v1/x#{topic}")
    assert plan([delivered(forged)], ROUTES, force=True).refused == {UNKNOWN_TOPIC: 1}


def test_a_letter_for_somebody_else_is_left_alone() -> None:
    other = delivered(event(), destination="http://billing.shop.svc.cluster.local")
    assert plan([other], ROUTES, force=True).refused == {UNKNOWN_TOPIC: 1}


def test_what_would_come_back_is_published_only_when_told_to() -> None:
    letters = [delivered(event(), WRONG), delivered(event()), delivered(event(), SILENT)]
    careful = plan(letters, ROUTES, force=False)
    assert (len(careful.tickets), careful.refused) == (2, {WOULD_COME_BACK: 1})
    assert len(plan(letters, ROUTES, force=True).tickets) == 3


def test_the_event_is_what_it_was_before_its_delivery_but_for_the_count() -> None:
    before = event(partitionkey="3", traceparent="00-ab-cd-01", datacontenttype="application/json")
    letter = delivered(before, WRONG)
    assert letter.event is not None
    again = original(letter.event, 1)
    assert again == before.extended(redriven="1")
    assert OF_DELIVERY.isdisjoint(again.attributes)


def test_an_event_that_comes_back_counts_on() -> None:
    letter = delivered(event(redriven="2"))
    (ticket,) = plan([letter], ROUTES, force=False).tickets
    assert ticket.redriven == 2
    assert "came back" in " ".join(advice(letter, route_of(letter, ROUTES)))


origins = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 40)), unique=True, min_size=1, max_size=30
)


@given(origins, st.randoms(use_true_random=False), st.integers(1, 60))
def test_each_partition_is_published_in_the_order_it_once_had(origins, random, size) -> None:
    letters = [
        delivered(event(), origin=origin, at=(random.randrange(3), place))
        for place, origin in enumerate(origins)
    ]
    random.shuffle(letters)
    decided = plan(letters, ROUTES, force=False)
    sent: dict[int, list[int]] = {}
    for portion in portions(decided.tickets, size):
        for wave in waves(portion):
            assert len({ticket.lane for ticket in wave}) == len(wave)
            for ticket in wave:
                sent.setdefault(ticket.partition or 0, []).append(ticket.offset)
    expected: dict[int, list[int]] = {}
    for partition, offset in sorted(origins):
        expected.setdefault(partition, []).append(offset)
    assert sent == expected


def test_a_portion_is_as_large_as_memory_allows_and_never_empty() -> None:
    letters = [delivered(event(), origin=(0, n), at=(0, n)) for n in range(5)]
    tickets = plan(letters, ROUTES, force=False).tickets
    assert [len(each) for each in portions(tickets, 2 * tickets[0].size)] == [2, 2, 1]
    assert [len(each) for each in portions(tickets, 1)] == [1] * 5
    assert list(portions([])) == []


def test_without_a_known_partition_the_key_keeps_the_order() -> None:
    letters = [
        read(dead_letter(event(partitionkey=key), DETECT, UNAVAILABLE), (0, n))
        for n, key in enumerate("abab")
    ]
    tickets = plan(letters, ROUTES, force=False).tickets
    assert [ticket.partition for ticket in tickets] == [None] * 4
    lanes: dict[object, list[int]] = {}
    for ticket in tickets:
        lanes.setdefault(ticket.lane, []).append(ticket.place.offset)
    assert list(lanes.values()) == [[0, 2], [1, 3]]
    assert all(isinstance(ticket, Ticket) for ticket in tickets)


@pytest.mark.parametrize(
    ("wanted", "passes"),
    [
        (Filter(), True),
        (Filter(types=("dev.aiops.*",)), True),
        (Filter(types=("dev.aiops", "other")), False),
        (Filter(codes=(503, None)), True),
        (Filter(codes=(None,)), False),
        (Filter(since=5_000), True),
        (Filter(since=5_001), False),
    ],
)
def test_filters(wanted: Filter, passes: bool) -> None:
    assert wanted.passes(delivered(event())) is passes


@pytest.mark.parametrize("text", ["", "1", "1:", ":1", "1:2:3", "a:b", "-1:2", "1:-2"])
def test_an_id_is_a_partition_and_an_offset(text: str) -> None:
    with pytest.raises(Misconfigured):
        Place.parse(text)
    assert str(Place.parse("3:41")) == "3:41"


def test_a_code_and_a_moment_are_read() -> None:
    assert (code("503"), code("none")) == (503, None)
    assert since("2026-01-01T00:00Z") == since("2026-01-01T00:00") == 1_767_225_600_000
    assert since("1h") - since("2h") == pytest.approx(3_600_000, abs=1_000)


def test_a_listing_keeps_no_bodies() -> None:
    letter = without_data(delivered(event()))
    assert letter.event is not None
    assert (letter.data, letter.event.data, letter.size) == (None, None, 8)
    about = row(letter, ROUTES, redriven=False)
    assert json.loads(json.dumps(about)) == about
    assert (about["topic"], about["code"], about["bytes"]) == ("metrics", 503, 8)


def test_a_body_is_shown_as_what_it_is_and_never_whole_where_it_is_long() -> None:
    assert body(b'{"a":[1]}') == '{\n  "a": [\n    1\n  ]\n}'
    assert body("größer".encode()) == "größer"
    assert body(b"\xff\x00ab").startswith("0000  ff 00 61 62")
    assert "more bytes" in body(b"\xff" * 1_000)
    assert body(b'"' + b"a" * 100_000 + b'"').endswith("more characters")
    assert body(b"[" * 200_000).startswith("[")
    assert not body(b"")


def test_nothing_that_is_shown_steers_a_terminal() -> None:
    steering = "\x1b]0;title\x07\x9b31m"
    assert "\x1b" not in tame(steering)
    assert "\x1b" not in body(steering.encode())
    assert "\x1b" not in body(json.dumps({"a": steering}, ensure_ascii=True).encode())


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (SILENT, "did not answer for longer than the retries"),
        (UNAVAILABLE, "something it depends on was away"),
        (Answer(500), "a bug of its own"),
        (WRONG, "the event is wrong and stays wrong"),
    ],
)
def test_the_advice_follows_from_the_answer(answer: Answer, words: str) -> None:
    letter = delivered(event(), answer)
    said = whole(letter, ROUTES, redriven=False)["advice"]
    assert words in said[0]
    assert "counted as late" in said[-1]


def test_the_words_of_the_answer_are_shown() -> None:
    quoted = base64.b64encode(b"caf\xc3\xa9 closed").decode()
    assert read(event(knativeerrordata=quoted)).reason == "café closed"


class FakeLetters:
    """A topic with two letters that may be published again and one that may not."""

    letters = (
        delivered(event(), UNAVAILABLE, at=(0, 0)),
        delivered(event(), SILENT, at=(0, 1), origin=(4, 18)),
        delivered(event(), WRONG, at=(0, 2), origin=(4, 19)),
    )

    def __init__(self, bootstrap: str) -> None:
        assert bootstrap == "k:9092"

    def read(self):
        return iter(self.letters)

    def redrive(self, tickets, advance):
        return len(tickets)

    def close(self) -> None:
        pass


@pytest.mark.parametrize(
    ("said", "arguments", "status", "words"),
    [
        ("y", ["--code", "503"], 0, "1 published again"),
        ("n", ["--code", "503"], 1, "0 published again"),
        ("", ["--code", "none"], 1, "0 published again"),
        ("yes", [], 1, "2 published again"),
        ("y", ["--code", "400"], 1, "1 refused: the answer was final"),
        ("y", ["--type", "other.*"], 1, "no such letters"),
    ],
)
def test_nothing_is_published_before_somebody_agrees(
    said: str,
    arguments: list[str],
    status: int,
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(dlq, "DeadLetters", FakeLetters)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("builtins.input", lambda _: said)
    redrive = ["dlq", "redrive", "--all", "--bootstrap-servers", "k:9092"]
    assert main([*redrive, *arguments]) == status
    assert words in capsys.readouterr().out


def test_where_nobody_can_be_asked_nothing_is_published(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dlq, "DeadLetters", FakeLetters)
    monkeypatch.setattr("sys.stdin.isatty", lambda: False)
    assert main(["dlq", "redrive", "--all", "--bootstrap-servers", "k:9092"]) == 2
