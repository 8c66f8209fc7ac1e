"""`aiops features`: what is made of a metric before it is judged, and where that is declared."""

import argparse
import json
import sys
from dataclasses import asdict
from typing import Any, Literal

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from aiops.errors import Misconfigured
from aiops.events import SeriesHead
from aiops.series import SeriesMap
from aiops.settings import read_config, read_section
from functions.detect.config import DetectConfig
from functions.detect.features.sets import SETS
from local.features.applying import Applying, features_of, is_counter
from local.places import add_config, add_json

COLUMNS = ("feature", "kind", "what it is", "declared", "example")


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("features", help="what is made of a metric before it is judged")
    parser.add_argument("metric", nargs="?", default="", metavar="METRIC", help="default: list all")
    parser.add_argument(
        "--label", action="append", default=[], metavar="NAME=VALUE", help="of the series"
    )
    parser.add_argument("--kind", choices=("gauge", "counter"), help="default: by its name")
    add_config(parser)
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Print the features of a metric, or all that are shipped and declared.

    Raises:
        Misconfigured: a section of the configuration, or an argument, is wrong.
    """
    sections = read_config(options.config)
    config = read_section(sections, "detect", DetectConfig)
    names = read_section(sections, "series", SeriesMap)
    if options.metric:
        found = list(features_of(_head(options), config, names))
    else:
        found = list(_all(config, names))
    if options.json:
        print(json.dumps({"metric": options.metric, "features": [asdict(one) for one in found]}))
        return 0
    Console(width=None if sys.stdout.isatty() else 200).print(_table(found))
    return 0


def _head(options: argparse.Namespace) -> SeriesHead:
    labels: dict[str, Any] = {}
    for text in options.label:
        name, equals, value = text.partition("=")
        if not (name and equals):
            raise Misconfigured(f"--label: expected NAME=VALUE, got {text!r}")
        labels[name] = value
    counter = options.kind == "counter" or (not options.kind and is_counter(options.metric))
    kind: Literal["counter", "gauge"] = "counter" if counter else "gauge"
    return SeriesHead(metric=options.metric, labels=labels, kind=kind)


def _all(config: DetectConfig, names: SeriesMap) -> list[Applying]:
    """Return every feature that has a series of its own, once."""
    known = (*config.features, *(one for features in SETS.values() for one in features))
    named = dict.fromkeys(one.name for one in known)
    found = (each for name in named for each in features_of(SeriesHead(metric=name), config, names))
    made = (one for one in found if one.name in named and one.kind not in {"value", "rate"})
    return list(dict.fromkeys(made))


def _table(found: list[Applying]) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in COLUMNS:
        table.add_column(column, overflow="fold")
    for one in found:
        table.add_row(*map(escape, (one.name, one.kind, one.about, one.declared, one.example)))
    return table
