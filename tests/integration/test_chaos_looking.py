"""What the run under fire looks up, on servers and through a proxy that are real."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import redis

from aiops import topics
from aiops.adapters.kafka_publisher import KafkaPublisher
from aiops.adapters.keys import Keys
from aiops.errors import Unavailable
from aiops.ports import Event, Message
from local.chaos.clock import InputClock
from local.chaos.feed import Feed
from local.chaos.links import Links
from local.chaos.outcome import Outcome, read_logs, read_redis, read_topics
from local.chaos.resting import Resting, Unsettled
from local.chaos.waiting import DOMAIN, Waiting
from local.chaos.workload import Slice
from local.manifests import load
from local.servers.kafka import embedded_kafka
from local.servers.redis import embedded_redis
from local.topics import create_topics
from local.up import Options
from tests.incidents import incident

MANIFESTS = load(Options().manifests)
PARTITIONS = {topic.metadata.name: topic.spec.partitions for topic in MANIFESTS.topics}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    folder = tmp_path_factory.mktemp("chaos")
    store, broker = embedded_redis(), embedded_kafka()
    store.start(folder / "redis")
    broker.start(folder / "kafka")
    try:
        store.wait_ready()
        broker.wait_ready()
        create_topics(broker.bootstrap, MANIFESTS.topics)
        yield SimpleNamespace(redis=store, kafka=broker)
    finally:
        broker.stop()
        store.stop()


def test_what_waits_is_counted_where_it_waits(place: SimpleNamespace) -> None:
    names = Keys().incidents(DOMAIN)
    waiting = Waiting(MANIFESTS, place.redis.url, place.kafka.bootstrap)
    with redis.Redis.from_url(place.redis.url) as client:
        client.hset(Keys().out(3), "series:1", "{}")
        client.hset(names[10], "incident", "1")
        client.zadd(names[8], {"incident": 1})
        client.zadd(names[7], {"incident": 1, "other": 2})
        client.zadd(Keys().action_due(5), {"incident": 1})
        client.hset(names[13], "1:version", "[]")
        found = [waiting.anomalies(), waiting.snapshots(), waiting.untold(), waiting.open(),
                 waiting.actions(), waiting.topologies()]  # fmt: skip
        assert found == [1, 1, 1, 2, 1, 1]
        client.flushdb()
    assert waiting.anomalies() == 0
    waiting.close()


def test_records_that_no_group_has_finished_are_behind(place: SimpleNamespace) -> None:
    publish(place, Message(topics.ANOMALIES, "default", event("a", b'{"anomalies":[]}')))
    waiting = Waiting(MANIFESTS, place.redis.url, place.kafka.bootstrap)
    ends = waiting.ends(topics.ANOMALIES)
    assert ends is not None
    assert waiting.behind(topics.ANOMALIES, ends) == sum(ends.values()) > 0
    waiting.close()


def test_no_answer_is_no_number() -> None:
    waiting = Waiting(MANIFESTS, "redis://127.0.0.1:1/0", "127.0.0.1:1")
    assert waiting.anomalies() is None
    assert waiting.ends(topics.ANOMALIES) is None
    assert waiting.behind(topics.ANOMALIES, {}) is None
    waiting.close()


def test_everything_on_the_topics_and_in_redis_is_read(place: SimpleNamespace) -> None:
    anomaly = b'{"anomalies":[{"id":"x","value":1}]}'
    other = b'{"anomalies":[{"id":"x","value":2}]}'
    publish(
        place,
        Message(topics.ANOMALIES, "default", event("b", anomaly)),
        Message(topics.ANOMALIES, "default", event("c", other)),
        Message(topics.INCIDENTS, "i", event("d", incident(4).model_dump_json().encode())),
        Message(topics.DEAD_LETTERS, "k", event("e", b"hello")),
    )
    outcome = Outcome()
    read_topics(outcome, place.kafka.bootstrap, PARTITIONS)
    assert outcome.anomalies.keys() == {"x"}
    assert outcome.contradictions == {"x"}
    assert [snapshot.version for snapshot in outcome.snapshots] == [4]
    assert outcome.dead_letters == ["t: no answer"]
    with redis.Redis.from_url(place.redis.url) as client:
        client.set(Keys().series(2, "key"), b"record")
        client.hset(Keys().incidents(DOMAIN)[2], "a", "i")
        client.hset(Keys().incidents(DOMAIN)[5], "loser", "i")
        client.zadd(Keys().action_due(1), {"i": 1})
        read_redis(outcome, place.redis.url)
        client.flushdb()
    assert outcome.series.keys() == {"key"}
    assert (outcome.members, outcome.redirects) == ({"a": "i"}, {"loser": "i"})
    assert outcome.pending.keys() == {"i"}
    with pytest.raises(Unavailable):
        read_redis(Outcome(), "redis://127.0.0.1:1/0")


def test_log_lines_are_added_up_and_broken_ones_left_out(tmp_path: Path) -> None:
    (tmp_path / "aiops-detect-0.log").write_text(
        '{"function": "detect", "status": 204, "milliseconds": 3.5, "accepted": 7}\n'
        '{"function": "detect", "status": 204, "accepted": 5, "type": "t"}\n'
        '{"function": "detect", "sta\nWorker was sent SIGKILL\n'
    )
    outcome = Outcome()
    read_logs(outcome, tmp_path)
    assert outcome.logged == {"detect 204": 2, "detect accepted": 12}


def test_waiting_lets_time_pass_and_has_an_end(place: SimpleNamespace) -> None:
    passed: list[int] = []
    stage = SimpleNamespace(
        pipeline=SimpleNamespace(manifests=MANIFESTS),
        setting=SimpleNamespace(embedded=False),
        redis=place.redis,
        kafka=place.kafka,
    )
    resting = Resting(stage, 0.5, lambda: passed.append(1))
    resting.resolved()
    resting.told()
    assert resting.stored().incidents == {}
    assert set(resting.left().values()) == {0}
    with redis.Redis.from_url(place.redis.url) as client:
        client.zadd(Keys().incidents(DOMAIN)[7], {"incident": 1})
        with pytest.raises(Unsettled, match=r"open incidents: no less than 1 for 0.5 s"):
            resting.resolved()
        client.flushdb()
    with pytest.raises(Unsettled, match="topology"):
        resting.charted()
    assert passed
    resting.close()


def test_the_feed_keeps_its_order_and_tells_the_clock_what_has_arrived(
    place: SimpleNamespace,
) -> None:
    clock = InputClock(1_000)
    feed = Feed(place.kafka.bootstrap, clock, haste=1_000.0)
    parts = [
        Slice(n * 1_000, (Message(topics.METRICS, "1", event(str(n), b"{}"), 4),), 3)
        for n in range(1, 20)
    ]
    feed.start(parts)
    while feed.running:
        threading.Event().wait(0.01)
    assert (feed.events, feed.samples) == (19, 57)
    assert clock.now() == 19_000
    feed.send([Message(topics.CONTROL, "k", event("z", b"{}"))])
    feed.close()


def test_a_proxy_leads_on_and_does_as_it_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=echo, args=(server,), daemon=True).start()
        upstream = f"http://127.0.0.1:{server.getsockname()[1]}"
        with Links({"echo": [upstream]}, 1, tmp_path / "proxy.log") as links:
            assert said(links, b"hello") == b"hello"
            with opened(links) as through:
                through.sendall(b"one")
                assert through.recv(100) == b"one"
                links.swallow("echo")
                through.sendall(b"two")
                assert through.recv(100) == b""
            with opened(links) as through:
                through.sendall(b"three")
                assert through.recv(100) == b"three"
                links.cut("echo")
                with pytest.raises(ConnectionError):
                    through.recv(100) or through.sendall(b"four") or raise_reset()
            assert links.counts()["echo"] == {"connections": 3, "swallowed": 1, "cut": 1}
    with pytest.raises(Unavailable):
        links.counts()


def raise_reset() -> None:
    raise ConnectionResetError


def said(links: Links, words: bytes) -> bytes:
    with opened(links) as through:
        through.sendall(words)
        return through.recv(100)


def opened(links: Links) -> socket.socket:
    host, _, port = links.address("echo").partition(":")
    return socket.create_connection((host, int(port)), 5)


def echo(server: socket.socket) -> None:
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        threading.Thread(target=repeat, args=(connection,), daemon=True).start()


def repeat(connection: socket.socket) -> None:
    with connection:
        try:
            while data := connection.recv(1_000):
                connection.sendall(data)
        except OSError:
            return


def publish(place: SimpleNamespace, *messages: Message) -> None:
    publisher = KafkaPublisher(place.kafka.bootstrap)
    publisher.publish(messages)
    publisher.close()


def event(identifier: str, data: bytes) -> Event:
    return Event(identifier, "/test", "t", 1_770_000_000_000, data)
