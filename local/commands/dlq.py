"""`aiops dlq`: what could not be delivered: listed, shown, published again."""

import argparse
import json
import logging
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

from rich.console import Console

from aiops.errors import Misconfigured
from local.dead_letters.advice import EFFECT
from local.dead_letters.arguments import code, count, place, since
from local.dead_letters.letter import Letter, Mark, Place, without_data
from local.dead_letters.listing import row, table, tame, whole
from local.dead_letters.plan import Filter, Plan, plan
from local.dead_letters.routes import Route, routes_of
from local.dead_letters.topic import DeadLetters
from local.functions import ROOT
from local.manifests import load
from local.places import add_broker, add_json, broker_of
from local.progress import progress


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("dlq", help="look at dead letters, publish them again")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser("ls", help="list letters, newest last")
    listing.add_argument("--limit", type=count, default=50, metavar="N", help="the newest N")
    listing.add_argument("--redriven", action="store_true", help="also those published again")
    showing = actions.add_parser("show", help="print one letter whole, and what to do about it")
    showing.add_argument("id", type=place, metavar="PARTITION:OFFSET")
    redriving = actions.add_parser("redrive", help="publish events again, where they came from")
    redriving.add_argument("ids", nargs="*", type=place, metavar="PARTITION:OFFSET")
    redriving.add_argument("--all", action="store_true", help="every letter the filters let pass")
    redriving.add_argument("--dry-run", action="store_true", help="say what would be done")
    redriving.add_argument("--yes", action="store_true", help="do not ask")
    redriving.add_argument(
        "--force", action="store_true",
        help="also those with a final answer such as 400, and those published again before",
    )  # fmt: skip
    for one in (listing, redriving):
        one.add_argument("--type", action="append", default=[], metavar="PATTERN", dest="types")
        one.add_argument("--code", action="append", default=[], type=code, dest="codes",
                         metavar="CODE", help="such as 503, or none for no answer")  # fmt: skip
        one.add_argument("--since", type=since, default=0, metavar="WHEN",
                         help="such as 2h, or 2026-01-31T12:00Z")  # fmt: skip
    for one in (listing, showing, redriving):
        add_broker(one)
        one.add_argument(
            "--manifests", type=Path, default=ROOT / "knative" / "base", metavar="DIR",
            help="the objects that deliver; default: knative/base",
        )  # fmt: skip
        add_json(one)


def run(options: argparse.Namespace) -> int:
    """List, show or redrive; 1 where nothing was found or something was refused.

    Raises:
        Misconfigured: an argument, or an object, is wrong.
        Unavailable: the broker does not answer.
    """
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    bootstrap = broker_of(options)
    routes = routes_of(load(options.manifests))
    with closing(DeadLetters(bootstrap)) as letters:
        if options.action == "ls":
            return _list(letters, routes, options)
        if options.action == "show":
            return _show(letters, routes, options)
        return _redrive(letters, routes, options)


def _list(letters: DeadLetters, routes: tuple[Route, ...], options: argparse.Namespace) -> int:
    wanted = Filter(tuple(options.types), tuple(options.codes), options.since)
    known, done = _known(letters)
    found = [letter for letter in known if wanted.passes(letter)]
    left = [letter for letter in found if letter.place not in done]
    chosen = sorted(found if options.redriven else left, key=lambda each: (each.time, each.place))
    newest = chosen[-options.limit :]
    rows = [row(letter, routes, redriven=letter.place in done) for letter in newest]
    counts = {"open": len(left), "redriven": len(found) - len(left)}
    if options.json:
        print(json.dumps({"letters": rows, **counts}))
        return 0
    if rows:
        Console(highlight=False, width=_width(), markup=False).print(table(rows))
    print(f"{counts['open']} open, {counts['redriven']} redriven, {len(rows)} shown")
    return 0


def _show(letters: DeadLetters, routes: tuple[Route, ...], options: argparse.Namespace) -> int:
    letter = letters.fetch([options.id]).get(options.id)
    if letter is None:
        sys.stderr.write(f"aiops dlq: no letter {options.id}\n")
        return 1
    _, done = _known(letters)
    about = whole(letter, routes, redriven=letter.place in done)
    if options.json:
        print(json.dumps(about))
        return 0
    for name in ("id", "time", "from", "topic", "code", "reason", "bytes", "returned", "redriven"):
        print(f"{name:9} {'-' if about[name] is None else tame(str(about[name]))}")
    print("\nattributes")
    for name, text in sorted(about["attributes"].items()):
        print(f"  {name}: {tame(text)}")
    print(f"\nbody\n{about['body']}\n")
    print("\n".join(about["advice"]))
    return 0


def _redrive(letters: DeadLetters, routes: tuple[Route, ...], options: argparse.Namespace) -> int:
    _check(options)
    known, done = _known(letters)
    wanted = Filter(tuple(options.types), tuple(options.codes), options.since)
    named = frozenset(options.ids)
    chosen = [
        letter
        for letter in known
        if (options.all or letter.place in named)
        and wanted.passes(letter)
        and (options.force or letter.place not in done)
    ]
    decided = plan(chosen, routes, force=options.force)
    if not options.json:
        _explain(decided)
    published = 0
    if decided.tickets and not options.dry_run and _agreed(decided, options):
        with progress("events", len(decided.tickets), quiet=options.json) as advance:
            published = letters.redrive(decided.tickets, advance)
    if options.json:
        print(json.dumps(_outcome(decided, published)))
    elif not options.dry_run:
        print(f"{published} published again")
    enough = options.dry_run or published == len(decided.tickets)
    return 0 if decided.tickets and not decided.refused and enough else 1


def _known(letters: DeadLetters) -> tuple[list[Letter], frozenset[Place]]:
    """Return all letters, without data, and the places of those that were published again."""
    known: list[Letter] = []
    done: set[Place] = set()
    for each in letters.read():
        if isinstance(each, Mark):
            done.add(each.letter)
        else:
            known.append(without_data(each))
    return known, frozenset(done)


def _check(options: argparse.Namespace) -> None:
    if options.all == bool(options.ids):
        raise Misconfigured("redrive: either ids or --all")
    asks = not (options.yes or options.dry_run)
    if asks and (options.json or not sys.stdin.isatty()):
        raise Misconfigured("redrive: --yes or --dry-run is needed where nobody can be asked")


def _explain(decided: Plan) -> None:
    topics: dict[str, int] = {}
    for ticket in decided.tickets:
        topics[ticket.topic] = topics.get(ticket.topic, 0) + 1
    for topic, events in sorted(topics.items()):
        print(f"{events} to {topic}: {EFFECT.get(topic, 'every subscriber gets them again')}")
    for reason, letters in decided.refused.most_common():
        print(f"{letters} refused: {reason}")
    if not decided.tickets and not decided.refused:
        print("no such letters")


def _agreed(decided: Plan, options: argparse.Namespace) -> bool:
    if options.yes:
        return True
    answer = input(f"Publish {len(decided.tickets)} events again? [y/N] ")
    return answer.strip().lower() in {"y", "yes"}


def _outcome(decided: Plan, published: int) -> dict[str, Any]:
    return {
        "planned": [{"id": str(ticket.place), "topic": ticket.topic} for ticket in decided.tickets],
        "refused": dict(decided.refused),
        "published": published,
    }


def _width() -> int | None:
    """Return the width of what is no terminal: nothing is cut there, a program may read it."""
    return None if sys.stdout.isatty() else 400
