"""`aiops explain`: why an incident is one and whom it blames; or where a series' line stands."""

import argparse
import re
from pathlib import Path

from aiops.errors import Misconfigured
from local.explain.series_account import explain_series
from local.explain.stored import explain_incident
from local.places import add_broker, add_config, add_domain, add_json, add_redis, redis_of

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
    add_config(parser)
    add_redis(parser)
    add_broker(parser, "where a key's name is looked up; ")
    add_domain(parser)
    parser.add_argument("--html", type=Path, metavar="FILE", help="write an incident's page")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Print what there is to say; 1 where nothing is known of it.

    Raises:
        Misconfigured: nobody said where Redis is, or a section of the configuration is wrong.
        Unavailable: Redis, or the broker, does not answer.
    """
    redis_of(options)
    if INCIDENT.fullmatch(options.subject):
        return explain_incident(options)
    if options.html is not None:
        raise Misconfigured("--html: only incidents have a page")
    return explain_series(options)
