"""What fields of JSON say, whatever whoever wrote them calls these. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from pydantic_core import from_json

from functions.detect.gathering import unix_ms

LONGEST_JSON = 1 << 14
"""Characters of a text that may be JSON."""


def found(document: Mapping[str, Any], names: Sequence[str]) -> Any:
    """Return the first of some fields that says something, None where none does."""
    for name in names:
        value = document.get(name)
        if value is None and "." in name:
            value = _inside(document, name)
        if value is not None and value != "":
            return value
    return None


def named(document: Mapping[str, Any], names: Sequence[str]) -> str:
    """Return the first of some fields that holds words, empty where none does."""
    return next((text for name in names if isinstance(text := found(document, (name,)), str)), "")


def _inside(document: Any, path: str) -> Any:
    """Return what lies at a path of names; a name may have dots itself."""
    while isinstance(document, Mapping):
        if path in document:
            return document[path]
        name, _, rest = path.partition(".")
        document, path = document.get(name), rest
    return None


def content_of(value: Any) -> Mapping[str, Any]:
    """Return the fields of a message: of a JSON object, or of a text that is one; else nothing."""
    if isinstance(value, str) and value[:1] == "{" and len(value) <= LONGEST_JSON:
        try:
            value = from_json(value)
        except ValueError:
            return {}
    return value if isinstance(value, dict) else {}


def text_of(value: Any) -> str:
    """Return what a field says as text; what is no text as JSON."""
    if isinstance(value, str):
        return value
    return "" if value is None else orjson.dumps(value, default=str).decode()


def time_of(value: Any) -> int | None:
    """Return unix milliseconds of a time in words or numbers; None where there is none.

    Raises:
        Malformed: it is no time.
    """
    if value is None:
        return None
    if isinstance(value, str):
        try:
            return unix_ms(float(value))
        except ValueError:
            return unix_ms(value)
    return unix_ms(value)
