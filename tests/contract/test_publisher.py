"""What every publisher promises: the twin in memory and Kafka alike."""

import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from kafka import KafkaConsumer, TopicPartition
from kafka.admin import KafkaAdminClient, NewTopic

from aiops.adapters.kafka_publisher import KafkaPublisher
from aiops.adapters.memory_broker import MemoryPublisher
from aiops.ports import Event, Message, Publisher
from local.servers.apache_kafka import apache_kafka
from local.servers.kafka import choose_kafka

PARTITIONS = 3


@dataclass
class Topic:
    """A publisher, a topic of its own, and what is in it: id, key and partition of each record."""

    publisher: Publisher | KafkaPublisher
    name: str
    read: Callable[[int], list[tuple[str, str, int]]]

    def message(self, identity: str, key: str = "k", partition: int | None = None) -> Message:
        event = Event(identity, "/test", "dev.aiops.samples.v1", 1_767_225_600_000, b"{}")
        return Message(self.name, key, event, partition)


def in_memory() -> Topic:
    publisher = MemoryPublisher(partition_count=PARTITIONS)

    def read(_: int) -> list[tuple[str, str, int]]:
        found = publisher.topics["topic"]
        return [(m.event.id, m.key, m.partition or 0) for m in found]

    return Topic(publisher, "topic", read)


@pytest.fixture(scope="module")
def bootstrap(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    note_server: Callable[[str], None],
) -> Iterator[str]:
    server = apache_kafka() if request.param == "apache" else choose_kafka()
    server.start(Path(tmp_path_factory.mktemp("kafka")))
    try:
        server.wait_ready()
        note_server(server.description)
        yield server.bootstrap
    finally:
        server.stop()


@pytest.fixture
def on_kafka(bootstrap: str) -> Iterator[Topic]:
    name = f"t{uuid.uuid4().hex}"
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    admin.create_topics([NewTopic(name=name, num_partitions=PARTITIONS, replication_factor=1)])
    admin.close()
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    consumer.assign([TopicPartition(name, p) for p in range(PARTITIONS)])
    seen: list[tuple[str, str, int]] = []

    def read(wanted: int) -> list[tuple[str, str, int]]:
        deadline = time.monotonic() + 10
        while len(seen) < wanted and time.monotonic() < deadline:
            for records in consumer.poll(200).values():
                for record in records:
                    headers = dict(record.headers)
                    seen.append((headers["ce_id"].decode(), record.key.decode(), record.partition))
        return seen

    publisher = KafkaPublisher(bootstrap)
    yield Topic(publisher, name, read)
    publisher.close()
    consumer.close()


def kinds() -> pytest.MarkDecorator:
    apache = pytest.param("apache", marks=pytest.mark.kafka)
    return pytest.mark.parametrize("bootstrap", ["wheel", apache], indirect=True)


def keeps_order(topic: Topic) -> None:
    topic.publisher.publish([topic.message(f"{n}") for n in range(20)])
    topic.publisher.publish([topic.message(f"{n}") for n in range(20, 40)])
    found = topic.read(40)
    assert [identity for identity, _, _ in found] == [f"{n}" for n in range(40)]
    assert len({partition for _, _, partition in found}) == 1


def goes_where_it_is_told(topic: Topic) -> None:
    topic.publisher.publish([topic.message(f"{p}", f"key {p}", p) for p in range(PARTITIONS)])
    found = topic.read(PARTITIONS)
    assert sorted(found) == [(f"{p}", f"key {p}", p) for p in range(PARTITIONS)]


def counts_partitions(topic: Topic) -> None:
    assert topic.publisher.partitions(topic.name) == PARTITIONS
    topic.publisher.publish([])


PROMISES = [keeps_order, goes_where_it_is_told, counts_partitions]


@pytest.mark.parametrize("promise", PROMISES, ids=lambda p: p.__name__)
def test_the_twin(promise: Callable[[Topic], None]) -> None:
    promise(in_memory())


@kinds()
@pytest.mark.parametrize("promise", PROMISES, ids=lambda p: p.__name__)
def test_kafka(on_kafka: Topic, promise: Callable[[Topic], None]) -> None:
    promise(on_kafka)


@kinds()
def test_a_closed_publisher_connects_again(on_kafka: Topic) -> None:
    on_kafka.publisher.publish([on_kafka.message("1")])
    on_kafka.publisher.close()
    on_kafka.publisher.close()
    on_kafka.publisher.publish([on_kafka.message("2")])
    assert [identity for identity, _, _ in on_kafka.read(2)] == ["1", "2"]
