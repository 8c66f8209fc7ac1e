"""The real parts behind `exporter`."""

from aiops.adapters.kafka_offsets import KafkaOffsets
from aiops.adapters.keys import Keys
from aiops.adapters.redis_backlog import RedisBacklog
from aiops.adapters.redis_client import connect
from aiops.adapters.redis_counters import RedisCounters
from aiops.settings import Settings
from functions.exporter.page import Page


def build(settings: Settings) -> Page:
    """Return the page over Redis and Kafka."""
    client = connect(settings.redis_url)
    return Page(
        RedisCounters(client, Keys(settings.generation)),
        RedisBacklog(client, settings.generation, settings.domain),
        KafkaOffsets(settings.kafka_bootstrap_servers),
        settings.clock,
    )
