"""What the arguments of `aiops dlq` may be."""

import argparse
import re
import time
from datetime import UTC, datetime

from aiops.errors import Misconfigured
from local.dead_letters.letter import Place

_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def place(text: str) -> Place:
    """Return a letter's id."""
    try:
        return Place.parse(text)
    except Misconfigured as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def count(text: str) -> int:
    """Return a number from 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a number from 1, got {text!r}")
    return int(text)


def code(text: str) -> int | None:
    """Return a status, None for no answer."""
    if text != "none" and not re.fullmatch(r"[1-5]\d\d", text):
        raise argparse.ArgumentTypeError(f"expected a status such as 503, or none, got {text!r}")
    return None if text == "none" else int(text)


def since(text: str) -> int:
    """Return unix milliseconds of a moment, or of so long ago."""
    ago = re.fullmatch(r"(\d{1,6})([smhd])", text)
    if ago:
        return time.time_ns() // 1_000_000 - int(ago[1]) * _UNITS[ago[2]] * 1_000
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        message = f"expected 2h, 30m, 7d or an ISO 8601 time, got {text!r}"
        raise argparse.ArgumentTypeError(message) from None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return int(aware.timestamp() * 1000)
