"""`aiops secrets`: the Secrets of knative/secrets with random passwords, for `kubectl create`."""

import argparse
import sys

from aiops.errors import Misconfigured
from local.deployment.secrets import generated


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's arguments."""
    parser = commands.add_parser(
        "secrets", help="Secrets with random passwords: aiops secrets | kubectl create --filename -"
    )
    parser.add_argument("--show", action="store_true", help="write them to a terminal, too")


def run(options: argparse.Namespace) -> int:
    """Print them.

    Raises:
        Misconfigured: somebody would read them.
    """
    if sys.stdout.isatty() and not options.show:
        raise Misconfigured(
            "pipe it: aiops secrets | kubectl create --filename - ; --show prints passwords here"
        )
    sys.stdout.write(generated())
    return 0
