"""A scenario as a recording: the folder that replay reads."""

import csv
import gzip
import io
import json
from pathlib import Path
from typing import Any

from aiops.adapters.cloudevent import iso
from local.recording import Recording
from local.scenario.generate import MINUTE, Scenario
from local.scenario.spread import Fault

_LABELS = ("service", "client", "server")


def write(scenario: Scenario, folder: Path) -> None:
    """Write a recording, the same bytes for the same scenario; the folder is made if need be."""
    folder.mkdir(parents=True, exist_ok=True)
    # No name and no time in the header: they would differ from run to run.
    packed = gzip.compress(_samples(scenario).encode(), compresslevel=4, mtime=0)
    (folder / "samples.csv.gz").write_bytes(packed)
    calls = ((call.client, call.server) for call in scenario.shop.calls)
    (folder / "topology.csv").write_text(_table(("client", "server"), calls), encoding="utf-8")
    changes = "".join(change.model_dump_json() + "\n" for change in scenario.changes)
    (folder / "changes.jsonl").write_text(changes, encoding="utf-8")
    faults = [_stated(scenario, fault) for fault in scenario.faults]
    (folder / "faults.json").write_text(json.dumps(faults, indent=1) + "\n", encoding="utf-8")


def write_recording(recording: Recording, folder: Path, digits: int | None = 6) -> None:
    """Write a recording as it would be read again; the folder is made if need be.

    Args:
        recording: The recording.
        folder: Where.
        digits: Of values; None for as many as tell them from all others.
    """
    folder.mkdir(parents=True, exist_ok=True)
    names = sorted({name for head in recording.heads for name in head.labels})
    heads = [(one.metric, [one.labels.get(name, "") for name in names]) for one in recording.heads]
    rows = (
        (time / 1000, heads[place][0], _written(value, digits), *heads[place][1])
        for time, place, value in zip(
            recording.time.tolist(), recording.series.tolist(), recording.value.tolist(),
            strict=True,
        )
    )  # fmt: skip
    table = _table(("timestamp", "metric", "value", *names), rows)
    packed = gzip.compress(table.encode(), compresslevel=4, mtime=0)
    (folder / "samples.csv.gz").write_bytes(packed)
    calls = ((call.client, call.server, call.traffic) for call in recording.calls)
    columns = ("client", "server", "traffic")
    (folder / "topology.csv").write_text(_table(columns, calls), encoding="utf-8")
    changes = "".join(change.model_dump_json() + "\n" for change in recording.changes)
    (folder / "changes.jsonl").write_text(changes, encoding="utf-8")
    faults = [
        {"start": iso(one.start), "service": one.service, "kind": one.kind}
        for one in recording.faults
    ]
    (folder / "faults.json").write_text(json.dumps(faults, indent=1) + "\n", encoding="utf-8")


def _written(value: float, digits: int | None) -> str:
    return repr(value) if digits is None else f"{value:.{digits}g}"


def _samples(scenario: Scenario) -> str:
    ends = [
        f"{head.metric},%.6g,{','.join(head.labels.get(name, '') for name in _LABELS)}\n"
        for head in scenario.series
    ]
    lines = [f"timestamp,metric,value,{','.join(_LABELS)}\n"]
    for minute, column in enumerate(scenario.values.T.tolist()):
        stamp = f"{scenario.time_of(minute) // 1000},"
        lines += [stamp + end % value for end, value in zip(ends, column, strict=True)]
    return "".join(lines)


def _table(header: tuple[str, ...], rows: Any) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()


def _stated(scenario: Scenario, fault: Fault) -> dict[str, Any]:
    """Return a fault as it is written down; it begins half a minute before it can be seen."""
    start = scenario.time_of(fault.onset) - MINUTE // 2
    return {
        "start": iso(start),
        "service": fault.service,
        "kind": fault.kind,
        "metric": fault.metric,
        "magnitude": round(fault.magnitude, 2),
        "minutes": fault.minutes,
    }
