"""Letters as people and programs read them."""

import json
import re
from collections.abc import Sequence
from typing import Any

from rich.table import Table

from aiops.adapters.cloudevent import iso
from local.dead_letters.advice import advice
from local.dead_letters.letter import Letter
from local.dead_letters.routes import Route, route_of

SHOWN_BYTES = 8 * 1024
"""How much of a body is shown."""

_REASON_WIDTH = 60
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_HEX_BYTES = 256


def row(letter: Letter, routes: Sequence[Route], *, redriven: bool) -> dict[str, Any]:
    """Return what a listing says of a letter; `redriven`: whether it was published again."""
    route = route_of(letter, routes)
    return {
        "id": str(letter.place),
        "time": _moment(letter.time),
        "type": letter.type or None,
        "event": letter.attribute("id") or None,
        "source": letter.attribute("source") or None,
        "from": route.name if route else None,
        "topic": route.topic if route else None,
        "code": letter.code,
        "reason": letter.reason,
        "bytes": letter.size,
        "returned": letter.redriven,
        "redriven": redriven,
    }


def table(rows: Sequence[dict[str, Any]]) -> Table:
    """Return a listing, a line for each letter."""
    shown = Table("id", "time", "type", "from", "code", "reason", "topic", box=None)
    for one in rows:
        shown.add_row(
            one["id"],
            one["time"],
            tame(one["type"] or "no CloudEvent"),
            one["from"] or "unknown",
            "-" if one["code"] is None else str(one["code"]),
            tame(_short(one)),
            one["topic"] or "unknown",
        )
    return shown


def whole(letter: Letter, routes: Sequence[Route], *, redriven: bool) -> dict[str, Any]:
    """Return everything about a letter, its body bounded."""
    return {
        **row(letter, routes, redriven=redriven),
        "attributes": dict(letter.event.attributes) if letter.event else {},
        "body": body(letter.data or b""),
        "advice": advice(letter, route_of(letter, routes)),
    }


def body(data: bytes) -> str:
    """Return data for people: JSON with its fields below each other, text, or a dump in hex.

    No character of it steers a terminal.
    """
    try:
        text = tame(json.dumps(json.loads(data), indent=2, ensure_ascii=False))
    except (ValueError, RecursionError):
        try:
            text = data.decode()
        except UnicodeDecodeError:
            return _dump(data)
        if _CONTROL.search(text):
            return _dump(data)
    if len(text) > SHOWN_BYTES:
        return f"{text[:SHOWN_BYTES]}\n... {len(text) - SHOWN_BYTES} more characters"
    return text


def tame(text: str) -> str:
    """Return text without what would steer a terminal: anybody can have sent it."""
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def _dump(data: bytes) -> str:
    head = data[:_HEX_BYTES]
    lines = [
        f"{at:04x}  {head[at : at + 16].hex(' '):47}  {_printable(head[at : at + 16])}"
        for at in range(0, len(head), 16)
    ]
    if len(data) > len(head):
        lines.append(f"... {len(data) - len(head)} more bytes")
    return "\n".join(lines)


def _printable(part: bytes) -> str:
    return "".join(chr(each) if 0x20 <= each < 0x7F else "." for each in part)


def _short(one: dict[str, Any]) -> str:
    words = " ".join(str(one["reason"]).split())
    cut = f"{words[: _REASON_WIDTH - 1]}…" if len(words) > _REASON_WIDTH else words
    notes = [f"came back {one['returned']}x"] if one["returned"] else []
    notes += ["redriven"] if one["redriven"] else []
    return f"{cut} ({', '.join(notes)})" if notes else cut


def _moment(time: int) -> str | None:
    return iso(time) if time > 0 else None
