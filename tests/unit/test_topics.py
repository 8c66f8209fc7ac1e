"""Topics are made as the objects say, and believed once the broker knows of them."""

import pytest

from aiops.errors import Misconfigured, Unavailable
from local import topics
from local.functions import ROOT
from local.manifests import load

OBJECTS = load(ROOT / "knative" / "base").topics
WANTED = {topic.metadata.name: topic.spec.partitions for topic in OBJECTS}


class Broker:
    """Knows of topics only after it was asked some times."""

    def __init__(self, unknown_for: int, **other: int) -> None:
        self.unknown_for, self.counts = unknown_for, WANTED | other
        self.made: list[str] = []

    def list_topics(self) -> list[str]:
        return []

    def create_topics(self, missing, timeout_ms: int) -> None:
        assert timeout_ms > 0
        self.made = [one.name for one in missing]

    def describe_topics(self, names: list[str]) -> list[dict]:
        self.unknown_for -= 1
        return [
            {"name": name, "partitions": [] if self.unknown_for >= 0 else [0] * self.counts[name]}
            for name in names
        ]

    def close(self) -> None:
        """Nothing is open."""


def create(monkeypatch: pytest.MonkeyPatch, broker: Broker) -> None:
    monkeypatch.setattr(topics, "KafkaAdminClient", lambda **_: broker)
    monkeypatch.setattr(topics, "_ASK_AGAIN_SECONDS", 0.0)
    topics.create_topics("broker:9092", OBJECTS)


def test_a_topic_made_just_now_may_be_unknown_for_a_moment(monkeypatch) -> None:
    broker = Broker(unknown_for=3)
    create(monkeypatch, broker)
    assert broker.made == list(WANTED)


def test_a_topic_that_stays_unknown_is_named(monkeypatch) -> None:
    monkeypatch.setattr(topics, "_KNOWN_SECONDS", 0.01)
    with pytest.raises(Unavailable, match=r"topic metrics: made, but not known"):
        create(monkeypatch, Broker(unknown_for=1_000_000))


def test_a_topic_with_another_number_of_partitions_is_named(monkeypatch) -> None:
    with pytest.raises(Misconfigured, match=r"topic logs: 5 partitions, the object says 6"):
        create(monkeypatch, Broker(unknown_for=0, logs=5))
