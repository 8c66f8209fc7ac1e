"""Reads a topic outside of any consumer group: from its beginning to its end, or some places."""

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from aiops.adapters.kafka_access import kafka_access
from aiops.errors import Unavailable
from local.dead_letters.letter import Place
from local.delivery.cloudevent import Record

_POLL_MS = 300
_FETCH_WAIT_MS = 100
_STALL_SECONDS = 15.0
_BEYOND_SECONDS = 2.0
"""How long records that arrive while we read are followed."""


@contextmanager
def reading(bootstrap: str, topic: str) -> Iterator[tuple[KafkaConsumer, Sequence[TopicPartition]]]:
    """Give a consumer and the partitions of a topic, none of them assigned.

    Raises:
        Unavailable: the broker does not answer, then or later, or there is no such topic.
    """
    try:
        consumer = KafkaConsumer(
            bootstrap_servers=bootstrap.split(","),
            client_id="aiops-dlq",
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=_FETCH_WAIT_MS,
            bootstrap_timeout_ms=5_000,
            **kafka_access(),
        )
        try:
            found = consumer.partitions_for_topic(topic)
            if not found:
                raise Unavailable(f"Kafka at {bootstrap}: no topic {topic}")
            yield consumer, [TopicPartition(topic, partition) for partition in sorted(found)]
        finally:
            consumer.close()
    except (KafkaError, ValueError) as error:
        raise Unavailable(f"Kafka at {bootstrap}: {type(error).__name__}") from None


def seek(
    consumer: KafkaConsumer, partitions: Sequence[TopicPartition], places: Collection[Place]
) -> dict[TopicPartition, int]:
    """Go to the first place in each partition; return up to where there is something to read."""
    starts, ends = consumer.beginning_offsets(partitions), consumer.end_offsets(partitions)
    spans: dict[TopicPartition, tuple[int, int]] = {}
    for partition in partitions:
        offsets = [place.offset for place in places if place.partition == partition.partition]
        if offsets:
            end = min(max(offsets) + 1, ends[partition])
            spans[partition] = max(starts[partition], min(*offsets, end)), end
    consumer.assign(list(spans))
    for partition, (start, _) in spans.items():
        consumer.seek(partition, start)
    return {partition: end for partition, (_, end) in spans.items()}


def records(consumer: KafkaConsumer, ends: Mapping[TopicPartition, int]) -> Iterator[Record]:
    """Yield records at least up to the ends, and until nothing more comes for a moment.

    A broker may tell ends that lie before the last record, but not beyond it.
    """
    heard = time.monotonic()
    reached: float | None = None
    while True:
        polled = consumer.poll(_POLL_MS)
        for found in polled.values():
            for record in found:
                yield Record(
                    record.topic, record.partition, record.offset, record.timestamp, record.key,
                    record.value, record.headers,
                )  # fmt: skip
        now = time.monotonic()
        heard = now if polled else heard
        if all(consumer.position(partition) >= end for partition, end in ends.items()):
            reached = now if reached is None else reached
            if not polled or now - reached > _BEYOND_SECONDS:
                return
        elif now - heard > _STALL_SECONDS:
            raise Unavailable("Kafka: the dead letter topic cannot be read to its end")


def between(bootstrap: str, topic: str, since: int, until: int) -> Iterator[Record]:
    """Yield the records of a topic that were written in a span of time, unix milliseconds.

    Raises:
        Unavailable: the broker does not answer, or there is no such topic.
    """
    with reading(bootstrap, topic) as (consumer, partitions):
        found = consumer.offsets_for_times(dict.fromkeys(partitions, since))
        starts = {place: one.offset for place, one in found.items() if one is not None}
        ends = consumer.end_offsets(partitions)
        consumer.assign(list(starts))
        for place, offset in starts.items():
            consumer.seek(place, offset)
        for record in records(consumer, {place: ends[place] for place in starts}):
            if since <= record.timestamp <= until:
                yield record
