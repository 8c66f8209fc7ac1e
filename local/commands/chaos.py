"""`aiops chaos`: the pipeline under fire, compared with the same input left in peace."""

import argparse
import json
import logging
import shutil
import sys
import time
from collections.abc import Sequence
from typing import Self

from rich.console import Console

from aiops.errors import Misconfigured
from local.chaos.duel import Duel
from local.chaos.mutations import known
from local.chaos.run import Run
from local.chaos.table import summary, tables
from local.chaos.verdict import Verdict

SHORTEST_SECONDS = 8.0


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("chaos", help="kill, cut and duplicate, and find nothing changed")
    parser.add_argument("--seed", type=int, default=1, help="another number, another run")
    parser.add_argument(
        "--duration", type=float, default=60.0, metavar="SECONDS", help="of input, default 60"
    )
    parser.add_argument(
        "--mutation", metavar="NAME", action="append", default=[],
        help="break the protocol on purpose; may be given several times",
    )  # fmt: skip
    parser.add_argument("--mutations", action="store_true", help="break it in every known way")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Run it, show it, and return 0 if nothing differs, else 1.

    With several mutations: 0 if each of them made a difference.

    Raises:
        Misconfigured: an argument, an object, a func.yaml or a setting is wrong.
        Unavailable: a server or a function does not start, or stops answering.
    """
    if args.duration < SHORTEST_SECONDS:
        raise Misconfigured(f"--duration: at least {SHORTEST_SECONDS:g} seconds")
    mutations = list(known()) if args.mutations else args.mutation
    if not known().keys() >= set(mutations):
        raise Misconfigured(f"--mutation: one of {', '.join(known())}")
    logging.getLogger("local").setLevel(logging.INFO)
    logging.getLogger("local").propagate = False
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    with _Progress(quiet=args.json) as progress:
        duel = Duel(args.seed, args.duration, progress.say)
        if len(mutations) > 1:
            return _all(duel, mutations, progress, as_json=args.json)
        verdict = duel.fight(*mutations)
    _show(verdict, as_json=args.json)
    if verdict.clean:
        shutil.rmtree(duel.folder, ignore_errors=True)
    return 0 if verdict.clean else 1


def _show(verdict: Verdict, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(verdict.to_json()))
        return
    console = Console()
    for table in tables(verdict):
        console.print(table)
    for line in summary(verdict):
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def _all(duel: Duel, mutations: Sequence[str], progress: "_Progress", *, as_json: bool) -> int:
    """Make mutations one after the other, and say of each whether it was caught, and by what."""
    found: dict[str, dict[str, int]] = {}
    for name in mutations:
        differences = duel.fight(name).differences
        found[name] = {kind: len(some) for kind, some in differences.items() if some}
        if not as_json:
            words = ", ".join(f"{kind} {n}" for kind, n in found[name].items())
            progress.note(f"{name}: {'caught: ' + words if words else 'NOT CAUGHT'}")
    missed = [name for name, kinds in found.items() if not kinds]
    if as_json:
        print(json.dumps({"clean": not missed, "caught": found, "missed": missed}))
    else:
        print(f"{len(found) - len(missed)} of {len(found)} mutations caught; logs: {duel.folder}")
    return 1 if missed else 0


class _Progress:
    """Says on standard error what is being done: a line that changes, or one for each phase."""

    def __init__(self, *, quiet: bool) -> None:
        self._console = Console(stderr=True, quiet=quiet)
        self._status = self._console.status("servers and functions start")
        self._said = ""

    def __enter__(self) -> Self:
        """Begin."""
        if self._console.is_terminal:
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        self._status.stop()

    def note(self, line: str) -> None:
        """Say something that stays."""
        self._console.print(line, highlight=False, markup=False, soft_wrap=True)

    def say(self, phase: str, run: Run) -> None:
        """Take note of how a run stands."""
        damage = run.result.damage
        kills = sum(damage.kills.values()) + sum(damage.worker_kills.values())
        where = "under fire" if run.monkey else "in peace"
        line = f"{where}: {phase}: {run.feed.events:,} events sent, {kills} kills"
        if self._console.is_terminal:
            self._status.update(f"{line}, {sum(damage.outages.values())} outages")
        elif (where + phase) != self._said:
            self._said = where + phase
            self.note(f"{time.strftime('%H:%M:%S')} {line}")
        sys.stderr.flush()
