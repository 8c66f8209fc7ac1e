"""`aiops config`: every section and field of aiops.yaml, with its default and its meaning."""

import argparse
import inspect
import json
import re
from typing import Any

from pydantic import BaseModel

from aiops.alerts import AlertMap
from aiops.queries import LogQuery, Query, ServiceGraph
from aiops.selector import Selector
from aiops.series import SeriesMap
from functions.act.config import ActConfig, ChannelRule, Grouping, QuietHours, StormGuard
from functions.act.routing import Match, Route
from functions.collect.config import CollectConfig
from functions.correlate.config import CorrelateConfig
from functions.correlate.objective import Objective
from functions.detect.config import DetectConfig, Kind, Quantiles, Rule
from functions.detect.features.declared import Feature
from functions.detect.signals.kubernetes.config import (
    EventAnomaly,
    EventChange,
    KubernetesEvents,
)
from functions.detect.sources import Source
from functions.gateway.config import GatewayConfig
from functions.train.config import TrainConfig

SECTIONS: dict[str, type[BaseModel]] = {
    "series": SeriesMap,
    "alerts": AlertMap,
    "detect": DetectConfig,
    "detect.rules[]": Rule,
    "detect.rules[].match": Selector,
    "detect.quantiles[]": Quantiles,
    "detect.kinds[]": Kind,
    "detect.features[]": Feature,
    "detect.topics{}": Source,
    "detect.kubernetes_events": KubernetesEvents,
    "detect.kubernetes_events.anomalies[]": EventAnomaly,
    "detect.kubernetes_events.changes[]": EventChange,
    "correlate": CorrelateConfig,
    "correlate.objectives[]": Objective,
    "correlate.objectives[].match": Selector,
    "act": ActConfig,
    "act.channels[]": ChannelRule,
    "act.channels[].quiet_hours": QuietHours,
    "act.channels[].grouping": Grouping,
    "act.routes[]": Route,
    "act.routes[].match": Match,
    "act.storm": StormGuard,
    "collect": CollectConfig,
    "collect.queries[]": Query,
    "collect.log_queries[]": LogQuery,
    "collect.service_graphs[]": ServiceGraph,
    "train": TrainConfig,
    "gateway": GatewayConfig,
}


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("config", help="explain every field of aiops.yaml")
    parser.add_argument("--json", action="store_true", help="print the defaults as one JSON object")


def run(options: argparse.Namespace) -> int:
    """Print the reference, as Markdown or JSON."""
    if options.json:
        defaults = {
            name: model().model_dump(mode="json")
            for name, model in SECTIONS.items()
            if "." not in name
        }
        print(json.dumps(defaults))
    else:
        print(reference(), end="")
    return 0


def reference() -> str:
    """Return the reference as Markdown."""
    parts = [
        "# Configuration\n",
        "One file, `aiops.yaml`, in the folder `AIOPS_CONFIG` names (or that file itself). Every",
        "section and field may be left out; one that is not known stops the start.",
        "`aiops config` prints this page.\n",
    ]
    for name, model in SECTIONS.items():
        parts += [f"## {name}\n", "| field | default | meaning |", "| --- | --- | --- |"]
        meanings = _meanings(model)
        for field, about in model.model_fields.items():
            default = "required"
            if not about.is_required():
                default = _shown(about.get_default(call_default_factory=True))
            parts.append(f"| `{field}` | {default} | {meanings.get(field, '')} |")
        parts.append("")
    return "\n".join(parts)


def _meanings(model: type[BaseModel]) -> dict[str, str]:
    """Return what the class's docstring says of its fields."""
    _, _, block = inspect.cleandoc(model.__doc__ or "").partition("Attributes:\n")
    entries = re.findall(r"^    (\w+): (.*(?:\n {8}.*)*)", block, re.MULTILINE)
    return {name: re.sub(r"\s+", " ", text).replace("|", "\\|") for name, text in entries}


def _shown(value: Any) -> str:
    """Return a default as it would be written, long ones shortened."""
    if isinstance(value, BaseModel):
        return "see below"
    if isinstance(value, tuple) and any(isinstance(one, BaseModel | tuple) for one in value):
        return f"{len(value)} entries, see `aiops config --json`"
    text = json.dumps(value)
    return "none" if value is None else f"`{text}`"
