"""Lines of logs and traces of a recording, each a record as its source would have written it."""

import gzip
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from pydantic_core import from_json

from aiops import topics
from aiops.errors import Misconfigured
from functions.detect.gathering import WRONG
from functions.detect.signals.logs.config import TIME_FIELDS
from functions.detect.signals.logs.fields import found, time_of

FILES = {"logs.jsonl": topics.LOGS, "spans.jsonl": topics.TRACES}
"""Plain JSON, a line of a log each; and OTLP JSON, a request or traces data each."""


class Told(NamedTuple):
    """A record.

    Attributes:
        time: When it was told, unix milliseconds.
    """

    time: int
    topic: str
    data: bytes


def read_told(folder: Path) -> tuple[Told, ...]:
    """Return the lines of `logs.jsonl` and `spans.jsonl`, packed or not, in the order of time.

    Raises:
        Misconfigured: a line says no time; the message names it.
    """
    every = (
        one
        for name, topic in FILES.items()
        for file in (folder / name, folder / f"{name}.gz")
        if file.is_file()
        for one in _lines(file, topic)
    )
    return tuple(sorted(every, key=lambda one: one.time))


def _lines(file: Path, topic: str) -> Iterator[Told]:
    packed = file.suffix == ".gz"
    try:
        data = gzip.decompress(file.read_bytes()) if packed else file.read_bytes()
    except (OSError, EOFError) as error:
        raise Misconfigured(f"{file}: {error}") from None
    for number, line in enumerate(data.splitlines(), start=1):
        if line.strip():
            try:
                time = _time(from_json(line), topic)
            except WRONG:
                raise Misconfigured(f"{file}:{number}: no time can be read") from None
            yield Told(time, topic, line)


def _time(document: Any, topic: str) -> int:
    if topic == topics.LOGS:
        time = time_of(found(document, TIME_FIELDS))
        if time is None:
            raise ValueError("no time")
        return time
    ends = (
        int(span["endTimeUnixNano"])
        for resource in document["resourceSpans"]
        for scope in resource["scopeSpans"]
        for span in scope["spans"]
    )
    return max(ends) // 1_000_000


def write_told(told: Iterable[Told], folder: Path) -> None:
    """Write lines as they are read again, packed; a file that would be empty is not made."""
    every = sorted(told, key=lambda one: one.time)
    for name, topic in FILES.items():
        lines = [one.data for one in every if one.topic == topic]
        if lines:
            packed = gzip.compress(b"\n".join(lines) + b"\n", compresslevel=4, mtime=0)
            (folder / f"{name}.gz").write_bytes(packed)
