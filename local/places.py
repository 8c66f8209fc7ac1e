"""Where a command finds Redis, the broker and its settings: the arguments, and what they say."""

import argparse
import getpass
import os
from contextlib import suppress

from aiops.adapters.keys import Keys
from aiops.errors import Misconfigured
from local.dead_letters.arguments import since


def add_redis(parser: argparse.ArgumentParser) -> None:
    """Add where the state is, and of which generation."""
    parser.add_argument(
        "--redis-url", default=os.environ.get("REDIS_URL", ""), metavar="URL",
        help="default: REDIS_URL",
    )  # fmt: skip
    parser.add_argument("--generation", default=os.environ.get("AIOPS_GENERATION", ""))


def add_domain(parser: argparse.ArgumentParser) -> None:
    """Add which domain is meant."""
    parser.add_argument(
        "--domain", default=os.environ.get("AIOPS_DOMAIN") or "default", metavar="NAME",
        help="default: AIOPS_DOMAIN, or default",
    )  # fmt: skip


def add_broker(parser: argparse.ArgumentParser, why: str = "default: ") -> None:
    """Add where the topics are."""
    parser.add_argument(
        "--bootstrap-servers", default=os.environ.get("KAFKA_BOOTSTRAP_SERVERS", ""),
        metavar="HOST:PORT", help=f"{why}KAFKA_BOOTSTRAP_SERVERS",
    )  # fmt: skip


def add_prometheus(parser: argparse.ArgumentParser) -> None:
    """Add where the past is asked for, and from when on."""
    parser.add_argument(
        "--prometheus-url", default=os.environ.get("PROMETHEUS_URL", ""), metavar="URL",
        help="default: PROMETHEUS_URL",
    )  # fmt: skip
    parser.add_argument(
        "--since", type=since, required=True, metavar="WHEN", help="2h, 14d ago, or ISO 8601"
    )


def add_config(parser: argparse.ArgumentParser) -> None:
    """Add where the configuration is."""
    parser.add_argument(
        "--config", default=os.environ.get("AIOPS_CONFIG", ""), metavar="FILE",
        help="default: AIOPS_CONFIG",
    )  # fmt: skip


def add_speaker(parser: argparse.ArgumentParser) -> None:
    """Add who says it."""
    parser.add_argument("--by", default="", metavar="NAME", help="who says so; default: you")


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add whether programs read it."""
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def redis_of(options: argparse.Namespace, otherwise: str = "") -> str:
    """Return where Redis is.

    Raises:
        Misconfigured: nobody said; `otherwise` says what else could have been given.
    """
    if not options.redis_url:
        raise Misconfigured(f"--redis-url: not given, nor is REDIS_URL set{otherwise}")
    return str(options.redis_url)


def keys_of(options: argparse.Namespace) -> Keys:
    """Return the names of the keys of a generation."""
    return Keys(f"{options.generation}:" if options.generation else "")


def broker_of(options: argparse.Namespace) -> str:
    """Return where the broker is.

    Raises:
        Misconfigured: nobody said.
    """
    if not options.bootstrap_servers:
        raise Misconfigured("--bootstrap-servers: not given, nor is KAFKA_BOOTSTRAP_SERVERS set")
    return str(options.bootstrap_servers)


def speaker(options: argparse.Namespace) -> str:
    """Return who says it: as given, else the name of who runs the command."""
    if options.by:
        return str(options.by)
    with suppress(OSError, KeyError):
        return getpass.getuser()
    return "unknown"
