"""`aiops schemas`: the JSON Schema of every event's data, and of runbooks."""

import argparse
import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, create_model

from aiops.events import INCIDENT_TYPES, Fact, Incident
from functions.act.runbooks.model import Runbook
from local.commands.config import SECTIONS


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("schemas", help="write the JSON Schema of every event's data")
    parser.add_argument("folder", type=Path, metavar="DIR", help="where to write them")
    parser.add_argument("--json", action="store_true", help="print the files as one JSON object")


def run(options: argparse.Namespace) -> int:
    """Write a file per event type, named after it."""
    options.folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, text in schemas().items():
        (options.folder / f"{name}.json").write_text(text, encoding="utf-8")
        written.append(f"{name}.json")
    print(json.dumps({"files": written}) if options.json else "\n".join(written))
    return 0


def schemas() -> dict[str, str]:
    """Return the schemas of events, of runbooks and of aiops.yaml, as text, by name."""
    found: dict[str, str] = {}
    for fact in sorted(Fact.__subclasses__(), key=lambda fact: fact.__name__):
        text = _text(fact)
        types = INCIDENT_TYPES if fact is Incident else (fact.type,)
        found |= dict.fromkeys(types, text)
    return found | {"aiops.v1.Runbook": _text(Runbook), "aiops.yaml": _text(configuration())}


def configuration() -> type[BaseModel]:
    """Return the model of the whole of aiops.yaml, every section of which may be left out."""
    fields: dict[str, Any] = {
        name: (model | None, None) for name, model in SECTIONS.items() if "." not in name
    }
    made: type[BaseModel] = create_model(
        "Configuration", __config__=ConfigDict(extra="forbid"), **fields
    )
    return made


def _text(model: type[BaseModel]) -> str:
    return json.dumps(model.model_json_schema(), indent=2, sort_keys=True) + "\n"
