"""An overlay that can be broken on purpose, and what the checks say of it then."""

import copy
import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import yaml

from local.checks.every import check_all
from local.checks.installation import Installation, read
from local.checks.overlay import SCHEMA, adjustments, templates
from local.checks.variables import variables
from local.func_file import FuncFile
from local.functions import ROOT

_variables = functools.cache(functools.partial(variables, ROOT))


@dataclass(slots=True)
class Draft:
    """Everything of an overlay as plain data."""

    documents: list[dict[str, Any]]
    functions: dict[str, dict[str, Any]]
    services: dict[str, dict[str, Any]]
    production: bool

    def one(self, kind: str, name: str) -> dict[str, Any]:
        """Return an object."""
        (found,) = (
            each
            for each in self.documents
            if each["kind"] == kind and each["metadata"]["name"] == name
        )
        return found

    def all(self, kind: str) -> list[dict[str, Any]]:
        """Return the objects of a kind."""
        return [each for each in self.documents if each["kind"] == kind]

    def drop(self, kind: str, name: str) -> None:
        """Take an object away."""
        self.documents.remove(self.one(kind, name))

    def env(self, folder: str, name: str) -> dict[str, str]:
        """Return a variable of a function."""
        return next(one for one in self.functions[folder]["run"]["envs"] if one.get("name") == name)

    def found(self) -> dict[str, list[str]]:
        """Return what the checks say, by the check that says it."""
        understood, manifests, problems = read(self.documents)
        installation = Installation(
            understood,
            manifests,
            {name: FuncFile.model_validate(one) for name, one in self.functions.items()},
            production=self.production,
            adjustments=self.services,
            variables={name: _variables(name) for name in self.functions},
        )
        said: dict[str, list[str]] = {}
        for problem in problems:
            said.setdefault(SCHEMA, []).append(str(problem))
        for finding in check_all(installation):
            said.setdefault(finding.check, []).append(str(finding.problem))
        return said


Break = Callable[[Draft], object]


def draft(rendered: str, *, production: bool) -> Draft:
    """Return an overlay as it is."""
    documents = [one for one in yaml.safe_load_all(rendered) if one]
    if not production:
        documents += copy.deepcopy([dict(one) for one in templates()])
    functions = {
        file.parent.name: yaml.safe_load(file.read_text(encoding="utf-8"))
        for file in sorted((ROOT / "functions").glob("*/func.yaml"))
    }
    services = copy.deepcopy({name: dict(one) for name, one in adjustments().items()})
    return Draft(documents, functions, services, production)


def fresh(original: Draft) -> Draft:
    """Return a copy that can be broken."""
    return replace(
        original,
        documents=copy.deepcopy(original.documents),
        functions=copy.deepcopy(original.functions),
        services=copy.deepcopy(original.services),
    )
