"""Plain JSON, an object a line, as Vector, Fluent Bit, Filebeat and loggers write it.

Source: Elastic Common Schema, "Base fields"; Vector, "Log event"; Fluent Bit, "Kubernetes filter";
pino and bunyan, "Core fields"; Go's log/slog; zap's production encoder.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from functions.detect.signals.logs.config import LogsConfig
from functions.detect.signals.logs.fields import content_of, found, named, text_of, time_of
from functions.detect.signals.logs.record import LogRecord, level_in, level_of
from functions.detect.signals.origin import SERVICE


class Format:
    """Reads lines of plain JSON.

    Args:
        config: Which fields say what.
    """

    last = True
    """Takes what no other format does."""

    def __init__(self, config: LogsConfig) -> None:
        self._config = config
        self._known = frozenset(
            name.partition(".")[0] for name in (*config.message_fields, *config.level_fields)
        )

    def recognises(self, fields: Collection[str]) -> bool:
        """Return whether a line has a field that says what happened, or how severe it is."""
        return not self._known.isdisjoint(fields)

    def records(self, document: Mapping[str, Any]) -> Iterator[LogRecord]:
        """Yield the line; what a logger wrote as JSON within its message says the rest."""
        config = self._config
        message = found(document, config.message_fields)
        inner = content_of(message)
        text = text_of(found(inner, config.message_fields)) or text_of(message)
        level = level_of(found(document, config.level_fields))
        if level == "unknown":
            level = level_of(found(inner, config.level_fields))
        yield LogRecord(
            labels=self._labels(document, inner),
            time=time_of(found(document, config.time_fields)),
            level=level_in(text) if level == "unknown" else level,
            text=text,
            error=_either(document, inner, config.error_fields)[:128],
            trace=_either(document, inner, config.trace_fields)[:64],
        )

    def _labels(self, document: Mapping[str, Any], inner: Mapping[str, Any]) -> dict[str, str]:
        """Return the label that names the service, or the pod, or the host."""
        config = self._config
        for label, names in (
            (SERVICE, config.service_fields),
            ("pod", config.pod_fields),
            ("host", config.host_fields),
        ):
            told = _either(document, inner, names)
            if told:
                return {label: told}
        return {}


def _either(document: Mapping[str, Any], inner: Mapping[str, Any], names: Sequence[str]) -> str:
    return named(document, names) or named(inner, names)
