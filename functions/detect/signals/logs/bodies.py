"""Records of OpenTelemetry as lines: their body may be text, or JSON of a logger. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from functions.detect.signals.logs.config import Level, LogsConfig
from functions.detect.signals.logs.fields import content_of, found, text_of
from functions.detect.signals.logs.record import LogRecord, level_in, level_of, level_of_number

_NO_TRACE = "0" * 32


@dataclass(frozen=True, slots=True)
class Told:
    """What a record says.

    Attributes:
        time: When it happened, unix milliseconds; None where it does not say.
        number: Of its severity, 0 for none.
        word: For its severity.
        body: As it stands for.
        attributes: As labels.
        trace: Hexadecimal.
    """

    time: int | None
    number: int
    word: str
    body: Any
    attributes: Mapping[str, str]
    trace: str


class Bodies:
    """Reads what a record says.

    Args:
        config: Which fields of a body say what.
    """

    def __init__(self, config: LogsConfig) -> None:
        self._config = config

    def record(self, labels: Mapping[str, str], told: Told) -> LogRecord:
        """Return a record as a line; the labels are those of its resource."""
        body, attributes = told.body, told.attributes
        content = content_of(body)
        text = text_of(found(content, self._config.message_fields)) if content else ""
        text = text or text_of(body) or attributes.get("exception_message", "")
        return LogRecord(
            labels=labels,
            time=told.time,
            level=self._level(told, content, text),
            text=text,
            error=attributes.get("exception_type", "")[:128],
            trace="" if told.trace == _NO_TRACE else told.trace[:64],
        )

    def _level(self, told: Told, content: Mapping[str, Any], text: str) -> Level:
        level = level_of_number(told.number)
        if level == "unknown":
            level = level_of(told.word)
        if level == "unknown":
            level = level_of(found(content, self._config.level_fields))
        return level_in(text) if level == "unknown" else level
