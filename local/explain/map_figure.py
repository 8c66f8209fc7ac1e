"""The map of an incident as numbers a page can draw. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from local.explain.model import Chart, Node
from local.explain.words import name

BOX_WIDTH, BOX_HEIGHT = 148, 30
COLUMN, ROW = 190, 44
MARGIN = 12
TIP = 5
BEND = 34
LETTERS = 18
"""Characters of a name that fit into its box."""

_Ways = Mapping[float, Sequence[float]]
"""Tops of the boxes of each column, by where the column begins."""


@dataclass(frozen=True, slots=True)
class Box:
    """A service: where it stands, what is written in it and its full name.

    Attributes:
        tight: The width its label is pressed into, 0 where it fits.
    """

    x: float
    y: float
    label: str
    full: str
    part: str
    rank: int
    tight: int


@dataclass(frozen=True, slots=True)
class Arrow:
    """A call, as an SVG path; between two that take part in the incident it stands out."""

    path: str
    strong: bool


@dataclass(frozen=True, slots=True)
class Drawing:
    """The map in its own units."""

    width: int
    height: int
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]


def drawing(chart: Chart) -> Drawing:
    """Return a chart as it is drawn: columns centred, calls as curves."""
    rows = {node.column: 0 for node in chart.nodes}
    for node in chart.nodes:
        rows[node.column] = max(rows[node.column], node.row + 1)
    tallest = max(rows.values(), default=0)
    places = {node.service: _place(node, tallest - rows[node.column]) for node in chart.nodes}
    ill = {node.service for node in chart.nodes if node.part in {"suspect", "anomalous"}}
    ways: dict[float, list[float]] = {}
    for x, y in places.values():
        ways.setdefault(x, []).append(y)
    return Drawing(
        width=2 * MARGIN + max(0, len(rows) - 1) * COLUMN + BOX_WIDTH,
        height=2 * MARGIN + max(0, tallest - 1) * ROW + BOX_HEIGHT,
        boxes=tuple(_box(node, *places[node.service]) for node in chart.nodes),
        arrows=tuple(
            Arrow(_path(places[client], places[server], ways), {client, server} <= ill)
            for client, server in chart.calls
        ),
    )


def _place(node: Node, spare: int) -> tuple[float, float]:
    return MARGIN + node.column * COLUMN, MARGIN + (node.row + spare / 2) * ROW


def _box(node: Node, x: float, y: float) -> Box:
    full = name(node.service)
    room = LETTERS - 2 if node.rank else LETTERS
    label = full if len(full) <= room else full[: room - 1] + "…"
    tight = BOX_WIDTH - (40 if node.rank else 21) if len(label) >= room - 1 else 0
    return Box(x, y, label, full, node.part, node.rank, tight)


def _path(start: tuple[float, float], end: tuple[float, float], ways: _Ways) -> str:
    """Return a call from the right of one box to the left of another, between those in between."""
    (x, y), (to_x, to_y) = start, end
    y, to_y = y + BOX_HEIGHT / 2, to_y + BOX_HEIGHT / 2
    x += BOX_WIDTH
    if to_x < x:
        # Back, or within a column: around the right side.
        to_x += BOX_WIDTH + TIP
        out = max(x, to_x) + BEND
        return f"M{x:g},{y:g} C{out:g},{y:g} {out:g},{to_y:g} {to_x:g},{to_y:g}"
    begin, path = (x, y), f"M{x:g},{y:g}"
    for left in sorted(left for left in ways if x < left < to_x):
        share = (left - begin[0]) / (to_x - begin[0])
        free = _free(begin[1] + share * (to_y - begin[1]), ways[left])
        path += _curve(begin, (left, free)) + f" H{left + BOX_WIDTH:g}"
        begin = (left + BOX_WIDTH, free)
    return path + _curve(begin, (to_x - TIP, to_y))


def _curve(begin: tuple[float, float], end: tuple[float, float]) -> str:
    (x, y), (to_x, to_y) = begin, end
    middle = (x + to_x) / 2
    return f" C{middle:g},{y:g} {middle:g},{to_y:g} {to_x:g},{to_y:g}"


def _free(wanted: float, tops: Sequence[float]) -> float:
    """Return the height nearest to the one wanted at which no box is in the way."""
    gap = (ROW - BOX_HEIGHT) / 2
    for top in tops:
        if top - gap < wanted < top + BOX_HEIGHT + gap:
            above = wanted - top < BOX_HEIGHT / 2
            return top - gap if above else top + BOX_HEIGHT + gap
    return wanted
