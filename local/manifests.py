"""Reads the objects in a kustomize folder, the same ones a cluster is given."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import TypeAdapter, ValidationError

from aiops.errors import Misconfigured
from local import objects

AnyObject = TypeVar("AnyObject", bound=objects.Strict)
_OBJECT: TypeAdapter[objects.Strict] = TypeAdapter(objects.Object)
_KUSTOMIZATION_FIELDS = {"apiVersion", "kind", "namespace", "resources"}


@dataclass(frozen=True, slots=True)
class Manifests:
    """Objects by kind, each kind in the order of its file; names are unique within a kind."""

    topics: tuple[objects.KafkaTopic, ...]
    sources: tuple[objects.KafkaSource, ...]
    sinks: tuple[objects.KafkaSink, ...]
    brokers: tuple[objects.Broker, ...]
    triggers: tuple[objects.Trigger, ...]
    pings: tuple[objects.PingSource, ...]
    config_maps: tuple[objects.ConfigMap, ...]
    accounts: tuple[objects.ServiceAccount, ...] = ()
    watchers: tuple[objects.ApiServerSource, ...] = ()
    roles: tuple[objects.ClusterRole, ...] = ()
    bindings: tuple[objects.ClusterRoleBinding, ...] = ()

    def broker(self, name: str) -> objects.Broker:
        """Return a Broker.

        Raises:
            Misconfigured: there is none of that name.
        """
        for broker in self.brokers:
            if broker.metadata.name == name:
                return broker
        raise Misconfigured(f"Broker {name}: no such object")

    def sink(self, name: str) -> objects.KafkaSink:
        """Return a KafkaSink.

        Raises:
            Misconfigured: there is none of that name.
        """
        for sink in self.sinks:
            if sink.metadata.name == name:
                return sink
        raise Misconfigured(f"KafkaSink {name}: no such object")

    def config(self) -> dict[str, dict[str, str]]:
        """Return the data of every ConfigMap by its name."""
        return {each.metadata.name: dict(each.data) for each in self.config_maps}


def load(folder: Path) -> Manifests:
    """Read the resources that a folder's `kustomization.yaml` lists.

    Raises:
        Misconfigured: a file is missing, an object unknown, a name taken twice, or a field wrong
            or not one of those this project uses; the message names object and field.
    """
    found: list[objects.Strict] = []
    names: set[tuple[str, str]] = set()
    for file in _resources(folder):
        for document in _documents(file):
            name = _name(document, file)
            if name in names:
                raise Misconfigured(f"{name[0]} {name[1]}: there are two")
            names.add(name)
            found.append(parse(document))
    return gathered(found)


def gathered(found: Sequence[objects.Strict]) -> Manifests:
    """Return objects by kind, each kind in their order."""
    return Manifests(
        topics=_of(found, objects.KafkaTopic),
        sources=_of(found, objects.KafkaSource),
        sinks=_of(found, objects.KafkaSink),
        brokers=_of(found, objects.Broker),
        triggers=_of(found, objects.Trigger),
        pings=_of(found, objects.PingSource),
        config_maps=_of(found, objects.ConfigMap),
        accounts=_of(found, objects.ServiceAccount),
        watchers=_of(found, objects.ApiServerSource),
        roles=_of(found, objects.ClusterRole),
        bindings=_of(found, objects.ClusterRoleBinding),
    )


def parse(document: Mapping[str, Any]) -> objects.Strict:
    """Return one object.

    Raises:
        Misconfigured: the message names the object and its first field that is wrong.
    """
    try:
        return _OBJECT.validate_python(document)
    except ValidationError as error:
        raise Misconfigured(f"{_title(document)}: {first_problem(error)}") from None


def first_problem(error: ValidationError) -> str:
    """Return the first wrong field and what is wrong with it, never its value."""
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"{where or 'object'}: {first['msg']}"


def read_yaml(file: Path) -> list[Any]:
    """Return the documents of a YAML file.

    Raises:
        Misconfigured: it cannot be read.
    """
    try:
        with file.open(encoding="utf-8") as text:
            return [each for each in yaml.safe_load_all(text) if each is not None]
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise Misconfigured(f"{file}: {str(error).splitlines()[0]}") from None


def _resources(folder: Path) -> Iterator[Path]:
    file = folder / "kustomization.yaml"
    for kustomization in read_yaml(file):
        unknown = sorted(set(kustomization) - _KUSTOMIZATION_FIELDS)
        if unknown:
            raise Misconfigured(f"{file}: {unknown[0]}: not read on one machine; render it first")
        for name in kustomization.get("resources", ()):
            yield folder / name


def _documents(file: Path) -> Iterator[dict[str, Any]]:
    for document in read_yaml(file):
        if not isinstance(document, dict):
            raise Misconfigured(f"{file}: expected objects")
        yield document


def _name(document: Mapping[str, Any], file: Path) -> tuple[str, str]:
    metadata = document.get("metadata")
    if not isinstance(metadata, dict) or "name" not in metadata:
        raise Misconfigured(f"{file}: {document.get('kind')}: metadata.name: missing")
    return str(document.get("kind")), str(metadata["name"])


def _title(document: Mapping[str, Any]) -> str:
    metadata = document.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return f"{document.get('kind')} {name}"


def _of(found: Sequence[objects.Strict], kind: type[AnyObject]) -> tuple[AnyObject, ...]:
    return tuple(each for each in found if isinstance(each, kind))
