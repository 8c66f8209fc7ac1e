"""Who calls whom as a picture: callers on the left, whom they call on the right."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import matplotlib as mpl

from aiops.blast import Affected
from aiops.topology import Topology

mpl.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch

INK, CALL, FOCUS, TINT, GROUND = "#1f3b57", "#8aa4bd", "#d62728", "#f28e2b", "#ffffff"
MOST = 40
"""Services in one picture; it says how many more there are."""

ROUNDS = 12
"""Times columns are sorted by their neighbours, which untangles most calls."""

WIDTH, HEIGHT = 2.6, 0.62
"""Inches between columns, and between services in one."""


@dataclass(slots=True)
class _Scene:
    """What is drawn.

    Attributes:
        columns: Services from left to right.
        labels: What is written instead of a service's name.
        shares: How strongly a service is coloured, 0 to 1.
        focus: The one all is about.
    """

    title: str
    columns: list[list[str]]
    labels: Mapping[str, str] = field(default_factory=dict)
    shares: Mapping[str, float] = field(default_factory=dict)
    focus: str | None = None


def draw_blast(topology: Topology, service: str, affected: Sequence[Affected], file: Path) -> None:
    """Draw whom a fault of a service affects, as PNG or SVG by the name of the file."""
    shown = affected[:MOST]
    furthest = max((one.hops for one in shown), default=0)
    columns = [[o.service for o in shown if o.hops == hops] for hops in range(furthest, 0, -1)]
    scene = _Scene(
        f"a fault of {service} affects {_counted(affected)}",
        [*columns, [service]],
        {o.service: f"{o.service}  {o.share:.0%}" for o in shown if o.share is not None},
        {o.service: 1.0 if o.share is None else o.share for o in shown},
        service,
    )
    _draw(topology, scene, file)


def draw_all(topology: Topology, file: Path) -> None:
    """Draw the topology, or the busiest part of one that is too large to be looked at."""
    busiest = sorted(topology.services, key=lambda one: (*_idleness(topology, one), one))
    shown = Topology.of(
        call for call in topology.calls if set(call) <= set(busiest[:MOST])
    ).weighted(topology.seen)
    depth = _depths(shown)
    columns: list[list[str]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for one, place in sorted(depth.items()):
        columns[place].append(one)
    title = f"{_counted(busiest)}, {len(topology.calls)} calls"
    _draw(shown, _Scene(title, columns or [[]]), file)


def _counted(services: Sequence[object]) -> str:
    more = f" (the first {MOST} shown)" if len(services) > MOST else ""
    return f"{len(services)} services{more}"


def _idleness(topology: Topology, service: str) -> tuple[float, int]:
    rates = [topology.traffic(caller, service) or 0.0 for caller in topology.callers(service)]
    rates += [topology.traffic(service, callee) or 0.0 for callee in topology.callees(service)]
    return -sum(rates), -topology.degree(service)


def _depths(topology: Topology) -> dict[str, int]:
    """Return in which column each service stands: right of all who call it, rings aside.

    A ring of services begins at the one with the fewest callers that have no place yet.
    """
    depth: dict[str, int] = {}
    left = set(topology.services)
    while left:
        waits = {service: len(topology.callers(service) & left) for service in left}
        fewest = min(waits.values())
        found = [service for service in sorted(left) if waits[service] == fewest]
        for service in found if fewest == 0 else found[:1]:
            above = [depth[caller] for caller in topology.callers(service) if caller in depth]
            depth[service] = 1 + max(above, default=-1)
            left.discard(service)
    return depth


def _draw(topology: Topology, scene: _Scene, file: Path) -> None:
    columns = _untangled(scene.columns, topology)
    tallest = max(map(len, columns))
    size = max(5.0, WIDTH * len(columns)), HEIGHT * (tallest + 0.8) + 0.4
    figure, axis = plt.subplots(figsize=size, layout="constrained")
    at = {
        service: (WIDTH * x, -HEIGHT * (y + (tallest - len(column)) / 2))
        for x, column in enumerate(columns)
        for y, service in enumerate(column)
    }
    _calls(axis, topology, at)
    silent = topology.uninstrumented
    for service, place in at.items():
        _service(axis, scene, service, place, told=service not in silent)
    axis.set_title(scene.title, loc="left", fontsize=10, color=INK)
    axis.set_xlim(-0.4 * WIDTH, WIDTH * (len(columns) - 0.6))
    axis.set_ylim(-HEIGHT * tallest, 0.8 * HEIGHT)
    axis.axis("off")
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=110)
    plt.close(figure)


def _service(
    axis: Axes, scene: _Scene, service: str, place: tuple[float, float], *, told: bool
) -> None:
    """Draw a service; a ring stands for one that says nothing of itself."""
    x, y = place
    share = scene.shares.get(service, 0.0)
    own = service == scene.focus
    colour = FOCUS if own else TINT if share else CALL
    axis.plot(x, y, "o", ms=9, mfc=GROUND, mec=GROUND if told else colour, zorder=3)
    if told:
        alpha = max(0.25, share) if colour == TINT else 1
        axis.plot(x, y, "o", ms=9, color=colour, alpha=alpha, zorder=4)
    axis.text(
        x, y + 0.12, scene.labels.get(service, service), fontsize=8, color=INK,
        ha="center", va="bottom", zorder=5, fontweight="bold" if own else "normal",
        bbox={"facecolor": GROUND, "alpha": 0.8, "edgecolor": "none", "pad": 0.8},
    )  # fmt: skip


def _calls(axis: Axes, topology: Topology, at: Mapping[str, tuple[float, float]]) -> None:
    """Draw the calls between services that are shown, the busier the thicker."""
    here = [call for call in sorted(topology.calls) if at.keys() >= set(call)]
    rates = {call: topology.traffic(*call) or 0.0 for call in here}
    most = max(rates.values(), default=0.0)
    for client, server in here:
        width = 0.8 + (2.4 * (rates[client, server] / most) ** 0.5 if most else 0.0)
        bend = 0.35 if at[client][0] == at[server][0] else 0.06
        arrow = FancyArrowPatch(
            at[client], at[server], connectionstyle=f"arc3,rad={bend}", arrowstyle="-|>",
            mutation_scale=9, lw=width, color=CALL, alpha=0.55, shrinkA=6, shrinkB=6, zorder=1,
        )  # fmt: skip
        axis.add_patch(arrow)


def _untangled(columns: Iterable[Sequence[str]], topology: Topology) -> list[list[str]]:
    """Return the columns, each sorted by the middle of the neighbours in the one beside it."""
    sorted_ = [list(column) for column in columns]
    for turn in range(ROUNDS):
        order = range(1, len(sorted_)) if turn % 2 == 0 else range(len(sorted_) - 2, -1, -1)
        for x in order:
            beside = sorted_[x - 1] if turn % 2 == 0 else sorted_[x + 1]
            place = {service: y / max(1, len(beside) - 1) for y, service in enumerate(beside)}
            middle = {
                service: _middle(topology.neighbours(service), place, y / len(sorted_[x]))
                for y, service in enumerate(sorted_[x])
            }
            sorted_[x].sort(key=lambda service: middle[service])
    return sorted_


def _middle(near: Iterable[str], place: Mapping[str, float], otherwise: float) -> float:
    found = sorted(place[service] for service in near if service in place)
    return sum(found) / len(found) if found else otherwise
