"""Answers of Prometheus' HTTP API to instant and range queries.

`{"status": "success", "data": {"resultType": "vector", "result": [{"metric": {...}, "value":
[1435781451.781, "1"]}]}}`; a matrix has `values`.
Source: prometheus/prometheus, docs/querying/api.md, "Expression queries" and "Expression query
result formats".
"""

from collections.abc import Collection, Mapping
from typing import Any

from functions.detect.config import DetectConfig
from functions.detect.gathering import WRONG, Gathered
from functions.detect.malformed import Malformed


class Format:
    """Decodes results of queries."""

    def __init__(self, _: DetectConfig) -> None:
        pass

    @staticmethod
    def recognises(fields: Collection[str]) -> bool:
        """Return whether these are the fields of an answer."""
        return {"status", "data"} <= set(fields) or {"status", "errorType"} <= set(fields)

    @staticmethod
    def decode(document: Mapping[str, Any], into: Gathered) -> None:
        """Take vectors and matrices; a scalar has no name."""
        if document["status"] != "success":
            raise Malformed("an answer that tells of an error")
        into.dropped["warnings"] += len(document.get("warnings") or ())
        data = document["data"]
        if data["resultType"] in {"scalar", "string"}:
            into.dropped["unnamed"] += 1
            return
        for one in data["result"]:
            try:
                _series(one, into)
            except WRONG:
                into.dropped["malformed"] += 1


def _series(one: Mapping[str, Any], into: Gathered) -> None:
    points = one["values"] if "values" in one else [one["value"]] if "value" in one else []
    native = one.get("histograms") or ([one["histogram"]] if "histogram" in one else [])
    into.dropped["native_histogram"] += len(native)
    labels = one["metric"]
    metric = labels.get("__name__")
    if metric is None:
        into.dropped["unnamed"] += len(points)
        return
    told = tuple([item for item in labels.items() if item[0] != "__name__"])
    if points:
        times = [round(time * 1000) for time, _ in points]
        into.extend(into.place(metric, told), times, [float(value) for _, value in points])
