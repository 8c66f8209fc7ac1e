"""A document held against the model of what it ought to be."""

import json
import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ValidationError

from local.validation.document import Document, Path
from local.validation.problem import Problem

_NAMED = re.compile(r"([A-Za-z_][\w]*(?:\.[\w-]+)*): (.+)", re.DOTALL)


def against(
    document: Document, content: Any, model: type[BaseModel], at: Path, *, strict: bool = False
) -> list[Problem]:
    """Return everything that is wrong with a part of a document.

    Args:
        document: The whole.
        content: The part.
        model: What it ought to be.
        at: Where the part stands.
        strict: Whether the model reads it as JSON, which knows no other types.
    """
    try:
        if strict:
            model.model_validate_json(json.dumps(content, default=str))
        else:
            model.model_validate(content)
    except ValidationError as error:
        schema = model.model_json_schema()
        found = error.errors(include_url=False, include_input=False, include_context=False)
        return [_problem(document, dict(one), schema, at) for one in found]
    return []


def at_field(document: Document, message: str, at: Path) -> Problem:
    """Return a problem whose message may begin with the field it is about, within another."""
    named = _NAMED.fullmatch(message)
    if named is not None:
        inner = tuple(int(p) if p.isdigit() else p for p in named.group(1).split("."))
        if document.has((*at, *inner)):
            return at_field(document, named.group(2), (*at, *inner))
        if inner[: len(at)] == at and document.has(inner):
            return at_field(document, named.group(2), inner)
    return problem_at(document, at, message)


def problem_at(document: Document, path: Path, what: str) -> Problem:
    """Return a problem of a field; what follows a semicolon is the advice."""
    said, _, advice = what.partition("; ")
    return Problem(document.file, ".".join(map(str, path)), said, document.line(path), advice)


def _problem(
    document: Document, error: Mapping[str, Any], schema: Mapping[str, Any], at: Path
) -> Problem:
    inner: Path = tuple(error["loc"])
    path = (*at, *inner)
    message = str(error["msg"]).removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        known = _fields(schema, inner[:-1])
        return Problem(
            document.file, ".".join(map(str, path)), "there is no such field",
            document.line(path), _advice(str(inner[-1]), known),
        )  # fmt: skip
    if error["type"] == "missing":
        field = ".".join(map(str, path))
        return Problem(document.file, field, "is missing", document.line(path), "add it")
    if error["type"] == "value_error":
        return at_field(document, message, path)
    field = ".".join(map(str, path))
    return Problem(document.file, field, message[:1].lower() + message[1:], document.line(path))


def _advice(name: str, known: list[str]) -> str:
    close = get_close_matches(name, known, 1)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"there is {', '.join(known)}" if known else ""


def _fields(schema: Mapping[str, Any], path: Path) -> list[str]:
    """Return the names a mapping at a path of a schema may have."""
    nodes = [schema]
    for part in path:
        nodes = [
            inner for node in nodes for one in _choices(schema, node) for inner in _step(one, part)
        ]
    return sorted(
        {
            name
            for node in nodes
            for one in _choices(schema, node)
            for name in one.get("properties", ())
        }
    )


def _step(node: Mapping[str, Any], part: str | int) -> Iterator[Mapping[str, Any]]:
    if isinstance(part, int):
        yield from (node[name] for name in ("items",) if isinstance(node.get(name), dict))
    elif part in node.get("properties", {}):
        yield node["properties"][part]
    elif isinstance(node.get("additionalProperties"), dict):
        yield node["additionalProperties"]


def _choices(schema: Mapping[str, Any], node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield what a node may be, references followed."""
    if "$ref" in node:
        yield from _choices(schema, schema["$defs"][str(node["$ref"]).rpartition("/")[2]])
        return
    options = [*node.get("anyOf", ()), *node.get("oneOf", ()), *node.get("allOf", ())]
    if not options:
        yield node
    for one in options:
        yield from _choices(schema, one)
