"""What a topic carries: which signal, and how its records are encoded. Pure."""

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict

from aiops.ports import Event

PLAIN_RECORD = "dev.knative.kafka.event"
"""What KafkaSource makes of a record that is no CloudEvent."""

Signal = Literal["metrics", "logs", "traces", "events"]
Encoding = Literal["json", "otlp_proto"]

PROTOBUF = ("application/x-protobuf", "application/protobuf", "application/vnd.google.protobuf")


class Source(BaseModel):
    """What a topic carries.

    Attributes:
        signal: `metrics`, `logs`, `traces` or `events`.
        encoding: `json`, where the format is told by its fields, or `otlp_proto`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    signal: Signal = "metrics"
    encoding: Encoding = "json"


USUAL: Mapping[str, Source] = {
    "metrics": Source(),
    "logs": Source(signal="logs"),
    "traces": Source(signal="traces"),
    "events": Source(signal="events"),
    "otlp_metrics": Source(encoding="otlp_proto"),
    "otlp_logs": Source(signal="logs", encoding="otlp_proto"),
    "otlp_spans": Source(signal="traces", encoding="otlp_proto"),
}
"""Our own topics, and those the OpenTelemetry Collector writes where it is told nothing else."""


def topic_of(event: Event) -> str:
    """Return the topic a plain record comes from, empty where its event does not say.

    Source: Knative's KafkaSource, `/apis/v1/namespaces/<ns>/kafkasources/<name>#<topic>`.
    """
    return event.source.rpartition("#")[2] if "#" in event.source else ""


def source_of(event: Event, topics: Mapping[str, Source]) -> Source:
    """Return what a plain record is; metrics as JSON where nothing says anything else.

    Args:
        event: The record as KafkaSource sends it.
        topics: As configured; they come before the usual ones.
    """
    topic = topic_of(event)
    source = topics.get(topic) or USUAL.get(topic) or USUAL["metrics"]
    kind = event.content_type.partition(";")[0].strip().lower()
    if kind in PROTOBUF:
        return source.model_copy(update={"encoding": "otlp_proto"})
    if kind == "application/json":
        return source.model_copy(update={"encoding": "json"})
    return source
