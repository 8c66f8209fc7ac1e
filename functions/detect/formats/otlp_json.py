"""Metrics of OTLP as JSON.

Source: opentelemetry-proto, metrics/v1/metrics.proto and docs/specification.md, "JSON Protobuf
Encoding"; an example is examples/metrics.json there. Names as in OpenTelemetry, "Prometheus and
OpenMetrics Compatibility", without the suffixes that tell unit and type.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from functions.detect.config import DetectConfig
from functions.detect.gathering import WRONG, Gathered, Pairs
from functions.detect.malformed import Malformed
from functions.detect.otlp import (
    DELTA,
    NO_RECORDED_VALUE,
    labels_of,
    name_of,
    resource_labels_of,
    unix_ms,
)
from functions.detect.points import Buckets, Point, Points

Take = Callable[[Gathered, Point, Mapping[str, Any]], None]


class Format:
    """Decodes metrics of OTLP.

    Args:
        config: Of `detect`.
    """

    def __init__(self, config: DetectConfig) -> None:
        self._dropped = config.dropped_attributes
        self._points = Points(config)
        self._take: Mapping[str, Take] = {
            "histogram": self._histogram,
            "exponentialHistogram": self._exponential,
            "summary": self._summary,
        }

    @staticmethod
    def recognises(fields: Collection[str]) -> bool:
        """Return whether these are the fields of a request or of metrics data."""
        return "resourceMetrics" in fields

    def decode(self, document: Mapping[str, Any], into: Gathered) -> None:
        """Take the data points of all metrics."""
        for resource in document["resourceMetrics"]:
            try:
                base = resource_labels_of(resource.get("resource"), self._dropped)
                for scope in resource.get("scopeMetrics") or ():
                    self._scope(scope, base, into)
            except WRONG:
                into.dropped["malformed"] += 1

    def _scope(self, scope: Mapping[str, Any], base: dict[str, str], into: Gathered) -> None:
        plain = tuple(base.items())
        for metric in scope.get("metrics") or ():
            try:
                name = name_of(metric["name"])
                if "gauge" in metric:
                    self._numbers(metric["gauge"], name, (base, plain), into)
                elif "sum" in metric:
                    self._numbers(metric["sum"], name, (base, plain), into)
                else:
                    self._others(metric, name, (base, plain), into)
            except WRONG:
                into.dropped["malformed"] += 1

    def _numbers(
        self, data: Mapping[str, Any], name: str, base: tuple[dict[str, str], Pairs], into: Gathered
    ) -> None:
        """Take the points of a gauge or a sum; whatever is cumulative is taken as it is."""
        delta = data.get("aggregationTemporality") == DELTA
        kind: Any = "counter" if data.get("isMonotonic") else "gauge"
        for point in data.get("dataPoints") or ():
            try:
                if int(point.get("flags") or 0) & NO_RECORDED_VALUE:
                    into.dropped["stale"] += 1
                    continue
                value = point.get("asDouble")
                value = float(int(point["asInt"]) if value is None else value)
                labels = _labels(point.get("attributes"), base)
                time = int(point["timeUnixNano"]) // 1_000_000
                if delta:
                    start = unix_ms(point.get("startTimeUnixNano"))
                    self._points.counted(into, Point(name, labels, start, time, delta=True), value)
                else:
                    into.add(name, labels, kind, time, value)
            except WRONG:
                into.dropped["malformed"] += 1

    def _others(
        self,
        metric: Mapping[str, Any],
        name: str,
        base: tuple[dict[str, str], Pairs],
        into: Gathered,
    ) -> None:
        kind = next((one for one in self._take if one in metric), None)
        if kind is None:
            raise Malformed("a metric without data")
        delta = metric[kind].get("aggregationTemporality") == DELTA
        for point in metric[kind].get("dataPoints") or ():
            try:
                if int(point.get("flags") or 0) & NO_RECORDED_VALUE:
                    into.dropped["stale"] += 1
                    continue
                times = unix_ms(point.get("startTimeUnixNano")), unix_ms(point["timeUnixNano"])
                told = Point(name, _labels(point.get("attributes"), base), *times, delta)
                self._take[kind](into, told, point)
            except WRONG:
                into.dropped["malformed"] += 1

    def _histogram(self, into: Gathered, told: Point, point: Mapping[str, Any]) -> None:
        counts = [int(count) for count in point.get("bucketCounts") or ()]
        self._points.buckets(into, told, Buckets(point.get("explicitBounds") or (), counts))
        self._totals(into, told, point)

    def _exponential(self, into: Gathered, told: Point, point: Mapping[str, Any]) -> None:
        into.dropped["exponential_buckets"] += 1
        self._totals(into, told, point)

    def _summary(self, into: Gathered, told: Point, point: Mapping[str, Any]) -> None:
        for one in point.get("quantileValues") or ():
            q, value = float(one.get("quantile") or 0.0), float(one.get("value") or 0.0)
            self._points.told(into, told, q, value)
        self._totals(into, told, point)

    def _totals(self, into: Gathered, told: Point, point: Mapping[str, Any]) -> None:
        total = point.get("sum")
        count = float(int(point.get("count") or 0))
        self._points.totals(into, told, count, None if total is None else float(total))


def _labels(attributes: Any, base: tuple[dict[str, str], Pairs]) -> Pairs:
    """Return the attributes of a point and of its resource as labels."""
    if not attributes:
        return base[1]
    return tuple((base[0] | labels_of(attributes)).items())
