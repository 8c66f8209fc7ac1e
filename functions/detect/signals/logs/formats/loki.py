"""What is pushed to Loki, as JSON: streams of labels, each with times and lines.

Source: https://grafana.com/docs/loki/latest/reference/loki-http-api/#ingest-logs:
`{"streams": [{"stream": {"label": "value"}, "values": [["<unix ns>", "<line>", {metadata}]]}]}`.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from functions.detect.gathering import WRONG
from functions.detect.signals.logs.config import LogsConfig
from functions.detect.signals.logs.fields import content_of, found, named, text_of
from functions.detect.signals.logs.record import LogRecord, level_in, level_of

_LEVEL = ("detected_level", "level", "severity", "severity_text")
_NANOSECONDS = 1_000_000


class Format:
    """Reads streams of Loki.

    Args:
        config: Which metadata name a trace, and which fields of a line that is JSON say what.
    """

    last = False

    def __init__(self, config: LogsConfig) -> None:
        self._config = config

    @staticmethod
    def recognises(fields: Collection[str]) -> bool:
        """Return whether this is a push."""
        return "streams" in fields

    def records(self, document: Mapping[str, Any]) -> Iterator[LogRecord | None]:
        """Yield the lines of all streams."""
        for stream in document["streams"]:
            labels = {str(name): str(value) for name, value in stream["stream"].items()}
            for entry in stream["values"]:
                try:
                    yield self._record(labels, *entry)
                except WRONG:
                    yield None

    def _record(
        self, labels: Mapping[str, str], time: str, text: str, metadata: Any = None
    ) -> LogRecord:
        told = metadata or {}
        config, content = self._config, content_of(text)
        level = level_of(found(told, _LEVEL) or found(labels, _LEVEL))
        if level == "unknown":
            level = level_of(found(content, config.level_fields))
        return LogRecord(
            labels=labels,
            time=int(time) // _NANOSECONDS,
            level=level_in(text) if level == "unknown" else level,
            text=text_of(found(content, config.message_fields)) or str(text),
            error=named(content, config.error_fields)[:128],
            trace=(named(told, config.trace_fields) or named(content, config.trace_fields))[:64],
        )
