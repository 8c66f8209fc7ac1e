"""What all signals of OTLP share: attributes as labels, any values as text, times. Pure.

Source: OpenTelemetry Protocol, common/v1/common.proto and resource/v1/resource.proto; for JSON
docs/specification.md, "JSON Protobuf Encoding": lowerCamelCase names, integers of 64 bits as
text or number, unknown fields ignored.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

from functions.detect.malformed import Malformed

Pairs = tuple[tuple[str, str], ...]
"""Labels in the order they were sent."""

KNOWN = {
    "service.name": "service",
    "service.instance.id": "instance",
    "host.name": "host",
    "k8s.cluster.name": "cluster",
    "k8s.namespace.name": "namespace",
    "k8s.node.name": "node",
    "k8s.pod.name": "pod",
    "k8s.container.name": "container",
    "k8s.deployment.name": "deployment",
    "k8s.statefulset.name": "statefulset",
    "k8s.daemonset.name": "daemonset",
    "k8s.replicaset.name": "replicaset",
    "k8s.job.name": "k8s_job",
    "k8s.cronjob.name": "cronjob",
}
"""Attributes whose label is another word than their own; `job` means something else elsewhere."""

DROPPED = (
    r"telemetry\..*",
    r"os\..*",
    r"process\.runtime\..*",
    r"process\.command.*",
    r"k8s\..*\.uid",
)
"""Resource attributes that tell no series from another, and change when software does."""

DELTA = 1
"""The value of `AggregationTemporality` for what is counted since the message before."""

NO_RECORDED_VALUE = 1
"""Bit of `DataPointFlags`: the series has ended, as a stale marker of Prometheus."""

DEEPEST = 8
"""Lists and maps in each other that are read; what lies deeper is left out."""


def unix_ms(nanoseconds: Any) -> int:
    """Return unix nanoseconds, as text or number, as unix milliseconds; 0 where there are none.

    Raises:
        Malformed: it is neither.
    """
    try:
        return 0 if nanoseconds is None else int(nanoseconds) // 1_000_000
    except (TypeError, ValueError, OverflowError):
        raise Malformed("no time") from None


@lru_cache(maxsize=1 << 12)
def label_of(attribute: str) -> str:
    """Return the label an attribute becomes.

    Source: OpenTelemetry, "Prometheus and OpenMetrics Compatibility": what is no letter, digit or
    underscore becomes an underscore.
    """
    return KNOWN.get(attribute) or re.sub(r"[^a-zA-Z0-9_]", "_", attribute)


@lru_cache(maxsize=1 << 12)
def name_of(metric: str) -> str:
    """Return the name of a metric, with what Prometheus takes for no part of one replaced."""
    return re.sub(r"[^a-zA-Z0-9_:]", "_", metric)


@lru_cache(maxsize=1 << 12)
def is_dropped(attribute: str, patterns: tuple[str, ...]) -> bool:
    """Return whether a resource attribute is one of those left out."""
    return any(re.fullmatch(pattern, attribute) for pattern in patterns)


def text_of(value: object, *, depth: int = 0) -> str:
    """Return an `AnyValue` of OTLP JSON as text, empty where it has none.

    Raises:
        Malformed: it is no `AnyValue`.
    """
    if not isinstance(value, Mapping):
        raise Malformed("no value")
    text = value.get("stringValue")
    return text if isinstance(text, str) else _written(plain(value, depth=depth))


def plain(value: object, *, depth: int = 0) -> Any:
    """Return an `AnyValue` of OTLP JSON as what it stands for; bytes stay base64.

    Raises:
        Malformed: it is no `AnyValue`.
    """
    if not isinstance(value, Mapping):
        raise Malformed("no value")
    for kind, given in value.items():
        read = _PLAIN.get(kind)
        if read is not None:
            try:
                return read(given, depth)
            except (TypeError, ValueError, OverflowError):
                raise Malformed("a value of another type than it says") from None
    return None


def labels_of(attributes: object) -> dict[str, str]:
    """Return attributes of OTLP JSON as labels.

    Raises:
        Malformed: they are no list of `KeyValue`.
    """
    if attributes is None:
        return {}
    if not isinstance(attributes, list):
        raise Malformed("no attributes")
    found = {}
    for one in attributes:
        key = one.get("key") if isinstance(one, Mapping) else None
        if not isinstance(key, str):
            raise Malformed("no attribute")
        found[label_of(key)] = text_of(one.get("value", {}))
    return found


def resource_labels_of(resource: object, dropped: tuple[str, ...] = DROPPED) -> dict[str, str]:
    """Return the attributes of a resource of OTLP JSON as labels, some of them left out.

    Raises:
        Malformed: it is no `Resource`.
    """
    if resource is None:
        return {}
    attributes = resource.get("attributes") if isinstance(resource, Mapping) else resource
    if not isinstance(attributes, list):
        return labels_of(attributes)
    return labels_of([one for one in attributes if not _unwanted(one, dropped)])


def proto_text_of(value: Any, *, depth: int = 0) -> str:
    """Return an `AnyValue` message as text, empty where it has none."""
    text: str = value.string_value
    return text or _written(proto_plain(value, depth=depth))


def proto_plain(value: Any, *, depth: int = 0) -> Any:
    """Return an `AnyValue` message as what it stands for; bytes become base64 as in JSON."""
    kind = value.WhichOneof("value")
    if kind is None or depth > DEEPEST:
        return None
    given = getattr(value, kind)
    if kind == "array_value":
        return [proto_plain(one, depth=depth + 1) for one in given.values]
    if kind == "kvlist_value":
        return {one.key: proto_plain(one.value, depth=depth + 1) for one in given.values}
    if kind == "bytes_value":
        from base64 import b64encode

        return b64encode(given).decode()
    return given


def proto_labels_of(attributes: Iterable[Any]) -> dict[str, str]:
    """Return `KeyValue` messages as labels."""
    return {label_of(one.key): proto_text_of(one.value) for one in attributes}


def proto_resource_labels_of(resource: Any, dropped: tuple[str, ...] = DROPPED) -> dict[str, str]:
    """Return the attributes of a `Resource` message as labels, some of them left out."""
    return proto_labels_of(one for one in resource.attributes if not is_dropped(one.key, dropped))


def _unwanted(attribute: object, dropped: tuple[str, ...]) -> bool:
    key = attribute.get("key") if isinstance(attribute, Mapping) else None
    return isinstance(key, str) and is_dropped(key, dropped)


def _written(given: Any) -> str:
    if given is None:
        return ""
    if isinstance(given, str):
        return given
    return json.dumps(given, separators=(",", ":"), ensure_ascii=False, sort_keys=True)


def _listed(given: object, depth: int) -> list[Any]:
    values = given.get("values") if isinstance(given, Mapping) else None
    if not isinstance(values, list) or depth > DEEPEST:
        return []
    return [plain(one, depth=depth + 1) for one in values]


def _mapped(given: object, depth: int) -> dict[str, Any]:
    values = given.get("values") if isinstance(given, Mapping) else None
    if not isinstance(values, list) or depth > DEEPEST:
        return {}
    return {
        str(one.get("key")): plain(one.get("value", {}), depth=depth + 1)
        for one in values
        if isinstance(one, Mapping)
    }


_PLAIN: Mapping[str, Callable[[Any, int], Any]] = {
    "stringValue": lambda given, _: str(given),
    "boolValue": lambda given, _: bool(given),
    "intValue": lambda given, _: int(given),
    "doubleValue": lambda given, _: float(given),
    "bytesValue": lambda given, _: str(given),
    "arrayValue": _listed,
    "kvlistValue": _mapped,
}
