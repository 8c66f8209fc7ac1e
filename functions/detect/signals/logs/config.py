"""How logs are read: the section `detect.logs` of the configuration."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Level = Literal["trace", "debug", "info", "warn", "error", "fatal", "unknown"]

Known = Literal["trace", "debug", "info", "warn", "error", "fatal"]

LEVELS: tuple[Known, ...] = ("trace", "debug", "info", "warn", "error", "fatal")
"""From the least severe to the most."""

SERVICE_FIELDS = (
    "service", "service.name", "service_name", "serviceName", "app", "application",
    "kubernetes.labels.app.kubernetes.io/name", "kubernetes.labels.app_kubernetes_io/name",
    "kubernetes.labels.app_kubernetes_io_name", "kubernetes.labels.app",
    "kubernetes.deployment.name", "kubernetes.container_name", "kubernetes.container.name",
    "container_name", "container.name",
)  # fmt: skip
"""Where plain JSON names the service.

Source: Elastic Common Schema; Vector, source `kubernetes_logs`; Fluent Bit, filter `kubernetes`.
"""

POD_FIELDS = ("kubernetes.pod_name", "kubernetes.pod.name", "pod_name", "pod")
HOST_FIELDS = ("_SYSTEMD_UNIT", "unit", "host.name", "hostname", "host")

TIME_FIELDS = ("timestamp", "@timestamp", "time", "ts", "datetime", "date", "t", "_time")
LEVEL_FIELDS = (
    "level", "severity", "severity_text", "severityText", "log.level", "loglevel", "log_level",
    "levelname", "lvl", "PRIORITY", "priority", "syslog.severity.name",
)  # fmt: skip
MESSAGE_FIELDS = ("message", "msg", "log", "body", "MESSAGE", "event", "text", "@message")
TRACE_FIELDS = ("trace_id", "traceId", "traceID", "trace.id", "otelTraceID", "dd.trace_id")
ERROR_FIELDS = ("error.type", "exception.type", "exception.class", "error.name", "err.type")


class LogsConfig(BaseModel):
    """Which fields of plain JSON say what, and what is counted of a line.

    A field with dots is one of that name, or one inside another.

    Attributes:
        service_fields: That name the service, the first present counts.
        pod_fields: That name the pod, whose workload is the service where nothing else says.
        host_fields: That stand for the service where not even that does.
        time_fields: That say when; ISO 8601 (UTC unless it says), or seconds, milliseconds,
            microseconds or nanoseconds since 1970.
        level_fields: That say how severe it is, in words or numbers.
        message_fields: That say what happened.
        trace_fields: That name the trace.
        error_fields: That name the kind of an error.
        templates_from: Lines from this level on are counted by what they say.
        max_templates: Different ones of a record; lines beyond are counted by level only.
        max_length: Characters of a line that are looked at.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    service_fields: tuple[str, ...] = SERVICE_FIELDS
    pod_fields: tuple[str, ...] = POD_FIELDS
    host_fields: tuple[str, ...] = HOST_FIELDS
    time_fields: tuple[str, ...] = TIME_FIELDS
    level_fields: tuple[str, ...] = LEVEL_FIELDS
    message_fields: tuple[str, ...] = MESSAGE_FIELDS
    trace_fields: tuple[str, ...] = TRACE_FIELDS
    error_fields: tuple[str, ...] = ERROR_FIELDS
    templates_from: Known = "warn"
    max_templates: int = Field(default=200, ge=0, le=5_000)
    max_length: int = Field(default=2_048, ge=64, le=1 << 16)
