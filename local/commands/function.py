"""`aiops function`: the image of one function built or pushed, or its Service deployed."""

import argparse

from local.deployment.function import build, deploy, push, tagged
from local.deployment.runner import Runner
from local.functions import ROOT


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("function", help="build, push or deploy one function")
    parser.add_argument("step", choices=("image", "push", "deploy"))
    parser.add_argument("name", help="its folder, such as detect")
    parser.add_argument("--registry", default="", help="default: that of func.yaml")
    parser.add_argument("--version", default="latest", help="the image's tag; default: latest")
    parser.add_argument("--dry", action="store_true", help="print every program, run none")


def run(options: argparse.Namespace) -> int:
    """Do one step.

    Raises:
        Misconfigured: there is no such function, or its image was not pushed.
        Unavailable: a program failed.
    """
    runner = Runner(dry=options.dry)
    image = tagged(options.name, options.registry, options.version)
    if options.step == "image":
        build(runner, options.name, image, options.version)
    elif options.step == "push":
        push(runner, image)
    else:
        deploy(runner, options.name, image, ROOT / "build" / "stage")
    return 0
