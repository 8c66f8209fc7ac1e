"""Reads along on the topics, as anyone may, and counts what passes."""

import threading
import time
from collections import Counter

from kafka import KafkaConsumer, TopicPartition
from kafka.consumer.fetcher import ConsumerRecord
from kafka.errors import KafkaError
from pydantic import ValidationError

from aiops import topics
from aiops.errors import Unavailable
from aiops.events import INCIDENT_TYPES, AnomaliesDetected, Incident, Samples
from local.demo.picture import Picture

WATCHED = (topics.METRICS, topics.ANOMALIES, topics.INCIDENTS)
_POLL_MS = 100


class Watcher:
    """A consumer without a group: it reads from now on, and commits nothing."""

    def __init__(self, bootstrap: str, picture: Picture) -> None:
        self._bootstrap = bootstrap
        self._picture = picture
        self._stopping = threading.Event()
        self._consumer: KafkaConsumer | None = None
        self._thread = threading.Thread(target=self._run, name="watcher", daemon=True)
        self._records: Counter[str] = Counter()
        self._problem: Exception | None = None
        self.batches = 0

    def start(self) -> None:
        """Stand at the end of every topic, then begin to read.

        Raises:
            Unavailable: the broker does not answer.
        """
        try:
            consumer = KafkaConsumer(
                bootstrap_servers=self._bootstrap.split(","),
                enable_auto_commit=False,
                bootstrap_timeout_ms=5_000,
            )
            self._consumer = consumer
            found = [
                TopicPartition(topic, partition)
                for topic in WATCHED
                for partition in consumer.partitions_for_topic(topic) or ()
            ]
            consumer.assign(found)
            consumer.seek_to_end()
            for partition in found:
                consumer.position(partition)
        except KafkaError as error:
            raise Unavailable(f"Kafka: {type(error).__name__}") from error
        self._thread.start()

    def stop(self) -> None:
        """Stop reading."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(5)
        if self._consumer is not None:
            self._consumer.close()

    def seen(self, topic: str) -> int:
        """Return how many records a topic got since the start."""
        return self._records[topic]

    def check(self) -> None:
        """Say so if reading came to an end.

        Raises:
            Unavailable: the broker is away, or something on a topic cannot be read.
        """
        if self._problem is not None:
            raise Unavailable(f"reading along: {self._problem}") from self._problem

    def _run(self) -> None:
        consumer = self._consumer
        try:
            while consumer is not None and not self._stopping.is_set():
                for records in consumer.poll(timeout_ms=_POLL_MS).values():
                    for record in records:
                        self._take(record)
        except (KafkaError, ValidationError) as error:
            self._problem = error

    def _take(self, record: ConsumerRecord) -> None:
        self._records[record.topic] += 1
        kind = dict(record.headers).get("ce_type", b"").decode()
        if kind == Samples.type:
            self.batches += 1
        elif kind == AnomaliesDetected.type:
            fact = AnomaliesDetected.model_validate_json(record.value)
            self._picture.take_anomalies(fact.anomalies)
        elif kind in INCIDENT_TYPES:
            incident = Incident.model_validate_json(record.value)
            self._picture.take_incident(incident, time.monotonic())
