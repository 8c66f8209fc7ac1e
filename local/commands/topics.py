"""`aiops topics`: makes the topics of knative/base on a Kafka that no operator looks after."""

import argparse

from local.functions import ROOT
from local.manifests import load
from local.places import add_broker, broker_of
from local.topics import create_topics


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("topics", help="make the topics that are missing")
    add_broker(parser)
    parser.add_argument("--replicas", type=int, default=3, metavar="N", help="default: 3")


def run(options: argparse.Namespace) -> int:
    """Make what is missing.

    Raises:
        Misconfigured: nobody said where Kafka is, or a topic has other partitions than its object.
        Unavailable: the brokers do not do it.
    """
    wanted = load(ROOT / "knative" / "base").topics
    create_topics(broker_of(options), wanted, replicas=options.replicas)
    for one in wanted:
        print(f"{one.metadata.name}: {one.spec.partitions} partitions")
    return 0
