"""What people wish of incidents: where it is read and published, and who wishes it."""

import argparse
import getpass
import os
import re
from collections.abc import Mapping
from contextlib import suppress

from aiops import topics
from aiops.adapters.kafka_publisher import KafkaPublisher
from aiops.adapters.keys import Keys
from aiops.adapters.redis_client import connect
from aiops.adapters.redis_incidents import RedisIncidents
from aiops.errors import Misconfigured
from aiops.events import CommandGiven, SilenceGiven, SilenceLifted
from aiops.ids import derive
from aiops.ports import Event, Message
from aiops.silences import Silence

_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}

Wish = CommandGiven | SilenceGiven | SilenceLifted


def add_places(parser: argparse.ArgumentParser, *, says: bool) -> None:
    """Add where a domain's state is and, for what is said to it, where that is published."""
    parser.add_argument(
        "--redis-url", default=os.environ.get("REDIS_URL", ""), metavar="URL",
        help="default: REDIS_URL",
    )  # fmt: skip
    parser.add_argument(
        "--domain", default=os.environ.get("AIOPS_DOMAIN") or "default", metavar="NAME",
        help="default: AIOPS_DOMAIN, or default",
    )  # fmt: skip
    parser.add_argument("--generation", default=os.environ.get("AIOPS_GENERATION", ""))
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    if says:
        parser.add_argument("--by", default="", metavar="NAME", help="who says so; default: you")
        parser.add_argument(
            "--bootstrap-servers", default=os.environ.get("KAFKA_BOOTSTRAP_SERVERS", ""),
            metavar="HOST:PORT", help="default: KAFKA_BOOTSTRAP_SERVERS",
        )  # fmt: skip


def store_of(options: argparse.Namespace) -> RedisIncidents:
    """Return the state of the domain that is meant.

    Raises:
        Misconfigured: nobody said where Redis is.
    """
    if not options.redis_url:
        raise Misconfigured("--redis-url: not given, nor is REDIS_URL set")
    keys = Keys(f"{options.generation}:" if options.generation else "")
    return RedisIncidents(connect(options.redis_url), keys, options.domain)


def say(wish: Wish, options: argparse.Namespace) -> None:
    """Publish a wish.

    Raises:
        Misconfigured: nobody said where the broker is.
        Unavailable: it does not answer.
    """
    if not options.bootstrap_servers:
        raise Misconfigured("--bootstrap-servers: not given, nor is KAFKA_BOOTSTRAP_SERVERS set")
    KafkaPublisher(options.bootstrap_servers).publish([message_of(wish)])


def message_of(wish: Wish) -> Message:
    """Return the message that tells of a wish; what is wished of one thing stays in order."""
    if isinstance(wish, CommandGiven):
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


def speaker(options: argparse.Namespace) -> str:
    """Return who wishes it: as said, else the name of who runs the command."""
    if options.by:
        return str(options.by)
    with suppress(OSError, KeyError):
        return getpass.getuser()
    return "unknown"
