"""`aiops explain`: why an incident is one and whom it blames; or where a series' line stands."""

import argparse
import os
import re
from pathlib import Path

from aiops.errors import Misconfigured
from local.explain.series_account import explain_series
from local.explain.stored import explain_incident

INCIDENT = re.compile(r"[0-9a-f]{8}(-[0-9a-f-]{0,27})?")
"""An incident's id, or as much of it as is listed."""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's arguments."""
    parser = commands.add_parser(
        "explain", help="why an incident is one and whom it blames; where a series' line stands"
    )
    parser.add_argument(
        "subject",
        metavar="INCIDENT|SERIES",
        help="an incident's id; a series' key or its name: requests{service=\"shop\"}",
    )
    parser.add_argument(
        "--config", default=os.environ.get("AIOPS_CONFIG", ""), metavar="FILE",
        help="default: AIOPS_CONFIG",
    )  # fmt: skip
    parser.add_argument(
        "--redis-url", default=os.environ.get("REDIS_URL", ""), metavar="URL",
        help="default: REDIS_URL",
    )  # fmt: skip
    parser.add_argument(
        "--bootstrap-servers", default=os.environ.get("KAFKA_BOOTSTRAP_SERVERS", ""),
        metavar="HOST:PORT", help="where a key's name is looked up; KAFKA_BOOTSTRAP_SERVERS",
    )  # fmt: skip
    parser.add_argument("--domain", default=os.environ.get("AIOPS_DOMAIN") or "default")
    parser.add_argument("--generation", default=os.environ.get("AIOPS_GENERATION", ""))
    parser.add_argument("--html", type=Path, metavar="FILE", help="write an incident's page")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: argparse.Namespace) -> int:
    """Print what there is to say; 1 where nothing is known of it.

    Raises:
        Misconfigured: nobody said where Redis is, or a section of the configuration is wrong.
        Unavailable: Redis, or the broker, does not answer.
    """
    if not options.redis_url:
        raise Misconfigured("--redis-url: not given, nor is REDIS_URL set")
    if INCIDENT.fullmatch(options.subject):
        return explain_incident(options)
    if options.html is not None:
        raise Misconfigured("--html: only incidents have a page")
    return explain_series(options)
