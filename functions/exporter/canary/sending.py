"""Sends a canary and watches it, over real Kafka."""

import time
import uuid
from contextlib import closing

from aiops.adapters.kafka_offsets import KafkaOffsets
from aiops.adapters.kafka_publisher import KafkaPublisher
from aiops.adapters.kafka_tail import KafkaTail
from aiops.canary import canary
from aiops.clock import Clock
from functions.exporter.canary.journey import WATCHED, Journey

_READ_SECONDS = 0.5


def send(bootstrap_servers: str, clock: Clock, seconds: float) -> Journey:
    """Return what was seen of a canary, after so many seconds at most.

    Raises:
        Unavailable: Kafka cannot be reached.
    """
    publisher = KafkaPublisher(bootstrap_servers)
    offsets = KafkaOffsets(bootstrap_servers)
    with (
        closing(KafkaTail(bootstrap_servers, WATCHED)) as tail,
        closing(publisher),
        closing(offsets),
    ):
        run = uuid.uuid4().hex[:12]
        journey = Journey(run, time.monotonic())
        publisher.publish(canary(run, clock.now()))
        while not journey.done and time.monotonic() < journey.sent_at + seconds:
            for record in tail.read(_READ_SECONDS):
                journey.see(record, time.monotonic())
            if journey.waits_for_act:
                journey.see_positions(offsets.groups(), time.monotonic())
    return journey
