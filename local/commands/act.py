"""`aiops act`: what runbooks do, whether they may, and the switch that stops them all."""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from aiops.action_log import SLOTS, ActionLog
from aiops.adapters.cloudevent import iso
from aiops.adapters.redis_action_log import RedisActionLog
from aiops.adapters.redis_client import connect
from aiops.adapters.redis_rails import RedisRails
from aiops.clock import SystemClock
from aiops.errors import Misconfigured
from aiops.events import RunJudged
from aiops.incident_store import IncidentStore
from aiops.rails import Pause, Rails, change_rails, close_breaker
from aiops.runs import Run
from local.places import keys_of, redis_of, speaker
from local.wishes import add_places, say, store_of

EVERY = 1 << 30
SHOWN_ID = 8
JUDGING = {"approve": "let a run go on", "reject": "let a run not go on"}


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("act", help="runs of runbooks, and the switch that stops them all")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser("runs", help="list runs of runbooks, the latest last")
    listing.add_argument("--all", action="store_true", help="of incidents that are over, too")
    listing.add_argument("--limit", type=int, default=50, metavar="N", help="at most; default: 50")
    add_places(listing, says=False)
    showing = actions.add_parser("show", help="print what became of one run, step by step")
    showing.add_argument("run", metavar="RUN", help="its id, or how it begins")
    add_places(showing, says=False)
    for name, words in JUDGING.items():
        judging = actions.add_parser(name, help=words)
        judging.add_argument("run", metavar="RUN", help="its id, or how it begins")
        add_places(judging, says=True)
    pausing = actions.add_parser("pause", help="stop everything runbooks do, at once")
    pausing.add_argument("--reason", default="", metavar="TEXT", help="why")
    resuming = actions.add_parser("resume", help="let runbooks go on")
    closing = actions.add_parser("close", help="close the breaker of a runbook that failed")
    closing.add_argument("runbook", metavar="NAME", help="of the runbook")
    for one in (pausing, resuming, closing):
        add_places(one, says=True)


def run(options: argparse.Namespace) -> int:
    """Do what was asked; 1 where there is no such run, or it waits for nobody.

    Raises:
        Misconfigured: nobody said where Redis or the broker is, or an id stands for several.
        Unavailable: one of them does not answer.
    """
    client, keys = connect(redis_of(options)), keys_of(options)
    rails = RedisRails(client, keys)
    if options.action in {"pause", "resume", "close"}:
        return _switch(rails, options)
    log, store = RedisActionLog(client, keys), store_of(options)
    everything = options.action != "runs" or options.all
    runs = list(runs_of(log, store, everything=everything))
    if options.action == "runs":
        _print_runs(runs[-max(0, options.limit) :] if options.limit else [], rails, options)
        return 0
    found = by_prefix(options.run, runs)
    if found is None:
        sys.stderr.write(f"aiops act: no run {options.run}\n")
        return 1
    if options.action == "show":
        print(found.model_dump_json() if options.json else "\n".join(lines_of(found)))
        return 0
    return _judge(found, options)


def runs_of(log: ActionLog, store: IncidentStore, *, everything: bool) -> Iterable[Run]:
    """Return the runs of incidents that go on, or of all that are kept, the oldest first."""
    names = {*log.due(range(SLOTS), EVERY << 23, EVERY), *store.quiet(EVERY << 23, EVERY)}
    names |= set(store.ended(EVERY)) if everything else set()
    records = filter(None, map(log.read, names))
    found = [run for record in records for run in record.runs]
    return sorted(found, key=lambda run: (run.proposed_at, run.id))


def by_prefix(text: str, runs: Sequence[Run]) -> Run | None:
    """Return the run whose id begins so; None where there is none.

    Raises:
        Misconfigured: several begin so.
    """
    found = [one for one in runs if one.id.startswith(text)]
    if len(found) > 1:
        raise Misconfigured(f"{text}: {len(found)} runs begin so")
    return found[0] if found else None


def _switch(rails: Rails, options: argparse.Namespace) -> int:
    """Stop everything, let it go on, or close a breaker; return 0."""
    now, by = SystemClock().now(), speaker(options)
    if options.action == "pause":
        rails.pause(Pause(by=by, at=now, reason=options.reason))
    elif options.action == "resume":
        rails.resume()
    else:
        change_rails(rails, lambda state: close_breaker(state, options.runbook, now))
    if options.json:
        print(json.dumps(_standing(rails)))
    else:
        words = {"pause": "paused: no runbook does anything", "resume": "resumed"}
        print(words.get(options.action) or f"closed: {_plain(options.runbook)}")
    return 0


def _judge(found: Run, options: argparse.Namespace) -> int:
    if found.state not in {"awaiting", "approved"}:
        sys.stderr.write(f"aiops act: run {found.id[:SHOWN_ID]} is {found.state}\n")
        return 1
    word = RunJudged(
        run=found.id,
        incident=found.incident,
        decision=options.action,
        given_by=f"cli:{speaker(options)}",
        given_at=SystemClock().now(),
    )
    say(word, options)
    print(word.model_dump_json() if options.json else f"{word.decision}: {_line(found)}")
    return 0


def _standing(rails: Rails) -> dict[str, Any]:
    """Return what holds runbooks back, in JSON's own types."""
    pause = rails.paused()
    return {
        "paused": None if pause is None else pause.model_dump(),
        "rails": rails.read().model_dump(),
    }


def _print_runs(runs: Sequence[Run], rails: Rails, options: argparse.Namespace) -> None:
    if options.json:
        listed = [{"state": one.state, **one.model_dump(mode="json")} for one in runs]
        print(json.dumps({**_standing(rails), "runs": listed}))
        return
    pause = rails.paused()
    if pause is not None:
        why = f": {_plain(pause.reason)}" if pause.reason else ""
        print(f"paused by {_plain(pause.by)} since {iso(pause.at)[:19]}{why}")
    for one in runs:
        print(_line(one))
    if not runs:
        print("no runs")


def _line(one: Run) -> str:
    what = "; ".join(step.summary for step in one.steps)
    return (
        f"{one.id[:SHOWN_ID]}  {iso(one.proposed_at)[:19]}  {one.state:<10}"
        f"  {one.runbook}: {_plain(what)} ({_plain(one.changes[-1].reason)})"
    )


def lines_of(one: Run) -> Iterator[str]:
    """Yield what became of a run as lines for people."""
    yield _line(one)
    yield f"id          {one.id}"
    yield f"incident    {one.incident}"
    yield f"answers     {_plain(one.service)}, {_plain(one.metric)}"
    for approval in one.approvals:
        yield f"approved    {iso(approval.at)} by {_plain(approval.by)}"
    for step in one.steps:
        tried = f", {step.attempts} attempts" if step.attempts > 1 else ""
        result = f" ({_plain(step.result)})" if step.result else ""
        yield f"step        {_plain(step.summary)}: {step.state}{tried}{result}"
    for change in one.changes:
        by = f" by {_plain(change.by)}" if change.by else ""
        yield f"{iso(change.at)}  {change.state}{by}: {_plain(change.reason)}"


def _plain(text: str) -> str:
    """Return a text on one line, without what a terminal would obey."""
    return "".join(c if c.isprintable() else " " for c in text)
