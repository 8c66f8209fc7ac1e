"""Telegraf's JSON: metrics with several fields each, one by one or in a batch.

`{"name": "docker", "tags": {"host": "raynor"}, "fields": {"images": 660}, "timestamp": 1458229140}`
or `{"metrics": [...]}` of such.
Source: influxdata/telegraf, plugins/serializers/json/README.md; names as in
plugins/serializers/prometheus/convert.go.
"""

from collections.abc import Collection, Mapping
from typing import Any

from functions.detect.config import DetectConfig
from functions.detect.gathering import WRONG, Gathered, Kind, Pairs, unix_ms
from functions.detect.otlp import label_of, name_of

_PLAIN: Mapping[str, Kind | None] = {"value": None, "gauge": "gauge", "counter": "counter"}
"""Fields that only say what kind of value the metric itself has."""


class Format:
    """Decodes metrics of Telegraf."""

    def __init__(self, _: DetectConfig) -> None:
        pass

    @staticmethod
    def recognises(fields: Collection[str]) -> bool:
        """Return whether these are the fields of a metric or of a batch."""
        return {"fields", "name", "timestamp"} <= set(fields) or set(fields) == {"metrics"}

    @staticmethod
    def decode(document: Mapping[str, Any], into: Gathered) -> None:
        """Take the fields that are numbers or truths."""
        if "metrics" not in document:
            _metric(document, into)
            return
        for metric in document["metrics"]:
            try:
                _metric(metric, into)
            except WRONG:
                into.dropped["malformed"] += 1


def _metric(document: Mapping[str, Any], into: Gathered) -> None:
    name, time = document["name"], unix_ms(document["timestamp"])
    labels = tuple([(label_of(tag), text) for tag, text in (document.get("tags") or {}).items()])
    for field, value in document["fields"].items():
        if isinstance(value, int | float):
            _field(into, (name, field), labels, time, float(value))
        else:
            into.dropped["not_a_number"] += 1


def _field(into: Gathered, name: tuple[str, str], labels: Pairs, time: int, value: float) -> None:
    metric, field = name
    if field in _PLAIN:
        into.add(name_of(metric), labels, _PLAIN[field], time, value)
    elif metric == "prometheus":
        into.add(name_of(field), labels, None, time, value)
    else:
        into.add(name_of(f"{metric}_{field}"), labels, None, time, value)
