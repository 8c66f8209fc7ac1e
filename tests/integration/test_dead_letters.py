"""Dead letters through real delivery: found, shown, published again, handled exactly once."""

import json
import re
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from kafka import KafkaConsumer, KafkaProducer

from aiops.adapters.cloudevent import encode
from aiops.batching import Reading, batches
from aiops.errors import Unavailable
from aiops.events import SeriesHead
from aiops.series import SeriesMap
from local.cli import main
from local.dead_letters import topic as dead_letter_topic
from local.dead_letters.letter import Letter, Mark
from local.dead_letters.plan import plan
from local.dead_letters.routes import routes_of
from local.dead_letters.topic import DeadLetters
from local.servers.process import free_ports
from local.up import Pipeline
from tests.running import running
from tests.waiting import until

CONFIG = "detect: {default: {detector: static, params: {upper: 100}}}"
DETECT = "aiops-detect"


@dataclass(slots=True)
class World:
    """The pipeline, what came out of it, and `aiops dlq` on it."""

    pipeline: Pipeline
    producer: KafkaProducer
    consumer: KafkaConsumer
    out: Callable[[], str]
    read: list[dict[str, Any]] = field(default_factory=list)

    def dlq(self, action: str, *arguments: str) -> tuple[int, str]:
        self.out()
        status = main(
            ["dlq", action, "--bootstrap-servers", self.pipeline.kafka.bootstrap, *arguments]
        )
        return status, self.out()

    def letters(self, *arguments: str) -> list[dict[str, Any]]:
        status, text = self.dlq("ls", "--json", *arguments)
        assert status == 0
        found: list[dict[str, Any]] = json.loads(text)["letters"]
        return found

    def of(self, source: str, *arguments: str) -> list[dict[str, Any]]:
        return [each for each in self.letters(*arguments) if each["source"] == source]

    def sample(self, service: str, value: float, time_ms: int, source: str = "/test") -> None:
        head = SeriesHead(metric="cpu_usage_ratio", labels={"service": service})
        for message in batches([Reading(head, time_ms, value)], SeriesMap(), source, time_ms):
            key, body, headers = encode(message)
            self.producer.send(message.topic, body, key, headers)
        self.producer.flush(timeout=10)

    def anomalies(self, service: str) -> list[dict[str, Any]]:
        for found in self.consumer.poll(200).values():
            facts = [json.loads(record.value) for record in found]
            self.read += (a for fact in facts for a in fact.get("anomalies", ()))
        return [anomaly for anomaly in self.read if anomaly["service"] == service]

    def detect_is_down(self) -> None:
        self.pipeline.processes[DETECT][0].kill()

    def detect_is_back(self) -> None:
        assert self.pipeline.restart_ended() == [DETECT]

    def log(self, event: str) -> list[dict[str, Any]]:
        """Return what detect logged of an event."""
        text = (self.pipeline.folder / "logs" / "aiops-detect-0.log").read_text()
        lines = [json.loads(line) for line in text.split("\n")[:-1] if line.startswith("{")]
        return [line for line in lines if line.get("event") == event]

    def delivered(self) -> int:
        return self.pipeline.counts["KafkaSource metrics-to-detect"].delivered


REAL = [pytest.mark.redis, pytest.mark.kafka]


@pytest.fixture(scope="module", params=["embedded", pytest.param("real", marks=REAL)])
def everything(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    note_server: Callable[[str], None],
) -> Iterator[World]:
    folder = tmp_path_factory.mktemp(request.param)
    with running(
        request.param, folder, CONFIG, note_server, backoff_speed=100.0, reads={"anomalies": 6}
    ) as it:
        yield World(it.pipeline, it.producer, it.consumer, str)


@pytest.fixture
def world(everything: World, capsys: pytest.CaptureFixture[str]) -> World:
    everything.out = lambda: capsys.readouterr().out
    return everything


def now() -> int:
    return time.time_ns() // 1_000_000


def test_a_poison_record_is_listed_shown_and_not_published_again_by_accident(
    world: World,
) -> None:
    source = "/apis/v1/namespaces/aiops/kafkasources/metrics-to-detect#metrics"
    poison = b'{"of": "\x1b[31m"'
    sent = world.producer.send("metrics", poison, b"k", partition=5).get(10)
    until(lambda: bool(world.of(source)))
    (letter,) = world.of(source)
    assert letter["code"] == 400
    assert letter["from"] == "KafkaSource metrics-to-detect"
    assert (letter["topic"], letter["event"]) == ("metrics", f"partition:5/offset:{sent.offset}")
    assert "unknown format" in letter["reason"]
    status, text = world.dlq("ls")
    assert status == 0
    assert re.search(rf"{letter['id']} .*400 .*unknown format.* metrics", text)
    status, text = world.dlq("show", letter["id"])
    assert status == 0
    assert "knativeerrordest: http://aiops-detect.aiops.svc.cluster.local" in text
    assert "0000  7b 22 6f 66" in text
    assert "stays wrong" in text
    status, text = world.dlq("redrive", letter["id"], "--yes", "--json")
    assert (status, json.loads(text)["published"]) == (1, 0)
    status, _ = world.dlq("redrive", letter["id"], "--yes", "--force")
    assert status == 0
    until(lambda: any(each["returned"] == 1 for each in world.of(source)))
    back = [each for each in world.of(source) if each["returned"] == 1]
    assert (back[0]["event"], back[0]["topic"]) == (letter["event"], "metrics")
    assert letter["id"] not in {each["id"] for each in world.of(source)}


