"""`aiops rollback`: functions back to the revision that served before."""

import argparse

from aiops.errors import Misconfigured
from local.asking import confirmed
from local.deployment.preflight import context
from local.deployment.rollback import planned, roll_back
from local.deployment.runner import Runner
from local.func_file import load_functions
from local.functions import ROOT


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("rollback", help="functions back to the revision before")
    parser.add_argument("functions", nargs="*", help="folders, such as detect; default: all")
    parser.add_argument("--yes", action="store_true", help="ask nothing")
    parser.add_argument("--dry", action="store_true", help="print every program, run none")


def run(options: argparse.Namespace) -> int:
    """Roll back; what has no older revision is named, and stops all before anything changes.

    Raises:
        Misconfigured: a function is unknown, has no older revision, or nobody said yes.
        Unavailable: a program failed.
    """
    known = {folder.name: func.name for folder, func in load_functions(ROOT / "functions").items()}
    unknown = sorted(set(options.functions) - set(known))
    if unknown:
        raise Misconfigured(f"{unknown[0]}: there is no such function")
    runner = Runner(dry=options.dry)
    where = context(runner)
    names = [known[one] for one in options.functions or known]
    plans = [planned(runner, name) for name in names]
    changes = [plan for plan in plans if plan is not None]
    for one in changes:
        print(f"{one.service}: {one.now} -> {one.then} ({one.image})")
    question = f"roll {len(changes)} functions back on {where}?"
    if changes and not options.yes and not confirmed(question):
        raise Misconfigured("nothing was changed: nobody said yes")
    for one in changes:
        roll_back(runner, one)
    if changes:
        print("the next deployment goes on with the latest; objects that feed them stayed")
    return 0
