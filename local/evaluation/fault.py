"""Faults that are known to have happened, as a recording states them."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from aiops.errors import Rejected


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault that is known to have happened.

    Attributes:
        start: Unix milliseconds.
        magnitude: In robust deviations of the leading series, where it is stated.
    """

    start: int
    service: str
    kind: str
    magnitude: float | None = None


def parse_faults(text: str) -> tuple[Fault, ...]:
    """Return the faults a `faults.json` states, by start; fields not asked for are passed over.

    Raises:
        Rejected: it is no list of objects with `start`, `service` and `kind`; the message names
            the place.
    """
    try:
        entries = json.loads(text)
    except ValueError:
        raise Rejected("faults.json: not JSON") from None
    if not isinstance(entries, list):
        raise Rejected("faults.json: expected a list")
    faults = [_fault(place, entry) for place, entry in enumerate(entries)]
    return tuple(sorted(faults, key=lambda fault: fault.start))


def _fault(place: int, entry: Any) -> Fault:
    if not isinstance(entry, dict):
        raise Rejected(f"faults.json: {place}: expected an object")
    for name in ("service", "kind"):
        if not isinstance(entry.get(name), str):
            raise Rejected(f"faults.json: {place}.{name}: expected a text")
    magnitude = entry.get("magnitude")
    if magnitude is not None and not isinstance(magnitude, int | float):
        raise Rejected(f"faults.json: {place}.magnitude: expected a number")
    return Fault(_unix_ms(place, entry.get("start")), entry["service"], entry["kind"], magnitude)


def _unix_ms(place: int, start: Any) -> int:
    """Read epoch seconds or ISO 8601; a time without a zone is UTC."""
    try:
        if isinstance(start, int | float):
            return round(start * 1000)
        moment = datetime.fromisoformat(start)
    except (TypeError, ValueError, OverflowError):
        raise Rejected(f"faults.json: {place}.start: expected epoch seconds or ISO 8601") from None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return round(aware.timestamp() * 1000)
