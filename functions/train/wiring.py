"""The real parts behind `train`."""

import json
import sys
from collections.abc import Mapping

from aiops.adapters.access import Access
from aiops.adapters.cloudevent import iso
from aiops.adapters.kafka_publisher import KafkaPublisher
from aiops.adapters.keys import Keys
from aiops.adapters.prometheus import Prometheus
from aiops.adapters.redis_client import connect
from aiops.adapters.redis_history import RedisHistory
from aiops.adapters.redis_models import RedisModels
from aiops.adapters.redis_replicas import replicated
from aiops.adapters.redis_training import RedisTrainingQueue
from aiops.clock import Clock
from aiops.ports import Handler
from aiops.queries import Asked
from aiops.series import SeriesMap
from aiops.settings import Settings, secret
from functions.train.backfill import Backfill
from functions.train.config import TrainConfig
from functions.train.handler import Log, TrainHandler
from functions.train.workshop import Workshop


def build(settings: Settings) -> Handler:
    """Return the handler over Redis, Kafka, a worker and, where `PROMETHEUS_URL` is set, it."""
    config = settings.section("train", TrainConfig)
    names = settings.section("series", SeriesMap)
    queries = settings.section("collect", Asked).asked
    client = connect(settings.redis_url)
    keys, rate = Keys(settings.generation), settings.clock.rate
    url = secret("PROMETHEUS_URL")
    backfill = None
    if url:
        asked = Prometheus(url, config.prometheus_timeout, Access.of("Prometheus", secret))
        backfill = Backfill(asked, queries, names, int(config.backfill_step * 1000))
    handler = TrainHandler(
        history=RedisHistory(client, keys, rate),
        models=RedisModels(client, keys, settings.clock),
        queue=RedisTrainingQueue(client, keys, rate),
        publisher=KafkaPublisher(settings.kafka_bootstrap_servers),
        clock=settings.clock,
        names=names,
        config=config,
        fitter=Workshop(),
        domain=settings.domain,
        backfill=backfill,
        log=_log(settings.clock),
    )
    return replicated(handler, client, settings.redis_wait)


def _log(clock: Clock) -> Log:
    def write(line: Mapping[str, object]) -> None:
        head = {"time": iso(clock.now()), "severity": "INFO", "function": "train"}
        sys.stdout.write(json.dumps(head | dict(line)) + "\n")
        sys.stdout.flush()

    return write
