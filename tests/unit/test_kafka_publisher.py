"""Publishing when the broker is slow or away: the answer comes in time, whoever asks."""

import threading
import time
from types import SimpleNamespace

import pytest
from kafka.errors import KafkaConnectionError, KafkaTimeoutError

from aiops.adapters import kafka_publisher
from aiops.adapters.kafka_publisher import KafkaPublisher
from aiops.errors import Unavailable
from aiops.ports import Event, Message

MESSAGES = [Message("t", "k", Event(str(n), "test", "x", 0, b"{}")) for n in range(5)]
PATIENCE = 0.2


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka_publisher, "_BLOCK_SECONDS", PATIENCE)
    monkeypatch.setattr(kafka_publisher, "PUBLISH_SECONDS", 3 * PATIENCE)


def seconds_until_refused(publisher: KafkaPublisher) -> float:
    started = time.monotonic()
    with pytest.raises(Unavailable, match="Kafka:"):
        publisher.publish(MESSAGES)
    return time.monotonic() - started


def test_requests_do_not_queue_behind_a_broker_that_does_not_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def connect(**_: object) -> None:
        time.sleep(PATIENCE)
        raise KafkaConnectionError

    monkeypatch.setattr("kafka.KafkaProducer", connect)
    publisher = KafkaPublisher("nowhere:1")
    took: list[float] = []
    callers = [
        threading.Thread(target=lambda: took.append(seconds_until_refused(publisher)))
        for _ in range(8)
    ]
    for each in callers:
        each.start()
    for each in callers:
        each.join()
    assert len(took) == 8
    assert max(took) < 4 * PATIENCE


class Slow:
    """A broker that answers every question just in time, and never acknowledges."""

    def __init__(self, **_: object) -> None:
        time.sleep(0.9 * PATIENCE)

    def send(self, *_: object, **__: object) -> SimpleNamespace:
        time.sleep(0.9 * PATIENCE)
        return SimpleNamespace(is_done=False)

    def flush(self, timeout: float) -> None:
        time.sleep(timeout)
        raise KafkaTimeoutError


def test_connecting_sending_and_waiting_share_one_time_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("kafka.KafkaProducer", Slow)
    assert seconds_until_refused(KafkaPublisher("slow:1")) < 3.5 * PATIENCE
