"""`aiops silences`: maintenance windows and silences over many incidents."""

import argparse
import sys
import uuid
from collections.abc import Sequence

from aiops.adapters.cloudevent import iso
from aiops.clock import SystemClock
from aiops.events import SilenceGiven, SilenceLifted
from aiops.silences import Silence
from local.dead_letters.arguments import since
from local.places import speaker
from local.wishes import add_places, by_prefix, duration, say, store_of


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's arguments."""
    parser = commands.add_parser(
        "silences", help="maintenance windows: tell nobody of some incidents for a while"
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser("ls", help="list those that hold or will hold")
    listing.add_argument("--all", action="store_true", help="those that are over, too")
    add_places(listing, says=False)
    giving = actions.add_parser("give", help="silence what a service, metric or label names")
    giving.add_argument("--service", default="*", metavar="GLOB", help="such as cart or pay-*")
    giving.add_argument("--metric", default="*", metavar="GLOB")
    giving.add_argument(
        "--label", action="append", default=[], type=_label, metavar="NAME=GLOB", help="repeatable"
    )
    giving.add_argument("--starts", type=since, default=None, metavar="TIME", help="default: now")
    giving.add_argument(
        "--for", dest="lasting", type=duration, default="1h", metavar="1h", help="how long"
    )
    giving.add_argument("--reason", default="", metavar="TEXT", help="why")
    add_places(giving, says=True)
    lifting = actions.add_parser("lift", help="end one before its time")
    lifting.add_argument("silence", metavar="ID", help="its id, or how it begins")
    add_places(lifting, says=True)


def run(options: argparse.Namespace) -> int:
    """Do what was asked; 1 where there is no such silence.

    Raises:
        Misconfigured: nobody said where Redis or the broker is.
        Unavailable: one of them does not answer.
    """
    now = SystemClock().now()
    if options.action == "give":
        return _give(options, now)
    silences = {one.id: one for one in store_of(options).silences()}
    if options.action == "ls":
        _print_list([one for one in silences.values() if options.all or _lasts(one, now)], options)
        return 0
    found = by_prefix(options.silence, silences)
    if found is None:
        sys.stderr.write(f"aiops silences: no silence {options.silence}, or several\n")
        return 1
    lifted = SilenceLifted(
        silence=found.id, domain=options.domain, lifted_by=speaker(options), lifted_at=now
    )
    say(lifted, options)
    print(lifted.model_dump_json() if options.json else f"lifted: {_line(found)}")
    return 0


def _give(options: argparse.Namespace, now: int) -> int:
    starts = now if options.starts is None else options.starts
    given = SilenceGiven(
        silence=str(uuid.uuid4()),
        domain=options.domain,
        service=options.service,
        metric=options.metric,
        labels=dict(options.label),
        starts=starts,
        ends=starts + options.lasting,
        given_by=speaker(options),
        given_at=now,
        reason=options.reason,
    )
    say(given, options)
    print(given.model_dump_json() if options.json else _line(Silence(given=given)))
    return 0


def _lasts(silence: Silence, now: int) -> bool:
    held = silence.in_force()
    return held is not None and held.ends > now


def _print_list(silences: Sequence[Silence], options: argparse.Namespace) -> None:
    if options.json:
        print(f'{{"silences":[{",".join(one.model_dump_json() for one in silences)}]}}')
        return
    for one in silences:
        print(_line(one))
    if not silences:
        print("no silence holds")


def _line(silence: Silence) -> str:
    held = silence.in_force() or silence.given
    if held is None:
        return f"{silence.id[:8]}  lifted before it was given"
    labels = "".join(f" {name}={glob}" for name, glob in sorted(held.labels.items()))
    text = (
        f"{held.silence[:8]}  {iso(held.starts)[:19]} to {iso(held.ends)[:19]}"
        f"  service={held.service} metric={held.metric}{labels}  by {held.given_by}: {held.reason}"
    )
    return "".join(c if c.isprintable() else " " for c in text)


def _label(text: str) -> tuple[str, str]:
    name, equals, glob = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"expected NAME=GLOB, got {text!r}")
    return name, glob
