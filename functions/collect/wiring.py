"""The real parts behind `collect`."""

import json
import sys
from collections.abc import Mapping

from aiops.adapters.access import Access
from aiops.adapters.cloudevent import iso
from aiops.adapters.kafka_publisher import KafkaPublisher
from aiops.adapters.keys import Keys
from aiops.adapters.prometheus import Prometheus, loki
from aiops.adapters.redis_action_log import RedisActionLog
from aiops.adapters.redis_call_sightings import RedisCallSightings
from aiops.adapters.redis_client import connect
from aiops.adapters.redis_incidents import RedisIncidents
from aiops.adapters.redis_open_windows import RedisOpenWindows
from aiops.adapters.redis_published import RedisPublished
from aiops.adapters.redis_series import RedisSeriesStore
from aiops.adapters.redis_training import RedisTrainingQueue
from aiops.clock import Clock
from aiops.ports import Handler
from aiops.series import SeriesMap
from aiops.settings import Settings, secret
from functions.collect.asking import Log
from functions.collect.config import CollectConfig
from functions.collect.handler import CollectHandler


def build(settings: Settings) -> Handler:
    """Return the handler over Redis, Kafka and, where their addresses are set, Prometheus and Loki.

    Raises:
        Misconfigured: a section is wrong, or what says who asks contradicts itself.
    """
    config = settings.section("collect", CollectConfig)
    client = connect(settings.redis_url)
    keys, rate = Keys(settings.generation), settings.clock.rate
    url, logs = secret("PROMETHEUS_URL"), secret("LOKI_URL")
    metrics_access, logs_access = Access.of("Prometheus", secret), Access.of("Loki", secret)
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
        metrics=Prometheus(url, config.timeout, metrics_access) if url else None,
        logs=loki(logs, config.timeout, logs_access) if logs else None,
        published=RedisPublished(client, keys, rate),
        windows=[
            RedisOpenWindows(client, Keys(settings.generation, family)) for family in ("w", "r")
        ],
        calls=RedisCallSightings(client, keys, rate),
        log=_log(settings.clock),
    )


def _log(clock: Clock) -> Log:
    def write(line: Mapping[str, object]) -> None:
        head = {"time": iso(clock.now()), "severity": "WARNING", "function": "collect"}
        sys.stdout.write(json.dumps(head | dict(line)) + "\n")
        sys.stdout.flush()

    return write
