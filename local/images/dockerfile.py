"""Reads the Dockerfile, as far as this project uses the language.

Source: https://docs.docker.com/reference/dockerfile/
"""

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from aiops.errors import Misconfigured

_KNOWN = frozenset(
    ("ARG", "FROM", "WORKDIR", "COPY", "RUN", "ENV", "LABEL", "USER", "EXPOSE", "CMD")
)
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction, with its variables in place.

    Attributes:
        words: Its arguments; of `ENV` and `LABEL` each is `name=value`.
    """

    line: int
    name: str
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Stage:
    """What follows a `FROM`.

    Attributes:
        base: The image it begins with.
        name: What others call it; empty for the last.
    """

    base: str
    name: str
    instructions: tuple[Instruction, ...]


def read(file: Path, arguments: Mapping[str, str]) -> tuple[Stage, ...]:
    """Return the stages of a Dockerfile, the last one being the image.

    Args:
        file: The Dockerfile.
        arguments: What `--build-arg` would give.

    Raises:
        Misconfigured: an instruction is not known, or an argument has no value; the message names
            file and line.
    """
    stages: list[Stage] = []
    everywhere: dict[str, str] = {}
    values: dict[str, str] = {}
    for line, name, rest in _lines(file):
        where = f"{file}:{line}"
        if name not in _KNOWN:
            raise Misconfigured(f"{where}: {name} is not understood here")
        if name == "ARG":
            variable, _, default = rest.partition("=")
            known = everywhere if not stages else values
            value = arguments.get(variable, everywhere.get(variable, default))
            if not value:
                raise Misconfigured(f"{where}: build argument {variable} has no value")
            known[variable] = value
            continue
        text = _filled(rest, values if stages and name != "FROM" else everywhere, where)
        if name == "FROM":
            base, _, stage = text.partition(" AS ")
            stages.append(Stage(base, stage, ()))
            values = {}
            continue
        if not stages:
            raise Misconfigured(f"{where}: {name} before FROM")
        one = Instruction(line, name, _words(text, where))
        last = stages[-1]
        stages[-1] = Stage(last.base, last.name, (*last.instructions, one))
    return tuple(stages)


def _lines(file: Path) -> Iterator[tuple[int, str, str]]:
    """Yield number, instruction and the rest of every line, those that go on put together."""
    begun, first = "", 0
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        first = first if begun else number
        begun += line.strip()
        if begun.endswith("\\"):
            begun = begun[:-1].rstrip() + " "
            continue
        name, _, rest = begun.partition(" ")
        yield first, name, rest.strip()
        begun = ""


def _filled(text: str, values: Mapping[str, str], where: str) -> str:
    def value(match: re.Match[str]) -> str:
        try:
            return values[match.group(1)]
        except KeyError:
            raise Misconfigured(f"{where}: {match.group(0)} is not declared") from None

    return _VARIABLE.sub(value, text)


def _words(text: str, where: str) -> tuple[str, ...]:
    if not text.startswith("["):
        return tuple(shlex.split(text))
    try:
        return tuple(json.loads(text))
    except ValueError:
        raise Misconfigured(f"{where}: no list of words in JSON") from None
