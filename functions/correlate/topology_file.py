"""A topology from a file: CSV with the columns `client` and `server`, and `traffic` if known."""

import csv
from math import isfinite
from pathlib import Path

from aiops.call_table import charted
from aiops.errors import Misconfigured
from aiops.events import Call
from aiops.topology import Topology


def read_topology(path: str | Path) -> Topology:
    """Return the topology of a file; lines that lack a name are not taken.

    Raises:
        Misconfigured: it cannot be read, lacks a column, or says what is no traffic.
    """
    try:
        return charted(read_calls(path))
    except Misconfigured as error:
        raise Misconfigured(f"correlate.topology_file: {error}") from None


def read_calls(path: str | Path) -> tuple[Call, ...]:
    """Return the calls a file lists, as `read_topology` takes them.

    Raises:
        Misconfigured: as `read_topology`; the file is named.
    """
    try:
        with Path(path).open(encoding="utf-8", newline="") as lines:
            rows = csv.DictReader(lines)
            missing = {"client", "server"} - set(rows.fieldnames or ())
            if missing:
                raise Misconfigured(f"{path} has no column {min(missing)}")
            named = [(n, row) for n, row in enumerate(rows, 2) if row["client"] and row["server"]]
            return tuple(
                Call(
                    client=row["client"],
                    server=row["server"],
                    traffic=_traffic(row.get("traffic"), f"{path}, line {number}"),
                )
                for number, row in named
            )
    except (OSError, ValueError, csv.Error) as error:
        raise Misconfigured(f"{path}: {type(error).__name__}") from None


def _traffic(text: str | None, place: str) -> float | None:
    """Return requests per second; None where nothing is said."""
    if not text:
        return None
    try:
        rate = float(text)
    except ValueError:
        rate = -1.0
    if not isfinite(rate) or rate < 0:
        raise Misconfigured(f"{place}: traffic is no number of requests")
    return rate
