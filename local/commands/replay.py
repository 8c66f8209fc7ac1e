"""`aiops replay`: recorded folders through the functions, and the incidents they become."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from aiops.adapters.cloudevent import iso
from aiops.errors import Misconfigured
from aiops.events import Incident, Suspect
from aiops.settings import read_config
from local.evaluation import Evaluation, Figures, evaluate
from local.explain.recorded import Told, explained, worth_a_page, write_pages
from local.progress import progress
from local.recording import read_calls, read_recording
from local.replay import Replayed, replay


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("replay", help="run recordings through the functions")
    parser.add_argument("recordings", nargs="+", type=Path, metavar="RECORDING")
    parser.add_argument("--config", type=Path, metavar="FILE", help="sections as in aiops.yaml")
    parser.add_argument(
        "--topology", type=Path, metavar="FILE", help="columns client, server, maybe traffic"
    )
    parser.add_argument("--speed", type=_speed, default=None, metavar="N|max", help="default: max")
    parser.add_argument(
        "--evaluate", action="store_true", help="compare with faults.json of the last recording"
    )
    parser.add_argument(
        "--html", type=Path, metavar="DIR", help="write a page for each incident people are told of"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: argparse.Namespace) -> int:
    """Replay, print what came of it and return the exit status.

    Raises:
        Misconfigured: a recording or a setting is wrong.
    """
    config = read_config(str(options.config)) if options.config else {}
    if options.topology is not None and not options.topology.is_file():
        raise Misconfigured(f"--topology: no file {options.topology}")
    calls = read_calls(options.topology) if options.topology else ()
    recordings = [read_recording(folder) for folder in options.recordings]
    if options.evaluate and not recordings[-1].faults:
        raise Misconfigured(f"{recordings[-1].folder}: no faults.json to compare with")
    total = sum(len(recording.time) for recording in recordings)
    with progress("samples", total, quiet=options.json) as advance:
        outcome = replay(recordings, config, calls, options.speed, advance)
    evaluation = None
    if options.evaluate:
        evaluation = evaluate(
            outcome.incidents, recordings[-1].faults, outcome.began, outcome.ended
        )
    if options.json:
        print(json.dumps(_as_json(outcome, evaluation)))
    else:
        _show(outcome, evaluation)
    if options.html is not None:
        told = Told(worth_a_page(outcome.incidents, outcome.began), config, calls)
        pages = write_pages(explained(recordings, told), options.html)
        sys.stderr.write(f"{len(pages)} pages: {options.html / 'index.html'}\n")
    return 0


def _as_json(outcome: Replayed, evaluation: Evaluation | None) -> dict[str, Any]:
    found: dict[str, Any] = {
        "incidents": [_incident(one) for one in outcome.incidents if one.status != "merged"],
        "samples": outcome.samples,
        "anomalies": outcome.anomalies,
        "dropped": dict(outcome.dropped),
        "seconds": round(outcome.seconds, 2),
    }
    if evaluation is not None:
        found["evaluation"] = evaluation.to_json()
    return found


def _incident(incident: Incident) -> dict[str, Any]:
    return {
        "id": incident.id,
        "opened_at": iso(incident.opened_at),
        "updated_at": iso(incident.updated_at),
        "resolved_at": _moment(incident.resolved_at),
        "status": incident.status,
        "severity": incident.severity,
        "severity_reasons": list(incident.severity_reasons),
        "services": list(incident.services),
        "anomalies": incident.anomalies,
        "root_cause": [_suspect(one) for one in incident.root_cause],
        "root_cause_at_notification": [
            _suspect(one) for one in incident.root_cause_at_notification
        ],
        "notified_at": _moment(incident.notified_at),
        "blast_radius": list(incident.blast_radius),
    }


def _suspect(suspect: Suspect) -> dict[str, Any]:
    return suspect.model_dump(mode="json")


def _moment(ms: int | None) -> str | None:
    return None if ms is None else iso(ms)


def _show(outcome: Replayed, evaluation: Evaluation | None) -> None:
    console = Console(highlight=False)
    table = Table("opened", "minutes", "severity", "anomalies", "services", "suspects", box=None)
    for one in outcome.incidents:
        if one.status != "merged" and one.notified_at is not None:
            table.add_row(
                iso(one.opened_at)[:16].replace("T", " "),
                f"{(one.updated_at - one.opened_at) / 60_000:.0f}",
                str(one.severity),
                str(one.anomalies),
                str(len(one.services)),
                ", ".join(suspect.service for suspect in one.root_cause),
            )
    console.print(table)
    dropped = ", ".join(f"{n} {reason}" for reason, n in outcome.dropped.items()) or "none"
    console.print(
        f"{outcome.samples} samples in {outcome.seconds:.1f} s, {outcome.anomalies} anomalies; "
        f"dropped: {dropped}"
    )
    if evaluation is not None:
        _show_figures(console, evaluation)


def _show_figures(console: Console, evaluation: Evaluation) -> None:
    table = Table("", "all faults", "after the first hour", box=None)
    for name in Figures.__dataclass_fields__:
        both = (getattr(evaluation.all, name), getattr(evaluation.after_first_hour, name))
        table.add_row(name.replace("_", " "), *(_figure(value) for value in both))
    console.print(table)


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{round(value, 2):g}"


def _speed(text: str) -> float | None:
    if text == "max":
        return None
    speed = float(text)
    if speed <= 0:
        raise ValueError(text)
    return speed
