"""Reads func.yaml, the one place for a function's environment, scale and probes."""

import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from aiops.errors import Misconfigured
from local.manifests import first_problem, read_yaml
from local.objects import Name, Strict

_REFERENCE = re.compile(r"^\{\{ *(env|secret|configMap):([^:} ]+)(?::([^} ]+))? *\}\}$")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Variable(Strict):
    """One environment variable; the value may refer to a Secret or ConfigMap key.

    Without a name it refers to a whole Secret or ConfigMap, and each of its keys is a variable.
    """

    name: str = ""
    value: str


class Volume(Strict):
    """A ConfigMap mounted as a folder, or a Secret, which is not mounted here."""

    config_map: Name | None = None
    secret: Name | None = None
    path: str


class Run(Strict):
    """What the process gets."""

    envs: tuple[Variable, ...] = ()
    volumes: tuple[Volume, ...] = ()


class HealthEndpoints(Strict):
    """Paths that answer probes."""

    liveness: str = "/health/liveness"
    readiness: str = "/health/readiness"


class Label(Strict):
    """A label on the Service."""

    key: str
    value: str


class Scale(Strict):
    """How many instances."""

    min: int = Field(ge=0)
    max: int = Field(ge=0)
    metric: Literal["concurrency", "rps"]
    target: float = Field(ge=0.01)
    utilization: float = Field(ge=1, le=100)


class Requests(Strict):
    """What an instance is promised."""

    cpu: str
    memory: str


class Limits(Strict):
    """What an instance may use, and how many requests it takes at once."""

    cpu: str
    memory: str
    concurrency: int = Field(ge=1, le=1000)


class Resources(Strict):
    """Requests and limits."""

    requests: Requests
    limits: Limits


class Options(Strict):
    """Scale and resources."""

    scale: Scale
    resources: Resources


class Deploy(Strict):
    """How it is deployed."""

    namespace: Name
    service_account_name: Name = "default"
    health_endpoints: HealthEndpoints = HealthEndpoints()
    labels: tuple[Label, ...] = ()
    annotations: dict[str, str] = Field(default_factory=dict)
    options: Options


class FuncFile(Strict):
    """A func.yaml with the fields this project uses."""

    spec_version: str
    name: Name
    runtime: Literal["python"]
    registry: str
    namespace: Name
    created: datetime
    invoke: Literal["cloudevent", "http"]
    run: Run
    deploy: Deploy


def load_functions(folder: Path) -> dict[Path, FuncFile]:
    """Return the func.yaml of every folder below `folder` that has one, in order of name.

    Raises:
        Misconfigured: the message names the file and its first field that is wrong.
    """
    return {file.parent: read_function(file) for file in sorted(folder.glob("*/func.yaml"))}


def resolve_all(
    variable: Variable,
    where: str,
    environ: Mapping[str, str],
    secrets: Mapping[str, Mapping[str, str]],
    config_maps: Mapping[str, Mapping[str, str]],
) -> dict[str, str]:
    """Return the variables an entry stands for, with their values.

    Raises:
        Misconfigured: what it refers to has no value; the message names both.
    """
    if variable.name:
        return {variable.name: resolve(variable, where, environ, secrets, config_maps)}
    match = _REFERENCE.match(variable.value)
    if match is None or match.group(1) == "env" or match.group(3):
        raise Misconfigured(f"{where}: an entry without a name: not understood: {variable.value}")
    kind, name, _ = match.groups()
    found = (secrets if kind == "secret" else config_maps).get(name)
    if found is None:
        raise Misconfigured(f"{where}: there is no {kind} {name}")
    return {key: value for key, value in found.items() if _VARIABLE.fullmatch(key)}


def resolve(
    variable: Variable,
    where: str,
    environ: Mapping[str, str],
    secrets: Mapping[str, Mapping[str, str]],
    config_maps: Mapping[str, Mapping[str, str]],
) -> str:
    """Return a variable's value with its reference replaced.

    Raises:
        Misconfigured: what it refers to has no value; the message names both.
    """
    if "{{" not in variable.value:
        return variable.value
    match = _REFERENCE.match(variable.value)
    if match is None:
        raise Misconfigured(f"{where}: {variable.name}: not understood: {variable.value}")
    kind, name, key = match.groups()
    if kind == "env":
        found = environ.get(name)
    else:
        found = (secrets if kind == "secret" else config_maps).get(name, {}).get(key or "")
    if found is None:
        raise Misconfigured(f"{where}: {variable.name}: no value for {kind} {name} {key or ''}")
    return found


def read_function(file: Path) -> FuncFile:
    """Return a func.yaml.

    Raises:
        Misconfigured: the message names the file and its first field that is wrong.
    """
    documents = read_yaml(file)
    try:
        return FuncFile.model_validate(documents[0] if documents else {})
    except ValidationError as error:
        raise Misconfigured(f"{file}: {first_problem(error)}") from None
