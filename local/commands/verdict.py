"""`aiops verdict`: say what an anomaly was, or what the cause of an incident was."""

import argparse
import json
import sys

from aiops import topics
from aiops.adapters.kafka_publisher import KafkaPublisher
from aiops.clock import SystemClock
from aiops.errors import Misconfigured
from aiops.events import Anomaly, CauseJudged, FeedbackGiven
from aiops.ids import derive
from aiops.ports import Event, Message
from local.anomalies import incident, published
from local.places import add_broker, add_json, add_speaker, broker_of, speaker

NOBODY = "none"
"""What stands for none of the suspects, and nobody knows who."""

VERDICTS = ("anomaly", "expected", "not_anomaly", "new_trend", "withdrawn")


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's arguments."""
    parser = commands.add_parser(
        "verdict", help="say what an anomaly was, or what caused an incident"
    )
    parser.add_argument("subject", metavar="ANOMALY|INCIDENT", help="its id, as in incidents")
    parser.add_argument(
        "verdict", choices=VERDICTS, nargs="?", help="what the anomaly was; withdrawn: unsaid"
    )
    parser.add_argument(
        "--cause", default="", metavar="SERVICE|none", help="what the incident came from"
    )
    add_speaker(parser)
    add_broker(parser)
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Find what was published, and publish the verdict on it; 1 where it is not found.

    Raises:
        Misconfigured: nobody said where the broker is, or not what is to be said.
        Unavailable: it does not answer.
    """
    bootstrap = broker_of(options)
    if bool(options.cause) == bool(options.verdict):
        raise Misconfigured("give a verdict on an anomaly, or the --cause of an incident")
    by, now = speaker(options), SystemClock().now()
    said = _on_cause(options, by, now) if options.cause else _on_anomaly(options, by, now)
    if said is None:
        return 1
    fact, words = said
    KafkaPublisher(bootstrap).publish([message_of(fact)])
    print(fact.model_dump_json() if options.json else words)
    return 0


def _on_anomaly(
    options: argparse.Namespace, by: str, now: int
) -> tuple[FeedbackGiven | CauseJudged, str] | None:
    found = (each for each in published(options.bootstrap_servers) if each.id == options.subject)
    anomaly = next(found, None)
    if anomaly is None:
        sys.stderr.write(f"aiops verdict: no anomaly {options.subject}\n")
        return None
    if anomaly.alert is not None:
        sys.stderr.write("aiops verdict: an external alert; its rule is changed where it stands\n")
        return None
    labels = json.dumps(anomaly.labels, ensure_ascii=False)
    fact = verdict_on(anomaly, options.verdict, by, now)
    return fact, f"{fact.verdict}: {anomaly.metric} {labels}, {anomaly.reason}"


def _on_cause(
    options: argparse.Namespace, by: str, now: int
) -> tuple[FeedbackGiven | CauseJudged, str] | None:
    found = incident(options.bootstrap_servers, options.subject)
    if found is None:
        sys.stderr.write(f"aiops verdict: no incident {options.subject}\n")
        return None
    cause = None if options.cause == NOBODY else options.cause
    fact = CauseJudged(incident=found.id, cause=cause, given_by=by, given_at=now)
    told = found.root_cause_at_notification or found.root_cause
    named = ", ".join(one.service for one in told) or "nobody"
    return fact, f"cause: {options.cause}; {named} was suspected of {found.title}"


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


def message_of(fact: FeedbackGiven | CauseJudged) -> Message:
    """Return the message that tells of it; what is said of the same stays in order."""
    if isinstance(fact, CauseJudged):
        subject, said = fact.incident, ("cause", fact.incident, fact.cause or "")
    else:
        subject, said = fact.series, ("feedback", fact.anomaly, fact.verdict)
    event = Event(
        id=derive(*said, fact.given_by, fact.given_at),
        source="/aiops/cli",
        type=fact.type,
        time=fact.given_at,
        data=fact.model_dump_json().encode(),
        subject=subject,
    )
    return Message(topics.CONTROL, subject, event)
