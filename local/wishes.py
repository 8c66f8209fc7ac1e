"""What people wish of incidents: where it is read and published, and who wishes it."""

import argparse
import re
from collections.abc import Mapping

from aiops import topics
from aiops.adapters.kafka_publisher import KafkaPublisher
from aiops.adapters.redis_client import connect
from aiops.adapters.redis_incidents import RedisIncidents
from aiops.events import CommandGiven, RunJudged, SilenceGiven, SilenceLifted
from aiops.ids import derive
from aiops.ports import Event, Message
from aiops.silences import Silence
from local.places import (
    add_broker,
    add_domain,
    add_json,
    add_redis,
    add_speaker,
    broker_of,
    keys_of,
    redis_of,
)

_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}

Wish = CommandGiven | RunJudged | SilenceGiven | SilenceLifted


def add_places(parser: argparse.ArgumentParser, *, says: bool) -> None:
    """Add where a domain's state is and, for what is said to it, where that is published."""
    add_redis(parser)
    add_domain(parser)
    add_json(parser)
    if says:
        add_speaker(parser)
        add_broker(parser)


def store_of(options: argparse.Namespace) -> RedisIncidents:
    """Return the state of the domain that is meant.

    Raises:
        Misconfigured: nobody said where Redis is.
    """
    return RedisIncidents(connect(redis_of(options)), keys_of(options), options.domain)


def say(wish: Wish, options: argparse.Namespace) -> None:
    """Publish a wish.

    Raises:
        Misconfigured: nobody said where the broker is.
        Unavailable: it does not answer.
    """
    KafkaPublisher(broker_of(options)).publish([message_of(wish)])


def message_of(wish: Wish) -> Message:
    """Return the message that tells of a wish; what is wished of one thing stays in order."""
    if isinstance(wish, CommandGiven | RunJudged):
        subject, time = wish.incident, wish.given_at
    elif isinstance(wish, SilenceGiven):
        subject, time = wish.silence, wish.given_at
    else:
        subject, time = wish.silence, wish.lifted_at
    data = wish.model_dump_json()
    event = Event(
        id=derive("wish", wish.type, data),
        source="/aiops/cli",
        type=wish.type,
        time=time,
        data=data.encode(),
        subject=subject,
    )
    return Message(topics.CONTROL, subject, event)


def by_prefix(text: str, silences: Mapping[str, Silence]) -> Silence | None:
    """Return the silence whose id begins so; None for none, or several."""
    found = [one for name, one in silences.items() if name.startswith(text)]
    return silences.get(text) or (found[0] if len(found) == 1 else None)


def duration(text: str) -> int:
    """Return the milliseconds of a text such as `90s`, `30m`, `2h` or `7d`."""
    found = re.fullmatch(r"(\d{1,6})([smhd])", text)
    if not found or not int(found[1]):
        raise argparse.ArgumentTypeError(f"expected 90s, 30m, 2h or 7d, got {text!r}")
    return int(found[1]) * _UNITS[found[2]] * 1_000
