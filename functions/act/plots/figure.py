"""Figures as PNG: one series with its band, or the series of an incident on one line of time.

Matplotlib is loaded when the first is drawn. Its fonts are shared by all threads, so that one
figure is drawn at a time.
"""

import io
import threading
from collections.abc import Sequence
from datetime import UTC
from typing import TYPE_CHECKING, Any

import numpy as np

from functions.act.plots.curve import Curve, Row
from functions.act.plots.units import unit_of, written
from functions.act.wording import cut, moment, time_of_day

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.ticker import Locator

WIDTH, HEIGHT, HEAD = 7.2, 3.5, 0.56
"""Inches."""

DPI = 110
COLOURS = 128
INK, FAINT, BAND, EDGE = "#1f3b57", "#7b8794", "#cfe3f3", "#8ab6d9"
ALARM, SPAN, GRID = "#d1342f", "#fbe3e1", "#e6eaee"
SHADES = ("", "#7fb2d9", "#e5c04b", "#ee9b3a", "#dd5a36", "#c3201f")
"""By severity."""

MOST_TITLE, MOST_LINE, MOST_NAME = 72, 112, 40
_PADDING = 0.12
_FIRST_UNKNOWN = 0x500
"""Matplotlib's own font has Latin, Greek and Cyrillic letters."""

_LEGEND: dict[str, Any] = {
    "frameon": False,
    "fontsize": 8.5,
    "labelcolor": INK,
    "handlelength": 1.5,
    "columnspacing": 1.4,
}
_drawing = threading.Lock()


def of_series(curve: Curve) -> bytes:
    """Return a series, what was usual at its peak, and what lay outside, as PNG."""
    unit = unit_of(curve.metric)
    with _drawing:
        figure, axis = _canvas(HEIGHT)
        time = [_date(ms) for ms in curve.time.tolist()]
        since, until = _date(curve.since), _date(max(curve.until, curve.since + 60_000))
        axis.axvspan(since, until, color=SPAN, lw=0, zorder=0)
        usual = "usual" if curve.moving else "usual, as of the peak"
        axis.fill_between(
            time, curve.lower, curve.upper, color=BAND, alpha=0.75, lw=0, zorder=1, label=usual
        )
        axis.plot(
            time, curve.expected, color=EDGE, lw=1.1, ls=(0, (5, 3)), zorder=2, label="expected"
        )
        axis.plot(time, curve.value, color=INK, lw=1.4, zorder=3, label="measured")
        beyond = np.flatnonzero(curve.outside).tolist()
        axis.plot(
            [time[at] for at in beyond], curve.value[beyond], "o", color=ALARM, ms=4.2, mew=0,
            zorder=4, label="outside the band",
        )  # fmt: skip
        axis.axvline(since, color=ALARM, lw=1.1, ls=(0, (2, 2)), zorder=2, label="onset")
        axis.set_ylim(*_limits(curve))
        axis.set_xlim(time[0], max(time[-1], until))
        _mark_peak(axis, curve, written(curve.peak[1], unit))
        _dress(axis)
        axis.yaxis.set_major_locator(_ticks())
        axis.yaxis.set_major_formatter(lambda value, _: written(value, unit))
        figure.legend(loc="outside lower left", ncols=5, **_LEGEND)
        _head(figure, curve.title, _said(curve, unit))
        return _png(figure)


