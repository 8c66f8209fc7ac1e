"""Runbooks read from a folder; a file that is wrong stops the start, named with its field."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, JsonValue, ValidationError

from aiops.errors import Misconfigured
from aiops.plugins import load
from functions.act.operation import OPERATIONS, Operation
from functions.act.runbooks.model import Runbook
from functions.act.runbooks.placeholders import Unresolved, check, sampled

MAX_FILE_BYTES = 1 << 16
OWN_NAMESPACE = "{{ namespace }}"


def load_runbooks(folder: str) -> tuple[Runbook, ...]:
    """Return the runbooks of all files `*.yaml` and `*.yml` in a folder, in the order of names.

    Raises:
        Misconfigured: one is wrong; the message names the file and the first field.
    """
    if not folder:
        return ()
    if not Path(folder).is_dir():
        raise Misconfigured(f"RUNBOOK_DIR: no folder {folder}")
    files = sorted(one for one in Path(folder).iterdir() if one.suffix in {".yaml", ".yml"})
    found: dict[str, tuple[Runbook, Path]] = {}
    for file in files:
        for runbook in read_runbooks(file):
            if runbook.name in found:
                other = found[runbook.name][1].name
                raise Misconfigured(f"{file}: metadata.name: {runbook.name} is that of {other}")
            found[runbook.name] = runbook, file
    return tuple(found[name][0] for name in sorted(found))


def read_runbooks(file: Path) -> Sequence[Runbook]:
    """Return the runbooks of a file, one for each document in it.

    Raises:
        Misconfigured: the message names the file and the first field that is wrong.
    """
    import yaml

    try:
        if file.stat().st_size > MAX_FILE_BYTES:
            raise Misconfigured(f"{file}: more than {MAX_FILE_BYTES} bytes")
        documents = list(yaml.safe_load_all(file.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        raise Misconfigured(f"{file}: {' '.join(str(error).split())[:300]}") from None
    return [_runbook(one, file) for one in documents if one is not None]


def parse_runbook(document: Any, where: str) -> Runbook:
    """Return a document as a runbook whose operations exist and take what they are given.

    Raises:
        Misconfigured: the message begins with `where` and names the first field that is wrong.
    """
    try:
        runbook = Runbook.model_validate_json(json.dumps(document, allow_nan=False))
    except ValidationError as error:
        raise Misconfigured(f"{where}: {_first(error)}") from None
    except (TypeError, ValueError, RecursionError) as error:
        raise Misconfigured(f"{where}: {str(error)[:200]}") from None
    for place, (kind, given) in enumerate(runbook.operations):
        try:
            _check_step(kind, given)
        except ValidationError as error:
            raise Misconfigured(f"{where}: steps.{place}.{kind}.{_first(error)}") from None
        except (Unresolved, Misconfigured) as error:
            raise Misconfigured(f"{where}: steps.{place}.{kind}: {error}") from None
    return runbook


def operation_class(kind: str) -> type[Operation]:
    """Return a kind of operation.

    Raises:
        Misconfigured: there is none of that name; the message lists what there is.
    """
    found: type[Operation] = load(OPERATIONS, kind, "Operation")
    return found


def arguments_of(model: type[BaseModel], given: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Return what a step gives, its namespace that of the incident's target unless it says."""
    if "namespace" in model.model_fields and "namespace" not in given:
        return {"namespace": OWN_NAMESPACE, **given}
    return dict(given)


def _runbook(document: Any, file: Path) -> Runbook:
    return parse_runbook(document, str(file))


def _check_step(kind: str, given: dict[str, JsonValue]) -> None:
    check(given)
    model = operation_class(kind).arguments
    model.model_validate_json(json.dumps(sampled(arguments_of(model, given))))


def _first(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"{where}: {first['msg']}" if where else first["msg"]
