"""Names from the incident put into what a runbook gives its operations, and nothing else.

There is no template language: a placeholder stands for one label's value, which must be a name as
Kubernetes allows it. Such a name cannot leave a path, a URL, a template or a command.
"""

import re
from collections.abc import Callable, Iterator, Mapping

from pydantic import JsonValue

from functions.act.routing import NAMESPACES

_PLACEHOLDER = re.compile(
    r"\{\{ ?(service|namespace|labels\.[A-Za-z_][A-Za-z0-9_./-]{0,316}) ?\}\}"
)
_NAME = re.compile(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*")
PLACEHOLDERS = "{{ labels.NAME }}, {{ namespace }} or {{ service }}"
MAX_NAME = 253
"""Source: https://kubernetes.io/docs/concepts/overview/working-with-objects/names/"""

SAMPLE = "name"
"""Stands for any name where a runbook is checked before there is an incident."""


class Unresolved(ValueError):
    """A placeholder has no value that may stand there; the message never quotes the value."""


def is_name(text: str) -> bool:
    """Return whether a text is a name as Kubernetes allows it."""
    return len(text) <= MAX_NAME and _NAME.fullmatch(text) is not None


def check(value: JsonValue) -> None:
    """Refuse braces that are no placeholder.

    Raises:
        Unresolved: there are some, or a placeholder stands in a key.
    """
    for text, is_key in _texts(value):
        rest = text if is_key else _PLACEHOLDER.sub("", text)
        if "{{" in rest or "}}" in rest:
            raise Unresolved(f"{text[:80]!r}: expected {PLACEHOLDERS}, in a value")


def resolved(value: JsonValue, service: str, labels: Mapping[str, str]) -> JsonValue:
    """Return a value with all placeholders replaced, in one pass.

    Raises:
        Unresolved: a label is absent, or its value is no name.
    """

    def name_of(found: "re.Match[str]") -> str:
        place = found[1]
        text = _value(place, service, labels)
        if text is None:
            raise Unresolved(f"{place} is absent")
        if not is_name(text):
            raise Unresolved(f"{place} is no name that Kubernetes allows")
        return text

    return _filled(value, name_of)


def _value(place: str, service: str, labels: Mapping[str, str]) -> str | None:
    if place == "service":
        return service
    if place == "namespace":
        return next((labels[name] for name in NAMESPACES if labels.get(name)), None)
    return labels.get(place.removeprefix("labels."))


def sampled(value: JsonValue) -> JsonValue:
    """Return a value with a name in every place, to check the rest of it."""
    return _filled(value, lambda _: SAMPLE)


def _filled(value: JsonValue, name_of: "Callable[[re.Match[str]], str]") -> JsonValue:
    if isinstance(value, str):
        return _PLACEHOLDER.sub(name_of, value)
    if isinstance(value, list):
        return [_filled(one, name_of) for one in value]
    if isinstance(value, dict):
        return {key: _filled(one, name_of) for key, one in value.items()}
    return value


def _texts(value: JsonValue) -> Iterator[tuple[str, bool]]:
    if isinstance(value, str):
        yield value, False
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)
    elif isinstance(value, dict):
        for key, one in value.items():
            yield key, True
            yield from _texts(one)
