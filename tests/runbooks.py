"""Runbooks for tests, and operations that only pretend to do something."""

import json
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from functions.act.operation import Outcome, Target
from functions.act.runbooks.model import Runbook

NAME = r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$"


class Thing(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    namespace: str = Field(pattern=NAME)
    name: str = Field(pattern=NAME)
    size: int = 1


class Pretended:
    """An operation that notes what it was asked to do, and answers as told."""

    arguments = Thing
    needs = ()
    takes = MappingProxyType({})

    def __init__(self, repeat: str = "absolute", *, reversible: bool = True, answers=()):
        self.repeat, self.reversible = repeat, reversible
        self.answers, self.checks = list(answers), []
        self.checked, self.done = [], []

    def target(self, arguments):
        return Target("Deployment", arguments.namespace, arguments.name)

    def summary(self, arguments):
        return f"touch {self.target(arguments)}"

    def dry_run(self, arguments, order):
        self.checked.append((arguments, order))
        return self.checks.pop(0) if self.checks else Outcome("done", "it would work")

    def perform(self, arguments, order):
        self.done.append((arguments, order))
        return self.answers.pop(0) if self.answers else Outcome("done", "200")


def runbook(name: str = "restart", steps=None, **parts: Any) -> Runbook:
    """Return a runbook that answers everything; parts are merged into it."""
    content: dict[str, Any] = {
        "apiVersion": "aiops/v1",
        "kind": "Runbook",
        "metadata": {"name": name},
        "match": {},
        "guard": {"mode": "approve", "allow_namespaces": ["payments"], "blast_radius_max": 10},
        "steps": steps or [{"touch": {"name": "{{ labels.deployment }}"}}],
    }
    for part, value in parts.items():
        content[part] = content[part] | value if isinstance(content.get(part), dict) else value
    return Runbook.model_validate_json(json.dumps(content))
