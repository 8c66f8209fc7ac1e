"""Kubernetes' own published schemas, made strict: a field that no object has is an error."""

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from aiops.errors import Misconfigured

VERSION = "1.34"
"""The oldest Kubernetes this is meant for; Knative 1.23 asks for no older one."""


def complaint(document: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return field and what is wrong with it; None where the object is good.

    Raises:
        Misconfigured: this version of Kubernetes has no such kind.
    """
    name = _file(str(document["apiVersion"]), str(document["kind"]))
    error = next(iter(_validator(name).iter_errors(document)), None)
    if error is None:
        return None
    # A complaint repeats the object, which may be long.
    return ".".join(str(part) for part in error.path), error.message.splitlines()[0][:200]


def _file(version: str, kind: str) -> str:
    """Return the schema's file: of `rbac.authorization.k8s.io/v1` Role `role-rbac-v1.json`."""
    group, _, number = version.rpartition("/")
    first = group.split(".")[0]
    return f"{kind.lower()}-{f'{first}-' if first else ''}{number}.json"


@cache
def _validator(name: str) -> Draft202012Validator:
    try:
        schema = _read(name)
    except FileNotFoundError:
        raise Misconfigured(f"Kubernetes {VERSION} has no such kind") from None
    registry: Registry[Any] = Registry().with_resources(
        [(one.id() or "", one) for one in (Resource.from_contents(schema), _definitions())]
    )
    return Draft202012Validator(schema, registry=registry)


@cache
def _definitions() -> "Resource[Any]":
    return Resource.from_contents(_read("_definitions.json"))


def _read(name: str) -> Any:
    folder = files("kubernetes_validate") / "kubernetes-json-schema" / f"v{VERSION}.0-local-strict"
    return json.loads((folder / name).read_bytes())
