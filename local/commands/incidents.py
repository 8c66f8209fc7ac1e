"""`aiops incidents`: what goes on, and what to do about it."""

import argparse
import sys
from collections.abc import Iterator, Sequence

from aiops.adapters.cloudevent import iso
from aiops.clock import SystemClock
from aiops.events import CommandGiven, Incident
from aiops.incident_store import IncidentStore
from aiops.silences import silenced_at
from functions.correlate.snapshot import incident_of
from local.incident_lookup import held_by
from local.places import speaker
from local.wishes import add_places, duration, say, store_of

COMMANDS = {
    "ack": ("acknowledge", "say that somebody takes it on"),
    "resolve": ("resolve", "say that it is over"),
    "reopen": ("reopen", "say that it is not over"),
    "silence": ("silence", "tell nobody of it for a while"),
}
EVERY = 1 << 30
SHOWN_ID = 8
SEVERITIES = ("", "info", "minor", "moderate", "major", "critical")


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("incidents", help="what goes on, and what to do about it")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser("ls", help="list what goes on, the latest last")
    listing.add_argument("--all", action="store_true", help="what is over, too")
    listing.add_argument("--limit", type=int, default=50, metavar="N", help="at most; default: 50")
    add_places(listing, says=False)
    showing = actions.add_parser("show", help="print one incident")
    _add_incident(showing)
    add_places(showing, says=False)
    for name, (_, words) in COMMANDS.items():
        one = actions.add_parser(name, help=words)
        one.add_argument(
            "incidents", nargs="+", metavar="INC", help="its id, or how it begins; several at once"
        )
        one.add_argument("--reason", default="", metavar="TEXT", help="why")
        if name == "silence":
            one.add_argument(
                "--for", dest="lasting", type=duration, default="1h", metavar="1h", help="how long"
            )
            one.add_argument("--lift", action="store_true", help="tell people again")
        add_places(one, says=True)


def run(options: argparse.Namespace) -> int:
    """Do what was asked; 1 where there is no such incident.

    Raises:
        Misconfigured: nobody said where Redis or the broker is, or an id stands for several.
        Unavailable: one of them does not answer.
    """
    store, now = store_of(options), SystemClock().now()
    if options.action == "ls":
        listed = _listed(store, options.limit, everything=options.all)
        _print_list(listed, now, as_json=options.json)
        return 0
    asked = [options.incident] if options.action == "show" else options.incidents
    found = [_named(store, text) for text in asked]
    for text, incident in zip(asked, found, strict=True):
        if incident is None:
            sys.stderr.write(f"aiops incidents: no incident {text}\n")
    known = {incident.id: incident for incident in found if incident is not None}
    if options.action != "show":
        _command(list(known.values()), options, now)
    for incident in known.values() if options.action == "show" else ():
        print(incident.model_dump_json() if options.json else "\n".join(lines_of(incident, now)))
    return int(None in found)


def _command(incidents: Sequence[Incident], options: argparse.Namespace, now: int) -> None:
    """Say the same of every incident, and print what was said."""
    said = []
    for incident in incidents:
        wish = _wish(incident, options, now)
        say(wish, options)
        said.append(wish.model_dump_json())
        if not options.json:
            ending = f" until {iso(wish.until)}" if wish.until and wish.until > now else ""
            print(f"{wish.command}{ending}: {_line(incident, now)}")
    if options.json and said:
        print(said[0] if len(options.incidents) == 1 else f'{{"commands":[{",".join(said)}]}}')


def _wish(incident: Incident, options: argparse.Namespace, now: int) -> CommandGiven:
    word, _ = COMMANDS[options.action]
    until = None
    if word == "silence":
        until = now if options.lift else now + options.lasting
    return CommandGiven.model_validate(
        {
            "incident": incident.id,
            "command": word,
            "given_by": speaker(options),
            "given_at": now,
            "until": until,
            "reason": options.reason,
        }
    )


def _listed(store: IncidentStore, limit: int, *, everything: bool) -> Sequence[Incident]:
    names = list(store.quiet(EVERY << 23, EVERY))
    if everything:
        names += store.ended(limit)
    found = [incident_of(held.record) for held in store.incidents(names).values()]
    found.sort(key=lambda incident: (incident.opened_at, incident.id))
    return found[-max(0, limit) :] if limit else ()


def _named(store: IncidentStore, text: str) -> Incident | None:
    held = held_by(store, text)
    return None if held is None else incident_of(held.record)


def _print_list(found: Sequence[Incident], now: int, *, as_json: bool) -> None:
    if as_json:
        listed = ",".join(incident.model_dump_json() for incident in found)
        print(f'{{"incidents":[{listed}]}}')
        return
    for incident in found:
        print(_line(incident, now))
    if not found:
        print("nothing goes on")


def _line(incident: Incident, now: int) -> str:
    marks = [incident.status, *(["flapping"] if incident.flapping else [])]
    if incident.resolved_at is None and silenced_at(incident, now) is not None:
        marks.append("silenced")
    return (
        f"{incident.id[:SHOWN_ID]}  {iso(incident.opened_at)[:19]}  {', '.join(marks):<12}"
        f"  {SEVERITIES[incident.severity]:<8}  {incident.anomalies:>5}  {_plain(incident.title)}"
    )


def lines_of(incident: Incident, now: int) -> Iterator[str]:
    """Yield an incident as lines for people."""
    yield _line(incident, now)
    yield f"id          {incident.id}"
    yield f"services    {', '.join(map(_plain, incident.services))}"
    yield from _life(incident)
    if incident.merged_into is not None:
        yield f"merged into {incident.merged_into}"
    for one in incident.silences:
        why = f": {_plain(one.reason)}" if one.reason else ""
        by = _plain(one.given_by)
        yield f"silenced    {iso(one.starts)} to {iso(one.ends)} by {by}{why}"
    for place, suspect in enumerate(incident.root_cause, 1):
        reasons = "; ".join(map(_plain, suspect.reasons[:3]))
        yield f"suspect {place}   {_plain(suspect.service)} ({suspect.score:.3g}): {reasons}"
    if incident.blast_radius:
        yield f"may reach   {', '.join(map(_plain, incident.blast_radius[:10]))}"
    for past in incident.similar:
        ended = f"ended by {_plain(past.ended_by)}" if past.ended_by else "ended by itself"
        minutes = (past.resolved_at - past.opened_at) // 60_000
        yield (
            f"like        {past.incident[:SHOWN_ID]}, {past.similarity:.0%}: {_plain(past.title)},"
            f" {iso(past.opened_at)[:19]}, {ended} after {minutes} min"
        )


def _life(incident: Incident) -> Iterator[str]:
    for name, at, by in (
        ("opened", incident.opened_at, ""),
        ("people told", incident.notified_at, ""),
        ("resolved", incident.resolved_at, incident.resolved_by),
    ):
        if at is not None:
            yield f"{name:<12}{iso(at)}{f' by {_plain(by)}' if by else ''}"
    if incident.acknowledged_by:
        yield f"taken on    by {_plain(incident.acknowledged_by)}"


def _plain(text: str) -> str:
    """Return a text on one line, without what a terminal would obey."""
    return "".join(c if c.isprintable() else " " for c in text)


def _add_incident(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("incident", metavar="INC", help="its id, or how it begins")
