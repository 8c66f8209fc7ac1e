"""`aiops verdict`: say what an anomaly was."""

import argparse
import getpass
import json
import os
import sys
from contextlib import suppress

from aiops import topics
from aiops.adapters.kafka_publisher import KafkaPublisher
from aiops.clock import SystemClock
from aiops.errors import Misconfigured
from aiops.events import Anomaly, FeedbackGiven
from aiops.ids import derive
from aiops.ports import Event, Message
from local.anomalies import published

VERDICTS = ("anomaly", "expected", "not_anomaly", "new_trend", "withdrawn")


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("verdict", help="say what an anomaly was, or take that back")
    parser.add_argument("anomaly", metavar="ANOMALY", help="its id, as in incidents")
    parser.add_argument("verdict", choices=VERDICTS)
    parser.add_argument("--by", default="", metavar="NAME", help="who says so; default: you")
    parser.add_argument(
        "--bootstrap-servers", default=os.environ.get("KAFKA_BOOTSTRAP_SERVERS", ""),
        metavar="HOST:PORT", help="default: KAFKA_BOOTSTRAP_SERVERS",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: argparse.Namespace) -> int:
    """Find the anomaly where it was published, and publish the verdict; 1 where it is not found.

    Raises:
        Misconfigured: nobody said where the broker is.
        Unavailable: it does not answer.
    """
    if not options.bootstrap_servers:
        raise Misconfigured("--bootstrap-servers: not given, nor is KAFKA_BOOTSTRAP_SERVERS set")
    found = (each for each in published(options.bootstrap_servers) if each.id == options.anomaly)
    anomaly = next(found, None)
    if anomaly is None:
        sys.stderr.write(f"aiops verdict: no anomaly {options.anomaly}\n")
        return 1
    if anomaly.alert is not None:
        sys.stderr.write("aiops verdict: an external alert; its rule is changed where it stands\n")
        return 1
    fact = verdict_on(anomaly, options.verdict, options.by or _me(), SystemClock().now())
    KafkaPublisher(options.bootstrap_servers).publish([message_of(fact)])
    if options.json:
        print(fact.model_dump_json())
    else:
        labels = json.dumps(anomaly.labels, ensure_ascii=False)
        print(f"{fact.verdict}: {anomaly.metric} {labels}, {anomaly.reason}")
    return 0


def verdict_on(anomaly: Anomaly, verdict: str, by: str, now: int) -> FeedbackGiven:
    """Return the fact that somebody says this of an anomaly."""
    return FeedbackGiven.model_validate(
        {
            "anomaly": anomaly.id,
            "series": anomaly.series,
            "time": anomaly.time,
            "detector": anomaly.detector,
            "evidence": anomaly.evidence,
            "verdict": verdict,
            "given_by": by,
            "given_at": now,
        }
    )


def message_of(fact: FeedbackGiven) -> Message:
    """Return the message that tells of it; what is said of one series stays in order."""
    event = Event(
        id=derive("feedback", fact.anomaly, fact.verdict, fact.given_by, fact.given_at),
        source="/aiops/cli",
        type=FeedbackGiven.type,
        time=fact.given_at,
        data=fact.model_dump_json().encode(),
        subject=fact.series,
    )
    return Message(topics.CONTROL, fact.series, event)


def _me() -> str:
    with suppress(OSError, KeyError):
        return getpass.getuser()
    return "unknown"
