"""prometheus-kafka-adapter: a record a sample, as JSON or as Avro's JSON.

`{"timestamp": "1970-01-01T00:00:10Z", "value": "1", "name": "up", "labels": {"__name__": "up"}}`;
small exporters write the same with a number as value, and a time without a zone, which is UTC.
Source: Telefonica/prometheus-kafka-adapter, serializers.go and schemas/metric.avsc.
"""

from collections.abc import Collection, Mapping
from typing import Any

from functions.detect.config import DetectConfig
from functions.detect.gathering import Gathered, unix_ms


class Format:
    """Decodes samples of prometheus-kafka-adapter."""

    def __init__(self, _: DetectConfig) -> None:
        pass

    @staticmethod
    def recognises(fields: Collection[str]) -> bool:
        """Return whether these are the fields of a sample."""
        return {"labels", "value", "timestamp"} <= set(fields)

    @staticmethod
    def decode(document: Mapping[str, Any], into: Gathered) -> None:
        """Take the sample; its kind follows from its name."""
        labels = document["labels"]
        metric = document.get("name") or labels["__name__"]
        told = tuple([item for item in labels.items() if item[0] != "__name__"])
        value = document["value"]
        if value is None:
            into.dropped["not_finite"] += 1
            return
        into.add(metric, told, None, unix_ms(document["timestamp"]), float(value))
