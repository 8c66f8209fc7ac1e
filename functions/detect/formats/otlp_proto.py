"""Metrics of OTLP as protobuf: an `ExportMetricsServiceRequest`, or `MetricsData`, which is alike.

Source: opentelemetry-proto, collector/metrics/v1/metrics_service.proto, metrics/v1/metrics.proto.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from functions.detect.config import DetectConfig
from functions.detect.gathering import WRONG, Gathered, Pairs
from functions.detect.malformed import Malformed
from functions.detect.otlp import (
    DELTA,
    NO_RECORDED_VALUE,
    name_of,
    proto_labels_of,
    proto_resource_labels_of,
)
from functions.detect.points import Buckets, Point, Points

MS = 1_000_000
"""Nanoseconds of a millisecond."""


class Format:
    """Decodes metrics of OTLP.

    Args:
        config: Of `detect`.
    """

    def __init__(self, config: DetectConfig) -> None:
        self._dropped = config.dropped_attributes
        self._points = Points(config)
        self._take: Mapping[str, Callable[[Gathered, Point, Any], None]] = {
            "histogram": self._histogram,
            "exponential_histogram": self._exponential,
            "summary": self._summary,
        }

    @staticmethod
    def recognises(_: Collection[str]) -> bool:
        """Return that no JSON is of this format."""
        return False

    def decode(self, document: bytes, into: Gathered) -> None:
        """Take the data points of all metrics."""
        for resource in _read(document):
            base = proto_resource_labels_of(resource.resource, self._dropped)
            plain = tuple(base.items())
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    try:
                        self._metric(metric, (base, plain), into)
                    except WRONG:
                        into.dropped["malformed"] += 1

    def _metric(self, metric: Any, base: tuple[dict[str, str], Pairs], into: Gathered) -> None:
        kind, name = metric.WhichOneof("data"), name_of(metric.name)
        if kind == "gauge":
            self._numbers(metric.gauge.data_points, name, base, into)
        elif kind == "sum":
            if metric.sum.aggregation_temporality == DELTA:
                self._deltas(metric.sum.data_points, name, base, into)
            else:
                grows = metric.sum.is_monotonic
                self._numbers(metric.sum.data_points, name, base, into, grows=grows)
        elif kind is None:
            raise Malformed("a metric without data")
        else:
            data, take = getattr(metric, kind), self._take[kind]
            delta = getattr(data, "aggregation_temporality", 0) == DELTA
            for point in _recorded(data.data_points, into):
                times = point.start_time_unix_nano // MS, point.time_unix_nano // MS
                take(into, Point(name, _labels(point.attributes, base), *times, delta), point)

    @staticmethod
    def _numbers(
        points: Any,
        name: str,
        base: tuple[dict[str, str], Pairs],
        into: Gathered,
        *,
        grows: bool = False,
    ) -> None:
        for point in points:
            if point.flags & NO_RECORDED_VALUE:
                into.dropped["stale"] += 1
                continue
            labels = _labels(point.attributes, base)
            time = point.time_unix_nano // MS
            into.add(name, labels, "counter" if grows else "gauge", time, _value(point))

    def _deltas(
        self, points: Any, name: str, base: tuple[dict[str, str], Pairs], into: Gathered
    ) -> None:
        for point in _recorded(points, into):
            times = point.start_time_unix_nano // MS, point.time_unix_nano // MS
            told = Point(name, _labels(point.attributes, base), *times, delta=True)
            self._points.counted(into, told, _value(point))

    def _histogram(self, into: Gathered, told: Point, point: Any) -> None:
        self._points.buckets(into, told, Buckets(point.explicit_bounds, point.bucket_counts))
        self._points.totals(into, told, point.count, point.sum if point.HasField("sum") else None)

    def _exponential(self, into: Gathered, told: Point, point: Any) -> None:
        into.dropped["exponential_buckets"] += 1
        self._points.totals(into, told, point.count, point.sum if point.HasField("sum") else None)

    def _summary(self, into: Gathered, told: Point, point: Any) -> None:
        for one in point.quantile_values:
            self._points.told(into, told, one.quantile, one.value)
        self._points.totals(into, told, point.count, point.sum)


def _read(data: bytes) -> Any:
    """Return the resources of a request.

    Raises:
        Malformed: it is none, or holds none.
    """
    from google.protobuf.message import DecodeError
    from opentelemetry.proto.metrics.v1.metrics_pb2 import MetricsData

    try:
        found = MetricsData.FromString(data).resource_metrics
    except DecodeError:
        raise Malformed("no message of OTLP") from None
    if not found:
        raise Malformed("no metrics")
    return found


def _recorded(points: Any, into: Gathered) -> list[Any]:
    """Return the points that have a value."""
    found = [point for point in points if not point.flags & NO_RECORDED_VALUE]
    into.dropped["stale"] += len(points) - len(found)
    return found


def _value(point: Any) -> float:
    return point.as_double if point.HasField("as_double") else float(point.as_int)


def _labels(attributes: Any, base: tuple[dict[str, str], Pairs]) -> Pairs:
    """Return the attributes of a point and of its resource as labels."""
    return tuple((base[0] | proto_labels_of(attributes)).items()) if attributes else base[1]
