"""`aiops validate`: whether configuration, runbooks and other files are understood."""

import argparse
import json
import os
from dataclasses import asdict
from pathlib import Path

from aiops.errors import Misconfigured
from functions.act.receivers import SETTING
from local.places import add_json
from local.validation.files import all_problems, check, check_receivers

_VARIABLES = ("AIOPS_CONFIG", "RUNBOOK_DIR", "JOB_TEMPLATE_DIR")


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's arguments."""
    parser = commands.add_parser(
        "validate",
        help="check configuration, runbooks, Jobs, topologies, manifests and recordings",
    )
    parser.add_argument(
        "paths", nargs="*", type=Path, metavar="PATH",
        help="files or folders; "
        f"default: what {', '.join(_VARIABLES)} name, and {SETTING}",
    )  # fmt: skip
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Print what is wrong, a line each; 1 where anything is.

    Raises:
        Misconfigured: nobody said what to look at, or there is nothing.
    """
    paths = options.paths or [Path(os.environ[n]) for n in _VARIABLES if os.environ.get(n)]
    receivers = "" if options.paths else os.environ.get(SETTING, "")
    if not paths and not receivers:
        raise Misconfigured(f"PATH: not given, nor is {', '.join(_VARIABLES)} or {SETTING} set")
    checked = [one for path in paths for one in check(path)]
    if receivers:
        checked.append(check_receivers(receivers))
    problems = all_problems(checked)
    if options.json:
        listed = [{"file": one.file, "kind": one.kind} for one in checked]
        print(json.dumps({"checked": listed, "problems": [asdict(one) for one in problems]}))
    else:
        for problem in problems:
            print(problem)
        wrong = {problem.file for problem in problems}
        for one in checked:
            if one.file not in wrong:
                print(f"{one.file}: {one.kind}, good")
    return 1 if problems else 0
