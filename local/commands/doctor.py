"""`aiops doctor`: looks at a running installation; 1 where anything is bad."""

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict

from aiops.clock import SystemClock
from aiops.errors import Misconfigured, Unavailable
from functions.exporter.canary.sending import send
from local.deployment.runner import Runner
from local.doctor import cluster, gateway, kafka
from local.doctor import redis as redis_checks
from local.doctor.finding import Finding, good, skipped
from local.functions import ROOT
from local.manifests import load
from local.places import add_broker, add_domain, add_json, add_redis, keys_of

CANARY_SECONDS = 120.0
_SIGNS = {"good": "ok  ", "warning": "WARN", "bad": "BAD ", "skipped": "-   "}


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("doctor", help="look at a running installation")
    add_redis(parser)
    add_domain(parser)
    add_broker(parser)
    parser.add_argument("--gateway", default="", metavar="URL", help="its address, to be tried")
    parser.add_argument(
        "--cluster", action="store_true", help="also what kubectl says: all ready, rights narrow"
    )
    parser.add_argument(
        "--canary", action="store_true", help="also send a sample through the whole chain"
    )
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Print what was found; 1 where anything is bad.

    Raises:
        Misconfigured: nothing was said that could be looked at.
    """
    asked = (options.redis_url, options.bootstrap_servers, options.gateway, options.cluster)
    if not any(asked):
        raise Misconfigured(
            "nothing to look at: set REDIS_URL and KAFKA_BOOTSTRAP_SERVERS, or say --cluster"
        )
    found = []
    for one in _findings(options):
        found.append(one)
        if not options.json:
            print(_line(one), flush=True)
    bad = sum(one.state == "bad" for one in found)
    if options.json:
        print(json.dumps({"bad": bad, "findings": [asdict(one) for one in found]}, indent=2))
    return 1 if bad else 0


def _findings(options: argparse.Namespace) -> Iterator[Finding]:
    if options.redis_url:
        generation = keys_of(options).generation
        yield from redis_checks.checks(options.redis_url, generation, options.domain)
    else:
        yield skipped("redis", "REDIS_URL is not set")
    if options.bootstrap_servers:
        yield from kafka.checks(options.bootstrap_servers, load(ROOT / "knative" / "base"))
    else:
        yield skipped("kafka", "KAFKA_BOOTSTRAP_SERVERS is not set")
    if options.gateway:
        yield from gateway.checks(options.gateway)
    if options.cluster:
        yield from cluster.checks(Runner())
    if options.canary:
        yield _canary(options.bootstrap_servers)


def _canary(bootstrap: str) -> Finding:
    if not bootstrap:
        return skipped("canary", "KAFKA_BOOTSTRAP_SERVERS is not set")
    try:
        journey = send(bootstrap, SystemClock(), CANARY_SECONDS)
    except Unavailable as error:
        return Finding("canary", "bad", str(error), "see what is said of Kafka above")
    told = ", ".join(f"{stage} after {took:.1f} s" for stage, took in journey.seconds.items())
    if not journey.missed:
        return good("canary", told)
    advice = f"the log of aiops-{journey.missed}, its source, and the lag of its group"
    return Finding("canary", "bad", f"did not pass {journey.missed}; {told or 'nothing'}", advice)


def _line(one: Finding) -> str:
    line = f"{_SIGNS[one.state]} {one.check:24} {one.told}"
    return f"{line}\n     {'':24} -> {one.advice}" if one.advice else line
