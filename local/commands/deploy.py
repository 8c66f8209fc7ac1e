"""`aiops deploy`: an overlay and all functions onto the cluster that kubectl talks to."""

import argparse
import sys

from local.asking import confirmed
from local.checks.overlay import overlay_named
from local.deployment.deploying import Deploying, Deployment
from local.deployment.runner import Runner
from local.functions import ROOT


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("deploy", help="everything onto a cluster, and one event through")
    parser.add_argument("overlay", help="a folder of knative/overlays, such as dev")
    parser.add_argument("--registry", default="", help="default: that of func.yaml")
    parser.add_argument("--version", default="latest", help="the images' tag; default: latest")
    parser.add_argument("--yes", action="store_true", help="ask nothing")
    parser.add_argument("--dry", action="store_true", help="print every program, run none")


def run(options: argparse.Namespace) -> int:
    """Deploy; 1 where the canary did not come through.

    Raises:
        Misconfigured: something is missing, or nobody said yes.
        Unavailable: a program failed.
    """
    done = Deploying(
        overlay=overlay_named(options.overlay),
        registry=options.registry,
        version=options.version,
        runner=Runner(dry=options.dry),
        confirm=lambda question: options.yes or confirmed(question),
        say=lambda text: print(text, flush=True),
        work=ROOT / "build" / "deploy" / options.overlay,
    ).run()
    if options.dry:
        return 0
    print(_report(options.overlay, options.version, done))
    if not done.smoke.good:
        sys.stderr.write(_advice(done))
        return 1
    return 0


def _report(overlay: str, version: str, done: Deployment) -> str:
    lines = [f"deployed {overlay}, version {version}, to {done.context} in {done.seconds:.0f} s"]
    lines += [f"  {name:16} {image}" for name, image in done.images.items()]
    lines += [f"  a sample passed {one} after {s:g} s" for one, s in done.smoke.seconds.items()]
    if done.smoke.good:
        lines.append("next: send telemetry (docs/input.md); look at it all with aiops doctor")
    return "\n".join(lines)


def _advice(done: Deployment) -> str:
    if done.smoke.problem:
        return f"no sample was sent through the chain: {done.smoke.problem}\n"
    stage = done.smoke.missed
    return (
        f"everything is there, but a sample did not pass {stage}. Its log:\n"
        f"  kubectl logs --namespace aiops --container user-container "
        f"--selector serving.knative.dev/service=aiops-{stage}\n"
        "aiops doctor looks at what lies between; make rollback takes the functions back\n"
    )
