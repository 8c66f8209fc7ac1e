"""An explanation as one self-contained page: no script, nothing loaded from elsewhere. Pure."""

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from local.explain import figures, words
from local.explain.map_figure import BOX_HEIGHT, BOX_WIDTH, drawing
from local.explain.model import Explanation, Moment

MOST_PLOTS = 8

MARKED = {"change": "changed", "told": "people told", "resolved": "over"}
"""Kinds of moments that are marked in the course of the incident."""


def page(told: Explanation) -> str:
    """Return the page; whatever comes from outside is escaped."""
    plotted = [one for one in told.series if one.curve is not None][:MOST_PLOTS]
    keys = {one.key for one in plotted}
    moments = [(one.time, label) for one in told.timeline if (label := _label(one))]
    return (
        _environment()
        .get_template("page.html")
        .render(
            told=told,
            head=told.headline,
            plots=[
                (one, figures.plot(one.curve, one, moments))
                for one in plotted
                if one.curve is not None
            ],
            notes=sorted({one.curve.note for one in plotted if one.curve is not None}),
            others=[(one, figures.bullet(one)) for one in told.series if one.key not in keys],
            lanes=figures.lanes(
                told.series,
                [(one.time, one.kind, MARKED[one.kind]) for one in told.timeline if _label(one)],
            )
            if told.series
            else None,
            map=drawing(told.chart),
            box=(BOX_WIDTH, BOX_HEIGHT),
            size=(figures.WIDTH, figures.HEIGHT),
            frame=(figures.LEFT, figures.RIGHT, figures.TOP, figures.BOTTOM),
        )
    )


def contents(entries: list[dict[str, Any]]) -> str:
    """Return the page that lists others.

    Args:
        entries: `file`, and the `head` and `summary` of each explanation.
    """
    return _environment().get_template("contents.html").render(entries=entries)


def _label(moment: Moment) -> str:
    return MARKED.get(moment.kind, "")


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("local.explain", "pages"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    made.filters |= {
        "moment": words.moment,
        "clock": words.time_of_day,
        "span": words.span,
        "number": words.number,
    }
    made.globals["of_all"] = words.of_all
    return made
