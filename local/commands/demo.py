"""`aiops demo`: a shop breaks, and the whole pipeline is watched finding out why."""

import argparse
import json
import logging
from pathlib import Path

from rich.console import Console

from local.demo.run import run as run_demo
from local.demo.verdict import summary, table
from local.demo.views import LiveView, PlainView, SilentView, View


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser("demo", help="watch faults travel through the whole pipeline")
    parser.add_argument("--seed", type=int, default=1, help="another number, another scenario")
    parser.add_argument(
        "--html", type=Path, default=Path("demo"), metavar="DIR",
        help="where a page for each incident is left, below the seed's number; default: demo",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Run it, show it, and return 0 if every fault was found and rightly blamed, else 1.

    Raises:
        Misconfigured: an object, a func.yaml or a setting is wrong.
        Unavailable: a server or a function does not start, or stops answering.
    """
    logging.basicConfig(level=logging.ERROR, format="%(levelname)s %(message)s")
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    console = Console()
    view: View = PlainView()
    if args.json:
        view = SilentView()
    elif console.is_terminal:
        view = LiveView(console)
    pages = args.html / f"seed-{args.seed}"
    verdict = run_demo(args.seed, view, pages)
    if args.json:
        print(json.dumps(verdict.to_json()))
        return 0 if verdict.good else 1
    console.print(table(verdict))
    for line in summary(verdict):
        console.print(line, highlight=False, soft_wrap=True)
    where = f"a page for each incident: {pages / 'index.html'}"
    console.print(where, highlight=False, soft_wrap=True)
    return 0 if verdict.good else 1