def of_incident(title: str, rows: Sequence[Row]) -> bytes:
    """Return when which series was anomalous and how far from usual, as PNG.

    Args:
        title: What the incident is called.
        rows: At least one; the first to become anomalous first.
    """
    begin, end = min(one.since for one in rows), max(one.until for one in rows)
    least = max(60_000, (end - begin) // 60)
    room = max(end - begin, 5 * least)
    with _drawing:
        figure, axis = _canvas(1.3 + 0.4 * len(rows))
        for place, row in enumerate(rows):
            stop = max(row.until, row.since + least)
            axis.hlines(place, _date(row.since), _date(stop), color=SHADES[row.severity], lw=10)
            axis.plot([_date(row.peak)], [place], "o", color=INK, ms=4, zorder=3)
            axis.annotate(
                _measured(row), (_date(stop), place), (9, 0), textcoords="offset points",
                va="center", fontsize=8.5, color=INK, parse_math=False,
            )  # fmt: skip
        names = [_plain(row.title, MOST_NAME) for row in rows]
        axis.set_yticks(range(len(rows)), names, parse_math=False)
        for label, row in zip(axis.get_yticklabels(), rows, strict=True):
            label.set_fontweight("bold" if row.suspect else "normal")
        axis.set_ylim(len(rows) - 0.4, -0.6)
        axis.set_xlim(_date(begin - room // 40), _date(end + int(0.9 * room)))
        _dress(axis)
        axis.grid(visible=False, axis="y")
        axis.grid(visible=True, axis="x", color=GRID, lw=0.8)
        below = f"when which series was anomalous, since {moment(begin)}; dots: the strongest"
        _head(figure, title, below)
        return _png(figure)


def _canvas(height: float) -> "tuple[Figure, Axes]":
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    layout = ConstrainedLayoutEngine(rect=(0.0, 0.0, 1.0, 1 - HEAD / height))
    figure = Figure(figsize=(WIDTH, height), dpi=DPI, layout=layout, facecolor="white")
    FigureCanvasAgg(figure)
    return figure, figure.add_subplot()


def _png(figure: "Figure") -> bytes:
    """Return a figure in few colours, which makes it a third as long."""
    from PIL import Image

    drawn, small = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, format="png")
    drawn.seek(0)
    with Image.open(drawn) as full:
        full.convert("RGB").quantize(COLOURS).save(small, format="PNG", optimize=True)
    return small.getvalue()


def _dress(axis: "Axes") -> None:
    """Give an axis its ticks, times in UTC."""
    from matplotlib import dates

    axis.spines[["top", "right", "left"]].set_visible(False)
    axis.spines["bottom"].set_color(EDGE)
    axis.tick_params(labelsize=8.5, length=0, labelcolor=INK, pad=4)
    axis.grid(visible=True, axis="y", color=GRID, lw=0.8)
    axis.set_axisbelow(True)
    ticks = dates.AutoDateLocator(tz=UTC, minticks=4, maxticks=8)  # type: ignore[no-untyped-call] # the library's own lack
    axis.xaxis.set_major_locator(ticks)
    axis.xaxis.set_major_formatter(
        dates.ConciseDateFormatter(ticks, tz=UTC, show_offset=False)  # type: ignore[no-untyped-call] # as above
    )
    axis.set_xlabel("UTC", fontsize=8, color=FAINT, loc="right", labelpad=0)


def _ticks() -> "Locator":
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(5)


def _head(figure: "Figure", title: str, below: str) -> None:
    """Write a title and a line below it, in the room left for them."""
    height = figure.get_figheight()
    left: dict[str, Any] = {"ha": "left", "va": "top", "parse_math": False}
    figure.text(
        0.012, 1 - 0.07 / height, _plain(title, MOST_TITLE), fontsize=12, fontweight="bold",
        color=INK, **left,
    )  # fmt: skip
    figure.text(0.012, 1 - 0.34 / height, _plain(below, MOST_LINE), fontsize=9, color=FAINT, **left)


def _mark_peak(axis: "Axes", curve: Curve, text: str) -> None:
    """Write the strongest value beside its point, on the side where there is room."""
    at, value = curve.peak
    late = at > (int(curve.time[0]) + int(curve.time[-1])) // 2
    above = value >= curve.band.expected
    axis.annotate(
        text, (_date(at), value), (-7 if late else 7, 5 if above else -11),
        textcoords="offset points", ha="right" if late else "left", fontsize=9.5,
        fontweight="bold", color=ALARM, parse_math=False,
        bbox={"boxstyle": "round,pad=0.15", "fc": "white", "ec": "none", "alpha": 0.85},
    )  # fmt: skip


def _said(curve: Curve, unit: str) -> str:
    low, high = written(curve.band.lower, unit), written(curve.band.upper, unit)
    at, value = curve.peak
    often = f", {curve.count} anomalies" if curve.count > 1 else ""
    return (
        f"{written(value, unit)} at {time_of_day(at)}, usually {low} to {high}"
        f" · since {moment(curve.since)}{often}"
    )


def _measured(row: Row) -> str:
    unit = unit_of(row.metric)
    usual = f"{written(row.band.lower, unit)} to {written(row.band.upper, unit)}"
    return f"{written(row.value, unit)}, usually {usual}"


def _limits(curve: Curve) -> tuple[float, float]:
    """Return what of the values to show: all of them, the band at the peak, and a margin."""
    low = min(float(curve.value.min()), curve.band.lower)
    high = max(float(curve.value.max()), curve.band.upper)
    room = (high - low) * _PADDING or max(1.0, abs(high)) * _PADDING
    return low - room / 2, high + room


def _plain(text: str, limit: int) -> str:
    """Return text in characters the font has."""
    return "".join(c if ord(c) < _FIRST_UNKNOWN or c == "…" else "?" for c in cut(text, limit))


def _date(ms: int) -> float:
    """Return a time as Matplotlib counts it, in days since 1970."""
    return ms / 86_400_000
