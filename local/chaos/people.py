"""What people wish about some of the incidents, the same ones in every run. Pure."""

from collections.abc import Iterator, Mapping
from typing import Literal
from zlib import crc32

from aiops.events import CommandGiven
from aiops.incident_store import Record
from local.chaos.naming import names_of

CONCERNED = {"acknowledge": 0, "reopen": 1}
"""Which fifth of the incidents each command is about."""


def commands(
    members: Mapping[str, str],
    redirects: Mapping[str, str],
    incidents: Mapping[str, Record],
    command: Literal["acknowledge", "reopen"],
    now: int,
) -> Iterator[CommandGiven]:
    """Yield commands about some incidents people were told of, by names no schedule changes."""
    wanted = "open" if command == "acknowledge" else "resolved"
    for incident, name in sorted(names_of(members, redirects).items()):
        record = incidents.get(incident)
        if record is None or record.status != wanted or record.notified_at is None:
            continue
        if crc32(name.encode()) % 5 == CONCERNED[command]:
            yield CommandGiven(incident=incident, command=command, given_by="chaos", given_at=now)
