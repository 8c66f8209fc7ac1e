"""The real parts behind `act`: the one place that reads the channels' secrets."""

import time
import uuid
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from aiops.adapters.counting import counting
from aiops.adapters.kafka_publisher import KafkaPublisher
from aiops.adapters.keys import Keys
from aiops.adapters.redis_action_log import RedisActionLog
from aiops.adapters.redis_client import connect
from aiops.adapters.redis_rails import RedisRails
from aiops.adapters.redis_replicas import replicated
from aiops.clock import SystemClock
from aiops.counters import STEPS
from aiops.errors import Misconfigured
from aiops.plugins import load
from aiops.ports import Handler
from aiops.settings import Settings, secret
from functions.act.allowed import Allowed
from functions.act.channel import Channel
from functions.act.config import CDEVENTS, ActConfig, ChannelRule
from functions.act.connecting import Connector
from functions.act.handler import ActHandler
from functions.act.performer import Performer
from functions.act.plots.illustrator import HistoryIllustrator, Illustrated
from functions.act.runbooks.opening import open_shelf
from functions.act.runbooks.runner import Runner
from functions.act.runbooks.telling import Readers, pages_of
from functions.act.sender import HttpSender

if TYPE_CHECKING:
    from aiops.history import HistoryStore

CHANNELS = "functions.act.channels"
BOT = "slack_bot"
Read = Callable[[str], str | None]


def build(settings: Settings) -> Handler:
    """Return the handler over Redis, Kafka and the receivers."""
    written = settings.section("act", ActConfig)
    config = with_bot(written, secret)
    if "channels" not in written.model_fields_set:
        config = with_cdevents(config, secret)
    channels, off = open_channels(config, secret)
    keys = Keys(settings.generation)
    client = connect(settings.redis_url)
    log = RedisActionLog(client, keys, settings.clock.rate, settings.redis_wait)
    for channel in channels.values():
        if isinstance(channel, Illustrated):
            channel.illustrate(HistoryIllustrator(partial(_history, settings.redis_url, keys)))
    performer = Performer(
        log=log,
        ended=partial(counting(settings.redis_url, settings.generation).count, STEPS),
        sender=HttpSender(Connector(Allowed.parse(secret("ALLOWED_ADDRESSES") or ""))),
        channels=channels,
        off=off,
        clock=settings.clock,
        timer=time.monotonic,
        unix_time=SystemClock().now,
        new_token=lambda: uuid.uuid4().hex,
        give_up_after=config.give_up_after,
        merge_wait=config.merge_wait,
    )
    publisher = KafkaPublisher(settings.kafka_bootstrap_servers)
    shelf = open_shelf(secret("RUNBOOK_DIR") or "", secret)
    runner = Runner(
        log=log,
        rails=RedisRails(client, keys, settings.clock.rate, settings.redis_wait),
        shelf=shelf,
        readers=Readers(config.channels, off, pages_of(shelf.runbooks)),
        clock=settings.clock,
        timer=time.monotonic,
        new_token=lambda: uuid.uuid4().hex,
    )
    handler = ActHandler(log, performer, publisher, settings.clock, config, runner)
    return replicated(handler, client, settings.redis_wait)


def _history(redis_url: str, keys: Keys) -> "HistoryStore":
    """Return the samples that are kept; loads NumPy, so when something is drawn."""
    from aiops.adapters.redis_history import RedisHistory

    return RedisHistory(connect(redis_url), keys)


def with_bot(config: ActConfig, read: Read) -> ActConfig:
    """Return the policy with Slack's bot in it where it can be used and no channels are configured.

    It is told what the webhook of Slack is, and routes that lead there lead to it, too.
    """
    plugin: type[Channel] = load(CHANNELS, BOT, "Channel")
    if "channels" in config.model_fields_set or not all(read(name) for name in plugin.needs):
        return config
    rules = (
        rule.model_copy(update={"channel": channel})
        for rule in config.channels
        for channel in ((BOT, rule.channel) if rule.channel == "slack" else (rule.channel,))
    )
    routes = (
        route.model_copy(update={"to": (BOT, *route.to)}) if "slack" in route.to else route
        for route in config.routes
    )
    return config.model_copy(update={"channels": tuple(rules), "routes": tuple(routes)})


def with_cdevents(config: ActConfig, read: Read) -> ActConfig:
    """Return a policy whose channels nobody configured, with CDEvents where they can be sent.

    Routes that lead anywhere lead there, too.
    """
    if not read("CDEVENTS_URL"):
        return config
    routes = (
        route.model_copy(update={"to": (*route.to, CDEVENTS.receiver)}) if route.to else route
        for route in config.routes
    )
    return config.model_copy(
        update={"channels": (*config.channels, CDEVENTS), "routes": tuple(routes)}
    )


def open_channels(config: ActConfig, read: Read) -> tuple[Mapping[str, Channel], Mapping[str, str]]:
    """Return the channels that have all they need, and the others with what they lack.

    Raises:
        Misconfigured: a channel does not exist, or a setting of one is wrong.
    """
    channels: dict[str, Channel] = {}
    off: dict[str, str] = {}
    for rule in config.channels:
        plugin: type[Channel] = load(CHANNELS, rule.channel, "Channel")
        try:
            check_settings(rule)
        except Misconfigured as error:
            raise Misconfigured(f"act.channels: {rule.receiver}: {error}") from None
        found = {name: _value(rule, name, read) for name in (*plugin.needs, *plugin.takes)}
        missing = [rule.settings.get(name, name) for name in plugin.needs if not found[name]]
        if missing:
            off[rule.receiver] = f"{missing[0]} is not set"
            continue
        channels[rule.receiver] = plugin(
            {name: value or plugin.takes.get(name, "") for name, value in found.items()}
        )
    return channels, off


def _value(rule: ChannelRule, name: str, read: Read) -> str | None:
    """Return a setting of a receiver: written in the policy, or from the variable named for it."""
    return rule.values.get(name) or read(rule.settings.get(name, name))


def check_settings(rule: ChannelRule) -> None:
    """Hold what a receiver is given against what its channel takes.

    Raises:
        Misconfigured: there is no such channel, or it has no use for a setting.
    """
    plugin: type[Channel] = load(CHANNELS, rule.channel, "Channel")
    there_are = (*plugin.needs, *plugin.takes)
    given = {f"settings.{name}": name for name in rule.settings}
    given |= {f"values.{name}": name for name in rule.values}
    for field, name in given.items():
        if name not in there_are:
            raise Misconfigured(
                f"{field}: {rule.channel} takes no such setting; there is {', '.join(there_are)}"
            )
