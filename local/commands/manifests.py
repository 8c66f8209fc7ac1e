"""`aiops manifests`: every overlay rendered, written down and checked."""

import argparse
import sys
from pathlib import Path

from local.checks.overlay import findings, overlays
from local.functions import ROOT
from local.rendering import render


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("manifests", help="render every overlay and check it")
    parser.add_argument(
        "--out", type=Path, default=ROOT / "build" / "manifests", metavar="FOLDER",
        help="where rendered objects go; default: build/manifests",
    )  # fmt: skip


def run(options: argparse.Namespace) -> int:
    """Write a file for each overlay and print what is wrong; 1 where anything is.

    Raises:
        Misconfigured: an overlay cannot be rendered.
        Unavailable: nothing that renders is installed.
    """
    wrong = 0
    options.out.mkdir(parents=True, exist_ok=True)
    for folder in overlays():
        text = render(folder)
        file = options.out / f"{folder.name}.yaml"
        file.write_text(text, encoding="utf-8")
        found = findings(folder, text)
        for one in found:
            sys.stderr.write(f"{folder.name}: {one.check}: {one.problem}\n")
        wrong += len(found)
        count = text.count("\nkind: ")
        print(f"{file}: {count} objects, {f'{len(found)} problems' if found else 'good'}")
    return 1 if wrong else 0
