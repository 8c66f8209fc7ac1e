"""Alerts of others as anomalies: pure, from the body of a webhook to facts."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, ValidationError

from aiops import topics
from aiops.alertmanager import Told, read_notification, state_of, unix_ms
from aiops.events import SEVERITY_CUTS, AnomaliesDetected, Anomaly, Role, SeriesHead, Severity
from aiops.ids import derive
from aiops.ports import Counts, Event, Message
from aiops.selector import checked_pattern
from aiops.series import Series, SeriesMap, role_of

DETECTOR = "alertmanager"

MAX_ALERTS = 1_000
"""Alerts taken from one notification; the rest is counted."""

MAX_REASON = 500
"""Characters of the words of an alert that are kept."""

BATCH = 200
BATCH_BYTES = 256 * 1024
"""Anomalies in one event, and its size, unless one alone is larger."""

SCORES = tuple(
    (low + high) / 2 for low, high in zip((0.0, *SEVERITY_CUTS), (*SEVERITY_CUTS, 1.0), strict=True)
)
"""The score of each severity, 1 to 5: the middle of those that have it."""

Pattern = Annotated[str, AfterValidator(checked_pattern)]


class AlertMap(BaseModel):
    """How alerts of others are read: the section `alerts` of the configuration.

    Attributes:
        severity_from: Labels that say how severe an alert is, the first present counts.
        severities: What their values mean, 1 to 5; compared in lower case.
        severity: That of an alert which does not say, or says something else.
        reason_from: Annotations that say what is wrong, the first present counts.
        roles: Patterns on the alert's name as words joined by `_`, the first found counts; then
            those of `series`.
        ignored: Patterns of the names of alerts that are none, such as those that always fire.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    severity_from: tuple[str, ...] = ("severity", "priority", "level")
    severities: dict[str, Severity] = Field(
        default={
            "critical": 5, "fatal": 5, "emergency": 5, "page": 5, "p1": 5,
            "error": 4, "major": 4, "high": 4, "p2": 4,
            "warning": 3, "warn": 3, "medium": 3, "p3": 3,
            "minor": 2, "low": 2, "notice": 2, "p4": 2,
            "info": 1, "none": 1, "debug": 1, "p5": 1,
        }
    )  # fmt: skip
    severity: Severity = 3
    reason_from: tuple[str, ...] = ("summary", "message", "description")
    roles: tuple[tuple[Pattern, Role], ...] = (
        ("down|unavailable|unreachable|crash|absent|burn", "errors"),
    )
    ignored: tuple[Pattern, ...] = ("Watchdog", "InfoInhibitor", "DeadMansSwitch")


@dataclass(frozen=True, slots=True)
class Translated:
    """What became of a notification.

    Attributes:
        anomalies: One per alert that was understood.
        dropped: How many others, by reason.
    """

    anomalies: tuple[Anomaly, ...]
    dropped: Counts


@dataclass(frozen=True, slots=True)
class Translator:
    """Reads notifications.

    Attributes:
        domain: Whose telemetry the alerts speak of.
        series: How labels name the service.
        alerts: How the rest is read.
    """

    domain: str
    series: SeriesMap
    alerts: AlertMap

    def translate(self, payload: bytes, now: int) -> Translated:
        """Return what a notification says; an alert that cannot be read is dropped and counted.

        An alert is the same one as long as its fingerprint and its start are the same, whatever
        else is said of it.

        Args:
            payload: The body, JSON.
            now: Unix milliseconds; an end after it is one that is expected.

        Raises:
            Rejected: it is no such notification at all.
        """
        notification = read_notification(payload)
        dropped: Counts = Counter(truncated=notification.truncated)
        dropped["too_many"] = len(notification.alerts[MAX_ALERTS:])
        found: list[Anomaly] = []
        for content in notification.alerts[:MAX_ALERTS]:
            read = self._read(content, now)
            if isinstance(read, str):
                dropped[read] += 1
            else:
                found.append(read)
        return Translated(tuple(found), +dropped)

    def _read(self, content: JsonValue, now: int) -> Anomaly | str:
        """Return the anomaly an alert is, or the reason why it cannot be taken."""
        try:
            alert = Told.model_validate(content)
        except ValidationError:
            return "malformed"
        name = alert.labels.get("alertname", "")
        if not name:
            return "nameless"
        if any(re.fullmatch(pattern, name) for pattern in self.alerts.ignored):
            return "ignored"
        start = unix_ms(alert.starts_at)
        if start is None:
            return "no_start"
        series = self.series.read(SeriesHead(metric=name, labels=alert.labels))
        return series if isinstance(series, str) else self._anomaly(alert, series, start, now)

    def _anomaly(self, alert: Told, series: Series, start: int, now: int) -> Anomaly:
        severity = self._severity(alert)
        score = SCORES[severity - 1]
        role = role_of(self.alerts.roles, words := snake_case(series.metric))
        return Anomaly(
            id=derive("alert", self.domain, alert.fingerprint or series.key, start),
            domain=self.domain,
            series=series.key,
            metric=series.metric,
            labels=dict(series.labels),
            service=series.service,
            role=role_of(self.series.roles, words) if role == "other" else role,
            edge=series.edge,
            time=start,
            value=1.0,
            expected=0.0,
            lower=0.0,
            upper=0.0,
            detector=DETECTOR,
            evidence=1 / (1 - score),
            alarm_line=1.0,
            score=score,
            severity=severity,
            reason=self._reason(alert) or f"{series.metric} fires",
            alert=state_of(alert, start, now),
        )

    def _severity(self, alert: Told) -> int:
        said = (alert.labels[name] for name in self.alerts.severity_from if name in alert.labels)
        return self.alerts.severities.get(next(said, "").strip().lower(), self.alerts.severity)

    def _reason(self, alert: Told) -> str:
        said = (alert.annotations.get(name, "") for name in self.alerts.reason_from)
        return next((text for text in map(plain, said) if text), "")


def messages(
    anomalies: Sequence[Anomaly],
    domain: str,
    now: int,
    source: str = "/aiops/alerts",
    extensions: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Message]:
    """Yield the events that tell of anomalies, for the topic `anomalies`, none too large.

    Args:
        anomalies: What there is to tell.
        domain: Whose they are.
        now: Time of the events, unix milliseconds.
        source: Who tells.
        extensions: Of the events.
    """
    if not anomalies:
        return
    data = AnomaliesDetected(anomalies=tuple(anomalies)).model_dump_json().encode()
    if len(anomalies) > 1 and (len(anomalies) > BATCH or len(data) > BATCH_BYTES):
        half = len(anomalies) // 2
        yield from messages(anomalies[:half], domain, now, source, extensions)
        yield from messages(anomalies[half:], domain, now, source, extensions)
        return
    yield Message(
        topics.ANOMALIES,
        domain,
        Event(
            id=derive("alerts", now, data.decode()),
            source=source,
            type=AnomaliesDetected.type,
            time=now,
            data=data,
            subject=domain,
            extensions=extensions,
        ),
    )


def plain(text: str) -> str:
    """Return words on one line, printable, at most 500 characters of them."""
    printable = "".join(c if c.isprintable() else " " for c in text[: 4 * MAX_REASON])
    line = " ".join(printable.split())
    return line if len(line) <= MAX_REASON else line[: MAX_REASON - 1].rstrip() + "…"


def snake_case(name: str) -> str:
    """Return the words of a name such as `HTTPErrorsHigh` as `http_errors_high`."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name)
    return re.sub(r"\W+", "_", apart).lower()