def test_what_an_outage_outlasting_the_retries_took_is_redriven_and_handled_once(
    world: World,
) -> None:
    start = now()
    world.sample("cart", 1.0, start)
    until(lambda: world.delivered() > 0)
    world.detect_is_down()
    for number in range(5):
        world.sample("cart", 500.0 + number, start + 1_000 * (number + 1), "/outage")
    until(lambda: len(world.of("/outage")) == 5)
    assert {each["reason"] for each in world.of("/outage")} == {"no answer"}
    assert {each["code"] for each in world.of("/outage", "--code", "none")} == {None}
    world.detect_is_back()
    assert world.anomalies("cart") == []
    chosen = ("redrive", "--all", "--code", "none", "--since", "1h")
    status, text = world.dlq(*chosen, "--dry-run")
    assert status == 0
    assert "5 to metrics: samples: a series takes only what is newer" in text
    assert len(world.of("/outage")) == 5
    status, text = world.dlq(*chosen, "--yes", "--json")
    assert (status, json.loads(text)["published"]) == (0, 5)
    until(lambda: len(world.anomalies("cart")) == 5)
    assert world.dlq(*chosen, "--yes") == (1, "no such letters\n0 published again\n")
    time.sleep(0.5)
    found = world.anomalies("cart")
    assert sorted(anomaly["value"] for anomaly in found) == [500.0 + n for n in range(5)]
    assert len({anomaly["id"] for anomaly in found}) == 5
    assert world.of("/outage") == []
    assert len(world.of("/outage", "--redriven")) == 5


def test_a_redrive_that_dies_before_its_mark_is_repeated_and_nothing_doubles(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = now()
    world.detect_is_down()
    for number in range(3):
        world.sample("search", 700.0 + number, start + 1_000 * number, "/torn")
    until(lambda: len(world.of("/torn")) == 3)
    world.detect_is_back()
    routes = routes_of(world.pipeline.manifests)
    letters = DeadLetters(world.pipeline.kafka.bootstrap)

    def die(_: Letter) -> None:
        raise KeyboardInterrupt

    torn = plan(
        [
            each
            for each in letters.read()
            if isinstance(each, Letter) and each.attribute("source") == "/torn"
        ],
        routes,
        force=False,
    )
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(dead_letter_topic, "mark", die)
        letters.redrive(torn.tickets)
    assert not any(isinstance(each, Mark) and each.letter == torn.tickets[0].place
                   for each in letters.read())  # fmt: skip
    assert len(world.of("/torn")) == 3
    assert letters.redrive(torn.tickets) == 3
    letters.close()
    until(lambda: len(world.anomalies("search")) >= 3)
    time.sleep(0.5)
    assert len({anomaly["id"] for anomaly in world.anomalies("search")}) == 3
    assert world.of("/torn") == []


def test_a_sample_the_series_has_moved_past_stays_out(world: World) -> None:
    start = now()
    world.detect_is_down()
    world.sample("stock", 900.0, start, "/past")
    until(lambda: len(world.of("/past")) == 1)
    world.detect_is_back()
    world.sample("stock", 901.0, start + 1_000)
    until(lambda: len(world.anomalies("stock")) == 1)
    (letter,) = world.of("/past")
    assert world.dlq("redrive", letter["id"], "--yes")[0] == 0
    until(lambda: any(line.get("late") == 1 for line in world.log(letter["event"])))
    assert [anomaly["value"] for anomaly in world.anomalies("stock")] == [901.0]


def test_a_letter_that_is_not_there_is_said_to_be_missing(world: World) -> None:
    assert world.dlq("show", "2:123456")[0] == 1
    assert world.dlq("redrive", "2:123456", "--yes")[0] == 1


def test_a_topic_that_is_not_there_and_a_broker_that_is_away_are_named(world: World) -> None:
    nowhere = DeadLetters(world.pipeline.kafka.bootstrap, f"t{uuid.uuid4().hex}")
    with pytest.raises(Unavailable, match="no topic t"):
        list(nowhere.read())
    (port,) = free_ports(1)
    assert main(["dlq", "ls", "--bootstrap-servers", f"127.0.0.1:{port}"]) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["ls"],
        ["redrive", "--bootstrap-servers", "k:1"],
        ["redrive", "--all", "0:1", "--yes", "--bootstrap-servers", "k:1"],
        ["redrive", "--all", "--bootstrap-servers", "k:1"],
        ["ls", "--bootstrap-servers", "k:1", "--manifests", "/nowhere"],
    ],
)
def test_wrong_usage_is_told_from_a_problem(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KAFKA_BOOTSTRAP_SERVERS", raising=False)
    assert main(["dlq", *arguments]) == 2


@pytest.mark.parametrize("arguments", [["show", "x"], ["ls", "--since", "soon"], ["burn"]])
def test_an_argument_that_cannot_be_read_is_wrong_usage(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["dlq", *arguments])
    assert ended.value.code == 2
