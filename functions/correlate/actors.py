"""Who moved an incident: people, or systems that speak for them, never the quiet time."""

from aiops.events import CommandGiven
from aiops.incident_store import Record
from functions.correlate.incident import acknowledged

MAX_WHO = 256
"""Characters of a name: whoever gives an order may call himself anything."""


def acknowledged_by(record: Record) -> str:
    """Return who has taken on what goes on now, or went on in the end; empty for nobody.

    What another incident took over says nothing of it: the survivor has the order.
    """
    if record.status == "merged" or not acknowledged(record):
        return ""
    return _who(record, "acknowledge")


def resolved_by(record: Record) -> str:
    """Return who said that it is over; empty where it goes on, was merged or ended by itself."""
    said = _order(record, "resolve")
    if record.status != "resolved" or said is None or said.given_at != record.resolved_at:
        return ""
    return _who(record, "resolve")


def _who(record: Record, command: str) -> str:
    said = _order(record, command)
    return said.given_by[:MAX_WHO] if said is not None else ""


def _order(record: Record, command: str) -> CommandGiven | None:
    return next((order for order in record.orders if order.command == command), None)
