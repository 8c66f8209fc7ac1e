"""How an explanation says times, numbers and names. Pure."""

from aiops.events import Anomaly
from functions.act.wording import SEVERITIES, cut, moment, number, span, time_of_day

__all__ = [
    "SEVERITIES",
    "line",
    "moment",
    "name",
    "number",
    "of_all",
    "place",
    "span",
    "time_of_day",
]

MAX_NAME = 80
MAX_LINE = 400


def name(text: str) -> str:
    """Return a name on one line, printable and bounded; `(no name)` where nothing is left."""
    return cut(text, MAX_NAME) or "(no name)"


def line(text: str) -> str:
    """Return a sentence on one line, printable and bounded."""
    return cut(text, MAX_LINE)


def place(anomaly: Anomaly) -> str:
    """Return where an anomaly was seen: a service, or a call."""
    if anomaly.edge is None:
        return name(anomaly.service)
    client, server = anomaly.edge
    return f"{name(client)} → {name(server)}"


def of_all(count: int, one: str, many: str = "") -> str:
    """Return a count with its noun, such as `1 series` or `3 services`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
