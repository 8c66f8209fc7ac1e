"""Samples as each kind of producer writes them: records of so many samples of distinct series."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiops.adapters.cloudevent import iso
from aiops.events import SeriesHead
from functions.detect.sources import Encoding

RESOURCE = {"service": "service.name", "namespace": "k8s.namespace.name", "pod": "k8s.pod.name"}


@dataclass(frozen=True, slots=True)
class Reading:
    """A sample of a series whose labels are `namespace`, `service` and `pod`."""

    head: SeriesHead
    value: float


Write = Callable[[Sequence[Reading], int], bytes]
"""Writes a record of samples that are of one time, unix milliseconds."""


def native(readings: Sequence[Reading], time: int) -> bytes:
    """Write our own format."""
    series = [one.head.model_dump() for one in readings]
    samples = [[place, time, one.value] for place, one in enumerate(readings)]
    return _compact({"series": series, "samples": samples})


def adapter(readings: Sequence[Reading], time: int) -> bytes:
    """Write what prometheus-kafka-adapter does, a line a sample."""
    return b"\n".join(
        _compact(
            {
                "timestamp": iso(time - time % 1000)[:19] + "Z",
                "value": f"{one.value:f}",
                "name": one.head.metric,
                "labels": _named(one),
            }
        )
        for one in readings
    )


def telegraf(readings: Sequence[Reading], time: int) -> bytes:
    """Write a batch of Telegraf, a metric a sample: its worst case."""
    found = []
    for one in readings:
        name, _, field = one.head.metric.partition("_")
        fields = {field: one.value}
        found.append(
            {"fields": fields, "name": name, "tags": one.head.labels, "timestamp": time // 1000}
        )
    return _compact({"metrics": found})


def vector(readings: Sequence[Reading], time: int) -> bytes:
    """Write metrics of Vector, a line each."""
    return b"\n".join(
        _compact(
            {
                "name": one.head.metric,
                "tags": one.head.labels,
                "timestamp": iso(time),
                "kind": "absolute",
                "gauge": {"value": one.value},
            }
        )
        for one in readings
    )


def prometheus_api(readings: Sequence[Reading], time: int) -> bytes:
    """Write the answer to an instant query."""
    found = [{"metric": _named(one), "value": [time / 1000, str(one.value)]} for one in readings]
    return _compact({"status": "success", "data": {"resultType": "vector", "result": found}})


def victoria_metrics(readings: Sequence[Reading], time: int) -> bytes:
    """Write exported series of one sample each, a line each: their worst case."""
    return b"\n".join(
        _compact({"metric": _named(one), "values": [one.value], "timestamps": [time]})
        for one in readings
    )


def otlp_json(readings: Sequence[Reading], time: int) -> bytes:
    """Write what the OpenTelemetry Collector does as JSON, a resource for each pod."""
    return _compact(_otlp(readings, time))


def otlp_proto(readings: Sequence[Reading], time: int) -> bytes:
    """Write the same as protobuf."""
    from google.protobuf.json_format import ParseDict
    from opentelemetry.proto.metrics.v1.metrics_pb2 import MetricsData

    message: bytes = ParseDict(_otlp(readings, time), MetricsData()).SerializeToString()
    return message


FORMATS: Mapping[str, tuple[Write, Encoding]] = {
    "native": (native, "json"),
    "otlp_proto": (otlp_proto, "otlp_proto"),
    "otlp_json": (otlp_json, "json"),
    "prometheus_kafka_adapter": (adapter, "json"),
    "telegraf": (telegraf, "json"),
    "vector": (vector, "json"),
    "prometheus_api": (prometheus_api, "json"),
    "victoria_metrics": (victoria_metrics, "json"),
}


def _otlp(readings: Sequence[Reading], time: int) -> dict[str, Any]:
    pods: dict[str, list[Reading]] = {}
    for one in readings:
        pods.setdefault(one.head.labels["pod"], []).append(one)
    return {
        "resourceMetrics": [
            {
                "resource": {"attributes": _attributes(mine[0].head.labels)},
                "scopeMetrics": [
                    {
                        "scope": {"name": "bench"},
                        "metrics": [
                            {
                                "name": one.head.metric,
                                "gauge": {
                                    "dataPoints": [
                                        {
                                            "timeUnixNano": str(time * 1_000_000),
                                            "asDouble": one.value,
                                        }
                                    ]
                                },
                            }
                            for one in mine
                        ],
                    }
                ],
            }
            for mine in pods.values()
        ]
    }


def _attributes(labels: Mapping[str, str]) -> list[dict[str, Any]]:
    return [
        {"key": RESOURCE[name], "value": {"stringValue": text}} for name, text in labels.items()
    ]


def _named(one: Reading) -> dict[str, str]:
    return {"__name__": one.head.metric, **one.head.labels}


def _compact(document: object) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()
