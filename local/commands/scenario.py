"""`aiops scenario`: writes a recording of a shop with faults whose cause is known."""

import argparse
import json
from pathlib import Path

from local.scenario.campaign import campaign
from local.scenario.estate import LARGEST, SMALLEST
from local.scenario.generate import generate
from local.scenario.recording import write, write_recording


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "scenario", help="write a recording of a shop with faults whose cause is known"
    )
    parser.add_argument("out", type=Path, metavar="OUT", help="the folder to write")
    parser.add_argument("--seed", type=_whole, default=1, help="what everything is drawn from")
    parser.add_argument("--hours", type=_hours, default=12.0, help="of history before the faults")
    parser.add_argument("--faults", type=_whole, default=6, help="how many")
    parser.add_argument(
        "--services", type=_size, default=None, help="a random system of so many, not the shop"
    )
    parser.add_argument("--step", type=_step, default=30, help="its seconds between samples")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write the recording and say what is in it; return the exit code."""
    if args.services is not None:
        return _random_system(args)
    scenario = generate(args.seed, hours=args.hours, faults=args.faults)
    write(scenario, args.out)
    samples = scenario.values.size
    if args.json:
        print(json.dumps({"folder": str(args.out), "series": len(scenario.series),
                          "samples": samples, "faults": len(scenario.faults)}))  # fmt: skip
        return 0
    print(f"{args.out}: {len(scenario.series)} series, {samples} samples")
    for fault in scenario.faults:
        print(f"  {fault.kind} of {fault.service}: {fault.magnitude:.1f} robust deviations, "
              f"{fault.minutes} minutes")  # fmt: skip
    return 0


def _random_system(args: argparse.Namespace) -> int:
    drawn = campaign(args.seed, services=args.services, step=args.step, faults=args.faults)
    write_recording(drawn, args.out)
    if args.json:
        print(json.dumps({"folder": str(args.out), "series": len(drawn.heads),
                          "samples": len(drawn.time), "faults": len(drawn.faults)}))  # fmt: skip
        return 0
    print(f"{args.out}: {len(drawn.heads)} series, {len(drawn.time)} samples")
    for fault in drawn.faults:
        print(f"  {fault.kind} of {fault.service}")
    return 0


def _whole(text: str) -> int:
    number = int(text)
    if number < 0:
        raise ValueError(text)
    return number


def _size(text: str) -> int:
    number = int(text)
    if not SMALLEST <= number <= LARGEST:
        raise ValueError(text)
    return number


def _step(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 60:
        raise ValueError(text)
    return number


def _hours(text: str) -> float:
    number = float(text)
    if not 0 < number <= 24 * 14:
        raise ValueError(text)
    return number
