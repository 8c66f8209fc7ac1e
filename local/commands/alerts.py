"""`aiops alerts`: what Alertmanager would post to a webhook, published as anomalies."""

import argparse
import json
import sys
from pathlib import Path

from aiops.adapters.kafka_publisher import KafkaPublisher
from aiops.alerts import AlertMap, Translator, messages
from aiops.clock import SystemClock
from aiops.errors import Misconfigured
from aiops.series import SeriesMap
from aiops.settings import read_config, read_section
from local.places import add_broker, add_config, add_domain, add_json, broker_of


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("alerts", help="send alerts of Alertmanager along with anomalies")
    parser.add_argument("payload", metavar="FILE", help="body of a webhook, JSON; - for the input")
    add_config(parser)
    add_domain(parser)
    add_broker(parser)
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Publish the alerts that can be read; 1 where some cannot, or there are none.

    Raises:
        Misconfigured: nobody said where the broker is, or a file cannot be read.
        Rejected: the payload is no notification.
        Unavailable: the broker does not answer.
    """
    bootstrap = broker_of(options)
    sections = read_config(options.config)
    translator = Translator(
        options.domain,
        read_section(sections, "series", SeriesMap),
        read_section(sections, "alerts", AlertMap),
    )
    now = SystemClock().now()
    found = translator.translate(_payload(options.payload), now)
    KafkaPublisher(bootstrap).publish(list(messages(found.anomalies, options.domain, now)))
    if options.json:
        accepted = [one.model_dump(mode="json") for one in found.anomalies]
        print(json.dumps({"accepted": accepted, "dropped": dict(found.dropped)}))
    else:
        for one in found.anomalies:
            said = "fires" if one.alert is None or one.alert.ended_at is None else "is over"
            print(f"{one.metric} of {one.service} {said}, severity {one.severity}: {one.reason}")
        for reason, count in sorted(found.dropped.items()):
            sys.stderr.write(f"aiops alerts: {count} dropped: {reason}\n")
    unread = sum(count for reason, count in found.dropped.items() if reason != "ignored")
    return 0 if found.anomalies and not unread else 1


def _payload(name: str) -> bytes:
    if name == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise Misconfigured(f"{name}: {error.strerror}") from None
