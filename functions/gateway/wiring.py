"""The real parts behind `gateway`: the one place that reads the senders' secrets."""

import time
from collections.abc import Callable, Mapping

from aiops.adapters.kafka_publisher import KafkaPublisher
from aiops.adapters.keys import Keys
from aiops.adapters.redis_client import connect
from aiops.adapters.redis_deliveries import RedisDeliveries
from aiops.alerts import AlertMap
from aiops.errors import Misconfigured
from aiops.plugins import load
from aiops.series import SeriesMap
from aiops.settings import Settings, secret
from functions.gateway.bucket import TokenBucket
from functions.gateway.config import GatewayConfig
from functions.gateway.deadline import Deadline
from functions.gateway.handler import GatewayHandler, Listened
from functions.gateway.sender import Place, Sender

SENDERS = "functions.gateway.senders"
AT_A_TIME = 32
"""Requests passed on at a time: more than func.yaml has threads, as some outlive their answer."""

Read = Callable[[str], str | None]


def build(settings: Settings) -> GatewayHandler:
    """Return the handler over Redis and Kafka."""
    place = Place(
        settings.domain,
        settings.section("series", SeriesMap),
        settings.section("alerts", AlertMap),
    )
    return GatewayHandler(
        senders=listen(settings.section("gateway", GatewayConfig), place, secret),
        deliveries=RedisDeliveries(connect(settings.redis_url), Keys(settings.generation)),
        publisher=KafkaPublisher(settings.kafka_bootstrap_servers),
        deadline=Deadline(AT_A_TIME),
    )


def listen(config: GatewayConfig, place: Place, read: Read) -> Mapping[str, Listened]:
    """Return the senders that are listened to, by name.

    Raises:
        Misconfigured: one does not exist, or lacks its secret, or that is wrong.
    """
    found: dict[str, Listened] = {}
    for name in config.senders:
        plugin: type[Sender] = load(SENDERS, name, "Sender")
        written = read(plugin.secrets)
        if not written:
            raise Misconfigured(f"gateway.senders: {name} needs {plugin.secrets}, which is not set")
        bucket = TokenBucket(config.rate, config.burst, time.monotonic)
        found[name] = Listened(plugin(written, place), bucket)
    return found
