"""`aiops undeploy`: takes an overlay and all functions away again."""

import argparse

from local.asking import confirmed
from local.checks.overlay import overlay_named
from local.deployment.runner import Runner
from local.deployment.undeploying import undeploy
from local.func_file import load_functions
from local.functions import ROOT


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("undeploy", help="take everything away that deploy has brought")
    parser.add_argument("overlay", help="a folder of knative/overlays, such as dev")
    parser.add_argument("--data", action="store_true", help="Kafka, topics and Redis, too")
    parser.add_argument("--yes", action="store_true", help="ask nothing")
    parser.add_argument("--dry", action="store_true", help="print every program, run none")


def run(options: argparse.Namespace) -> int:
    """Delete.

    Raises:
        Misconfigured: there is no such overlay, or nobody said yes.
        Unavailable: a program failed.
    """
    undeploy(
        Runner(dry=options.dry),
        overlay_named(options.overlay),
        [func.name for func in load_functions(ROOT / "functions").values()],
        lambda question: options.yes or confirmed(question),
        data=options.data,
    )
    if not options.data:
        print("kept: Kafka, its topics, Redis, Secrets, the namespace; --data takes them, too")
    return 0
