"""The map of an incident as numbers a page can draw. Pure."""

from dataclasses import dataclass

from local.explain.model import Chart, Node
from local.explain.words import name

BOX_WIDTH, BOX_HEIGHT = 148, 30
COLUMN, ROW = 190, 44
MARGIN = 12
LETTERS = 18
"""Characters of a name that fit into its box."""


@dataclass(frozen=True, slots=True)
class Box:
    """A service: where it stands, what is written in it and its full name."""

    x: float
    y: float
    label: str
    full: str
    part: str
    rank: int


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
    return Drawing(
        width=2 * MARGIN + max(0, len(rows) - 1) * COLUMN + BOX_WIDTH,
        height=2 * MARGIN + max(0, tallest - 1) * ROW + BOX_HEIGHT,
        boxes=tuple(_box(node, *places[node.service]) for node in chart.nodes),
        arrows=tuple(
            Arrow(_path(places[client], places[server]), {client, server} <= ill)
            for client, server in chart.calls
        ),
    )


def _place(node: Node, spare: int) -> tuple[float, float]:
    return MARGIN + node.column * COLUMN, MARGIN + (node.row + spare / 2) * ROW


def _box(node: Node, x: float, y: float) -> Box:
    full = name(node.service)
    room = LETTERS - 2 if node.rank else LETTERS
    label = full if len(full) <= room else full[: room - 1] + "…"
    return Box(x, y, label, full, node.part, node.rank)


def _path(start: tuple[float, float], end: tuple[float, float]) -> str:
    (x, y), (to_x, to_y) = start, end
    y, to_y = y + BOX_HEIGHT / 2, to_y + BOX_HEIGHT / 2
    if to_x > x:
        x, to_x = x + BOX_WIDTH, to_x - 5
        bend = max(24.0, (to_x - x) / 2)
        return f"M{x:g},{y:g} C{x + bend:g},{y:g} {to_x - bend:g},{to_y:g} {to_x:g},{to_y:g}"
    # Back, or within a column: around the right side.
    x, to_x = x + BOX_WIDTH, to_x + BOX_WIDTH + 5
    out = max(x, to_x) + 34
    return f"M{x:g},{y:g} C{out:g},{y:g} {out:g},{to_y:g} {to_x:g},{to_y:g}"
