"""A topology from a file: CSV with the columns `client` and `server`."""

import csv
from pathlib import Path

from aiops.errors import Misconfigured
from aiops.topology import Topology


def read_topology(path: str | Path) -> Topology:
    """Return the topology of a file; lines that lack a name are not taken.

    Raises:
        Misconfigured: it cannot be read, or lacks a column.
    """
    try:
        with Path(path).open(encoding="utf-8", newline="") as lines:
            rows = csv.DictReader(lines)
            missing = {"client", "server"} - set(rows.fieldnames or ())
            if missing:
                raise Misconfigured(f"correlate.topology_file: {path} has no column {min(missing)}")
            pairs = [(row["client"], row["server"]) for row in rows]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise Misconfigured(f"correlate.topology_file: {path}: {type(error).__name__}") from None
    return Topology.of((client, server) for client, server in pairs if client and server)
