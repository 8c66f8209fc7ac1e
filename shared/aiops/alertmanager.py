"""The body of Alertmanager's webhook, version 4, which Grafana's extends.

What it says beside what is read here may change, so unknown fields are passed over.
Source: https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
"""

from datetime import UTC, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from aiops.errors import Rejected
from aiops.events import YEAR_10000, Alert

MAX_BYTES = 4 * 1024 * 1024
MAX_FINGERPRINT = 200


class Notification(BaseModel):
    """Alerts that were grouped, each still to be read; `truncated` others were left out."""

    model_config = ConfigDict(extra="ignore")
    alerts: list[JsonValue]
    truncated: int = Field(default=0, ge=0, lt=1 << 31, alias="truncatedAlerts")


class Told(BaseModel):
    """What is told of one alert."""

    model_config = ConfigDict(extra="ignore", strict=True)
    status: Literal["firing", "resolved"]
    labels: dict[str, str]
    annotations: dict[str, str] = Field(default_factory=dict)
    starts_at: str = Field(alias="startsAt", max_length=64)
    ends_at: str = Field(default="", alias="endsAt", max_length=64)
    fingerprint: str = Field(default="", max_length=MAX_FINGERPRINT)


def read_notification(payload: bytes) -> Notification:
    """Read a body.

    Raises:
        Rejected: it is no such notification; the message names the field.
    """
    if len(payload) > MAX_BYTES:
        raise Rejected(f"payload: more than {MAX_BYTES} bytes")
    try:
        return Notification.model_validate_json(payload)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "payload"
        raise Rejected(f"{where}: {first['msg']}") from None


def state_of(alert: Told, start: int, now: int) -> Alert:
    """Return when an alert ended, or when it is expected to; neither lies before its start."""
    end = unix_ms(alert.ends_at)
    if alert.status == "resolved":
        return Alert(ended_at=max(start, now if end is None else min(end, now)))
    return Alert(expires_at=None if end is None else max(start, end))


def unix_ms(text: str) -> int | None:
    """Return an RFC 3339 time as unix milliseconds, UTC unless it says; None where it is none.

    The year 1, which stands for a time that is not known, is none.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.year < 1970 or moment.year > 9998:
        return None
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    ms = int(aware.timestamp() * 1000)
    return ms if 0 <= ms < YEAR_10000 else None
