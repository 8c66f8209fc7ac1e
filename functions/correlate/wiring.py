"""The real parts behind `correlate`."""

from aiops.adapters.kafka_publisher import KafkaPublisher
from aiops.adapters.keys import Keys
from aiops.adapters.redis_client import connect
from aiops.adapters.redis_incidents import RedisIncidents
from aiops.adapters.redis_replicas import replicated
from aiops.ports import Handler
from aiops.settings import Settings
from functions.correlate.assembly import assemble
from functions.correlate.config import CorrelateConfig


def build(settings: Settings) -> Handler:
    """Return the handler over Redis and Kafka."""
    config = settings.section("correlate", CorrelateConfig)
    keys = Keys(settings.generation)
    client = connect(settings.redis_url)
    handler = assemble(
        settings.domain,
        RedisIncidents(client, keys, settings.domain, settings.clock.rate),
        KafkaPublisher(settings.kafka_bootstrap_servers),
        settings.clock,
        config,
    )
    return replicated(handler, client, settings.redis_wait)
