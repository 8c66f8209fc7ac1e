"""Which format a record is in, told by its fields; and its samples. Pure."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

from pydantic_core import from_json

from aiops.errors import Rejected
from aiops.plugins import available, load
from functions.detect.config import DetectConfig
from functions.detect.gathering import WRONG, Gathered
from functions.detect.sources import Encoding

FORMATS = "functions.detect.formats"

MOST_SHAPES = 1 << 10
"""Sets of fields that are remembered, with the format they belong to."""

MOST_DOCUMENTS = 50_000
"""Documents of one record; what it holds beyond is dropped and counted."""


class Format(Protocol):
    """How one kind of producer writes samples: `Format` of a module in `functions.detect.formats`.

    Made with the configuration of `detect`; it keeps nothing of what it reads.
    """

    def recognises(self, fields: Collection[str]) -> bool:
        """Return whether a JSON object with these fields is one of its documents.

        Of all formats at most one may say so.
        """

    def decode(self, document: Any, into: Gathered) -> None:
        """Take the samples of a document, a JSON object or the bytes of a binary record.

        Raises:
            WRONG: it is not as the format says; what was taken before stays.
        """


class Decoder:
    """Decodes records of any format.

    Args:
        config: Of `detect`.
    """

    def __init__(self, config: DetectConfig) -> None:
        self._config = config
        self._formats: dict[str, Format] = {}
        self._by_fields: dict[tuple[str, ...], Format | None] = {}

    def decode(self, data: bytes, encoding: Encoding, time: int) -> Gathered:
        """Return the samples of a record.

        Args:
            data: As it came.
            encoding: Of its topic.
            time: Of the record, unix milliseconds.

        Raises:
            Rejected: it is of no known format, or nothing of it is as its format says.
        """
        into = Gathered(time)
        if encoding == "json":
            self._documents(documents(data), into)
        else:
            self._taken(self._format(encoding), data, into)
        if into.dropped["malformed"] and not into.times and len(+into.dropped) == 1:
            raise Rejected("data: malformed, not as its format says")
        return into

    def _documents(self, found: Sequence[Any], into: Gathered) -> None:
        known = 0
        if len(found) > MOST_DOCUMENTS:
            into.dropped["too_many_samples"] += len(found) - MOST_DOCUMENTS
        for document in found[:MOST_DOCUMENTS]:
            one = self._recognised(document) if isinstance(document, dict) else None
            if one is None:
                into.dropped["unknown_format"] += 1
            else:
                known += 1
                self._taken(one, document, into)
        if not known:
            raise Rejected("data: unknown format; expected samples as docs/input.md lists them")

    @staticmethod
    def _taken(one: Format, document: Any, into: Gathered) -> None:
        try:
            one.decode(document, into)
        except WRONG:
            into.dropped["malformed"] += 1

    def _recognised(self, document: Mapping[str, Any]) -> Format | None:
        fields = tuple(document)
        if fields not in self._by_fields:
            if len(self._by_fields) >= MOST_SHAPES:
                self._by_fields.clear()
            every = (self._format(name) for name in available(FORMATS))
            self._by_fields[fields] = next((one for one in every if one.recognises(fields)), None)
        return self._by_fields[fields]

    def _format(self, name: str) -> Format:
        if name not in self._formats:
            self._formats[name] = load(FORMATS, name, "Format")(self._config)
        return self._formats[name]


def documents(data: bytes) -> Sequence[Any]:
    """Return what JSON holds: the elements of an array, one object, or one a line.

    Raises:
        Rejected: it is none.
    """
    try:
        found = from_json(data)
    except ValueError:
        found = _by_line(data)
    return found if isinstance(found, list) else [found]


def _by_line(data: bytes) -> list[Any]:
    lines = [line for line in data.splitlines() if line and not line.isspace()]
    if len(lines) > 1 and all(line.lstrip().startswith(b"{") for line in lines):
        try:
            return list(from_json(b"[" + b",".join(lines) + b"]"))
        except ValueError:
            pass
    raise Rejected("data: unknown format; it is no JSON, and its topic is not said to be binary")
