"""Logs of any format as counts of levels and templates, and as errors that were seen. Pure."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Protocol

from aiops.errors import Rejected
from aiops.plugins import available, load
from aiops.ports import Event
from aiops.series import SeriesMap
from functions.detect.gathering import WRONG
from functions.detect.signals.logs.config import LEVELS, LogsConfig
from functions.detect.signals.logs.masking import template_of
from functions.detect.signals.logs.record import LogRecord
from functions.detect.signals.logs.redaction import example_of
from functions.detect.signals.origin import service_of
from functions.detect.sniffing import documents
from functions.detect.sources import Source, source_of
from functions.detect.windows.tally import Row, Sighting, Tally

FORMATS = "functions.detect.signals.logs.formats"

MOST_LINES = 50_000
"""Lines of one record; what it holds beyond is dropped and counted."""

ERRORS = ("error", "fatal")
"""Levels whose lines are failures."""


class Format(Protocol):
    """How logs are written: `Format` of a module in `functions.detect.signals.logs.formats`.

    Attributes:
        last: Whether it is asked after the others, as it takes nearly everything.
    """

    last: bool

    def recognises(self, fields: Collection[str]) -> bool:
        """Return whether a JSON object with these fields is one of its documents."""

    def records(self, document: Any) -> Iterator[LogRecord | None]:
        """Yield the lines of a document, a JSON object or the bytes of a binary record.

        None stands for one that is not as the format says.

        Raises:
            WRONG: it is not as the format says; what was yielded before stays.
        """


class LogSignal:
    """Reads records of logs.

    Args:
        config: What is read of them.
        names: How series are read.
        topics: What topics carry.
    """

    def __init__(self, config: LogsConfig, names: SeriesMap, topics: Mapping[str, Source]) -> None:
        self._config, self._names, self._topics = config, names, topics
        self._told = frozenset(LEVELS[LEVELS.index(config.templates_from) :])
        self._formats: dict[str, Format] = {}
        self._every: list[Format] = []

    def tally(self, event: Event) -> Tally:
        """Return what the lines of a record add up to.

        Raises:
            Rejected: it is no record of logs.
        """
        tally = Tally()
        templates: set[str] = set()
        lines = 0
        for one in self.records(event, tally):
            if lines >= MOST_LINES:
                tally.dropped["too_many_lines"] += 1
                continue
            lines += 1
            self._count(one, event.time, tally, templates)
        if not lines and tally.dropped["malformed"]:
            raise Rejected("data: malformed, not as its format says")
        return tally

    def records(self, event: Event, tally: Tally) -> Iterator[LogRecord]:
        """Yield the lines of a record; what is left out is counted in the tally.

        Raises:
            Rejected: it is no record of logs.
        """
        encoding = source_of(event, self._topics).encoding
        if encoding != "json":
            yield from self._read(self._format(encoding), event.data, tally)
            return
        known = False
        for document in documents(event.data):
            one = self._recognised(document) if isinstance(document, dict) else None
            if one is None:
                tally.dropped["unknown_format"] += 1
            else:
                known = True
                yield from self._read(one, document, tally)
        if not known:
            raise Rejected("data: unknown format; expected logs as docs/logs.md lists them")

    @staticmethod
    def _read(one: Format, document: Any, tally: Tally) -> Iterator[LogRecord]:
        try:
            for found in one.records(document):
                if found is None:
                    tally.dropped["malformed"] += 1
                else:
                    yield found
        except WRONG:
            tally.dropped["malformed"] += 1

    def _count(self, one: LogRecord, sent: int, tally: Tally, templates: set[str]) -> None:
        time = sent if one.time is None else one.time
        if time <= 0:
            tally.dropped["no_time"] += 1
            return
        service = tally.services[service_of(one.labels, self._names)]
        service.count(time, ("log_lines", (("level", one.level),)))
        failed = one.level in ERRORS
        if failed:
            service.count(time, ("log_errors", ()), 1, one.trace)
        text = one.text[: self._config.max_length]
        if one.level not in self._told or not text.strip():
            return
        template = template_of(text, one.error)
        if template.id not in templates and len(templates) >= self._config.max_templates:
            tally.dropped["too_many_templates"] += 1
            return
        templates.add(template.id)
        row: Row = (
            "log_error_lines" if failed else "log_template_lines",
            (("level", one.level), ("log_template", template.text), ("template", template.id)),
        )
        service.count(time, row, 1, one.trace)
        seen = service.sightings.get(template.id)
        if failed and (seen is None or time < seen.time):
            service.sighting(template.id, Sighting(time, row, example_of(text), one.trace))

    def _recognised(self, document: Mapping[str, Any]) -> Format | None:
        if not self._every:
            every = map(self._format, available(FORMATS))
            self._every = sorted(every, key=lambda one: one.last)
        return next((one for one in self._every if one.recognises(document)), None)

    def _format(self, name: str) -> Format:
        if name not in self._formats:
            self._formats[name] = load(FORMATS, name, "Format")(self._config)
        return self._formats[name]
