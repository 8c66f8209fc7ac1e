"""The real parts behind `collect`."""

from aiops.adapters.kafka_publisher import KafkaPublisher
from aiops.adapters.keys import Keys
from aiops.adapters.prometheus import Prometheus
from aiops.adapters.redis_action_log import RedisActionLog
from aiops.adapters.redis_client import connect
from aiops.adapters.redis_incidents import RedisIncidents
from aiops.adapters.redis_series import RedisSeriesStore
from aiops.adapters.redis_training import RedisTrainingQueue
from aiops.ports import Handler
from aiops.series import SeriesMap
from aiops.settings import Settings, secret
from functions.collect.config import CollectConfig
from functions.collect.handler import CollectHandler


def build(settings: Settings) -> Handler:
    """Return the handler over Redis, Kafka and, where `PROMETHEUS_URL` is set, Prometheus."""
    config = settings.section("collect", CollectConfig)
    client = connect(settings.redis_url)
    keys, rate = Keys(settings.generation), settings.clock.rate
    url = secret("PROMETHEUS_URL")
    return CollectHandler(
        series=RedisSeriesStore(client, keys, rate),
        incidents=RedisIncidents(client, keys, settings.domain, rate),
        actions=RedisActionLog(client, keys, rate),
        training=RedisTrainingQueue(client, keys, rate),
        publisher=KafkaPublisher(settings.kafka_bootstrap_servers),
        clock=settings.clock,
        names=settings.section("series", SeriesMap),
        domain=settings.domain,
        config=config,
        metrics=Prometheus(url, config.timeout) if url else None,
    )
