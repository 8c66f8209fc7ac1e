"""One line of a log as every format gives it, and the words in which levels are told. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from functions.detect.signals.logs.config import LEVELS, Level

_WORDS: Mapping[str, Level] = {
    "trace": "trace", "finest": "trace", "finer": "trace", "verbose": "trace",
    "debug": "debug", "dbg": "debug", "fine": "debug", "d": "debug",
    "info": "info", "information": "info", "informational": "info", "notice": "info",
    "inf": "info", "i": "info", "config": "info", "log": "info", "default": "info",
    "warn": "warn", "warning": "warn", "wrn": "warn", "w": "warn",
    "error": "error", "err": "error", "e": "error", "severe": "error", "eror": "error",
    "fatal": "fatal", "critical": "fatal", "crit": "fatal", "panic": "fatal", "alert": "fatal",
    "emerg": "fatal", "emergency": "fatal", "f": "fatal", "dpanic": "fatal",
}  # fmt: skip

_SYSLOG: tuple[Level, ...] = (
    "fatal", "fatal", "fatal", "error", "warn", "info", "info", "debug"
)  # fmt: skip
"""By number. Source: RFC 5424, section 6.2.1."""

_SAID = re.compile(
    r"\b(?:TRACE|DEBUG|INFO|NOTICE|WARN(?:ING)?|ERR(?:OR)?|SEVERE|CRIT(?:ICAL)?|FATAL|PANIC"
    r"|EMERG)\b|\blevel=\"?([a-zA-Z]{1,16})\b"
)
_LOOKED_AT = 160
"""Characters at the beginning of a line that may say how severe it is."""

OTLP_STEP = 4
"""Numbers of a level. Source: opentelemetry-proto, logs/v1/logs.proto, `SeverityNumber`."""

_PINO_STEP = 10
_PINO_LAST = 60


@dataclass(frozen=True, slots=True)
class LogRecord:
    """One line.

    Attributes:
        labels: What tells where it comes from, by the names that series of metrics use.
        time: Unix milliseconds; None where it does not say.
        level: `unknown` where it does not say.
        text: What it says.
        error: The kind of the error it tells of, such as the class of an exception.
        trace: Id of the trace it belongs to, empty where there is none.
    """

    labels: Mapping[str, str]
    time: int | None
    level: Level
    text: str
    error: str = ""
    trace: str = field(default="")


def level_of(told: object) -> Level:
    """Return the level that a word or a number means; `unknown` where it means none.

    Numbers up to 7 are those of syslog, multiples of ten those of bunyan and pino.
    """
    if isinstance(told, str):
        word = told.strip().strip("[]").lower()
        return _numbered(int(word)) if word.isascii() and word.isdecimal() else _worded(word)
    if isinstance(told, int) and not isinstance(told, bool):
        return _numbered(told)
    return "unknown"


def level_of_number(number: int) -> Level:
    """Return the level of a severity number of OpenTelemetry, 1 to 24."""
    place = (number - 1) // OTLP_STEP
    return LEVELS[place] if 0 <= place < len(LEVELS) else "unknown"


def level_in(text: str) -> Level:
    """Return the level that a line says of itself at its beginning, in capitals or `level=`."""
    found = _SAID.search(text[:_LOOKED_AT])
    return _worded((found[1] or found[0]).lower()) if found else "unknown"


def _worded(word: str) -> Level:
    return _WORDS.get(word, "unknown")


def _numbered(number: int) -> Level:
    if 0 <= number < len(_SYSLOG):
        return _SYSLOG[number]
    if number % _PINO_STEP == 0 and _PINO_STEP <= number <= _PINO_LAST:
        return LEVELS[number // _PINO_STEP - 1]
    return "unknown"
