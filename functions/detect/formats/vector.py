"""Vector's metrics, encoded as JSON.

`{"name": "login", "namespace": "app", "tags": {"host": "m"}, "timestamp":
"2020-10-10T17:07:36.123456789Z", "kind": "absolute", "counter": {"value": 24.2}}`; with
`interval_ms` where it is known over which time something incremental was counted.
Source: vectordotdev/vector, lib/vector-core/src/event/metric, `MetricValue`, `MetricData`.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from functions.detect.config import DetectConfig
from functions.detect.gathering import Gathered, Pairs, unix_ms
from functions.detect.otlp import label_of, name_of
from functions.detect.points import Buckets, Point, Points

_VALUES = frozenset((
    "counter", "gauge", "set", "distribution", "aggregated_histogram", "aggregated_summary",
    "sketch",
))  # fmt: skip


class Format:
    """Decodes metrics of Vector.

    Args:
        config: Of `detect`.
    """

    def __init__(self, config: DetectConfig) -> None:
        self._points = Points(config)
        self._take: Mapping[str, Callable[[Gathered, Point, Any], None]] = {
            "counter": self._counter,
            "gauge": self._gauge,
            "set": self._set,
            "distribution": self._distribution,
            "aggregated_histogram": self._histogram,
            "aggregated_summary": self._summary,
        }

    @staticmethod
    def recognises(fields: Collection[str]) -> bool:
        """Return whether these are the fields of a metric."""
        found = set(fields)
        return {"name", "kind"} <= found and len(found & _VALUES) == 1

    def decode(self, document: Mapping[str, Any], into: Gathered) -> None:
        """Take a metric; one without a time is of the time of its record."""
        (kind,) = _VALUES & set(document)
        take = self._take.get(kind)
        if take is None:
            into.dropped["sketch"] += 1
            return
        namespace, name = document.get("namespace"), document["name"]
        metric = name_of(f"{namespace}_{name}" if namespace else name)
        stated = document.get("timestamp")
        time = into.time if stated is None else unix_ms(stated)
        start = time - int(document.get("interval_ms") or 0)
        labels = _labels(document.get("tags") or {})
        point = Point(metric, labels, start, time, document["kind"] == "incremental")
        take(into, point, document[kind])

    def _counter(self, into: Gathered, point: Point, value: Any) -> None:
        self._points.counted(into, point, float(value["value"]))

    @staticmethod
    def _gauge(into: Gathered, point: Point, value: Any) -> None:
        if point.delta:
            into.dropped["relative"] += 1
        else:
            into.add(point.metric, point.labels, "gauge", point.time, float(value["value"]))

    @staticmethod
    def _set(into: Gathered, point: Point, value: Any) -> None:
        into.add(point.metric, point.labels, "gauge", point.time, float(len(value["values"])))

    def _distribution(self, into: Gathered, point: Point, value: Any) -> None:
        weights: dict[float, float] = {}
        for one in value["samples"]:
            at = float(one["value"])
            weights[at] = weights.get(at, 0.0) + float(one["rate"])
        self._points.exact(into, point, weights)
        self._points.counted(into, point, sum(weights.values()), "_count")

    def _histogram(self, into: Gathered, point: Point, value: Any) -> None:
        bounds = [float(one["upper_limit"]) for one in value["buckets"]]
        counts = [float(one["count"]) for one in value["buckets"]]
        self._points.buckets(into, point, Buckets(bounds, counts))
        self._points.totals(into, point, float(value["count"]), float(value["sum"]))

    def _summary(self, into: Gathered, point: Point, value: Any) -> None:
        for one in value["quantiles"]:
            self._points.told(into, point, float(one["quantile"]), float(one["value"]))
        self._points.totals(into, point, float(value["count"]), float(value["sum"]))


def _labels(tags: Mapping[str, Any]) -> Pairs:
    """Return tags as labels; of a tag that was given several values the last counts."""
    found = []
    for tag, given in tags.items():
        texts = [one for one in given if one] if isinstance(given, list) else [given]
        if texts and texts[-1] is not None:
            found.append((label_of(tag), texts[-1]))
    return tuple(found)
