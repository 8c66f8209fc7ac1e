"""Attributes of OTLP as labels; which signal a topic carries, and how."""

import pytest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from aiops.ports import Event
from functions.detect.malformed import Malformed
from functions.detect.otlp import (
    labels_of,
    name_of,
    proto_labels_of,
    proto_resource_labels_of,
    resource_labels_of,
    text_of,
    unix_ms,
)
from functions.detect.sources import Source, source_of

VALUES = {
    "text": ({"stringValue": "a b"}, AnyValue(string_value="a b"), "a b"),
    "truth": ({"boolValue": True}, AnyValue(bool_value=True), "true"),
    "an integer as text": ({"intValue": "42"}, AnyValue(int_value=42), "42"),
    "an integer as number": ({"intValue": 42}, AnyValue(int_value=42), "42"),
    "a number": ({"doubleValue": 0.5}, AnyValue(double_value=0.5), "0.5"),
    "bytes": ({"bytesValue": "AQI="}, AnyValue(bytes_value=b"\x01\x02"), "AQI="),
    "nothing": ({}, AnyValue(), ""),
    "a list": (
        {"arrayValue": {"values": [{"stringValue": "x"}, {"intValue": "1"}]}},
        AnyValue(
            array_value=ArrayValue(values=[AnyValue(string_value="x"), AnyValue(int_value=1)])
        ),
        '["x",1]',
    ),
    "a map": (
        {"kvlistValue": {"values": [{"key": "k", "value": {"boolValue": False}}]}},
        AnyValue(
            kvlist_value=KeyValueList(values=[KeyValue(key="k", value=AnyValue(bool_value=False))])
        ),
        '{"k":false}',
    ),
}


@pytest.mark.parametrize("kind", VALUES)
def test_any_value_is_the_same_text_from_json_and_from_protobuf(kind: str) -> None:
    written, message, text = VALUES[kind]
    assert text_of(written) == text
    assert proto_labels_of([KeyValue(key="a.b", value=message)]) == {"a_b": text}


@pytest.mark.parametrize(
    "wrong", [[1], "x", {"key": "k"}, [{"value": {}}], [{"key": "k", "value": 3}],
              [{"key": "k", "value": {"intValue": "many"}}],
              [{"key": "k", "value": {"intValue": []}}]]
)  # fmt: skip
def test_attributes_that_are_none_are_told(wrong: object) -> None:
    with pytest.raises(Malformed):
        labels_of(wrong)


def test_a_value_nested_without_end_is_cut() -> None:
    value: dict[str, object] = {"stringValue": "deep"}
    for _ in range(150):
        value = {"arrayValue": {"values": [value]}}
    assert text_of(value) == "[" * 10 + "]" * 10


def test_resource_attributes_become_the_labels_everything_else_knows() -> None:
    attributes = {
        "service.name": "cart",
        "k8s.pod.name": "cart-1",
        "k8s.namespace.name": "shop",
        "k8s.pod.uid": "dropped",
        "telemetry.sdk.name": "dropped",
        "team": "red",
    }
    listed = [{"key": k, "value": {"stringValue": v}} for k, v in attributes.items()]
    expected = {"service": "cart", "pod": "cart-1", "namespace": "shop", "team": "red"}
    assert resource_labels_of({"attributes": listed}) == expected
    message = Resource(
        attributes=[KeyValue(key=k, value=AnyValue(string_value=v)) for k, v in attributes.items()]
    )
    assert proto_resource_labels_of(message) == expected
    assert resource_labels_of({}) == resource_labels_of(None) == {}


def test_names_are_those_of_prometheus_and_times_are_milliseconds() -> None:
    assert name_of("http.server.request.duration") == "http_server_request_duration"
    assert unix_ms("1544712660300999999") == unix_ms(1544712660300999999) == 1544712660300
    assert unix_ms(None) == 0
    with pytest.raises(Malformed):
        unix_ms("yesterday")


def plain(topic: str, content_type: str = "") -> Event:
    source = f"/apis/v1/namespaces/aiops/kafkasources/x#{topic}"
    return Event("1", source, "dev.knative.kafka.event", 0, b"", content_type=content_type)


def test_a_topic_says_which_signal_it_carries_and_how() -> None:
    topics = {"mine": Source(signal="traces"), "logs": Source(encoding="otlp_proto")}
    assert source_of(plain("metrics"), topics) == Source()
    assert source_of(plain("traces"), topics) == Source(signal="traces")
    assert source_of(plain("mine"), topics) == Source(signal="traces")
    assert source_of(plain("logs"), topics) == Source(encoding="otlp_proto")
    assert source_of(plain("otlp_spans"), {}) == Source(signal="traces", encoding="otlp_proto")
    assert source_of(Event("1", "anyone", "x", 0, b""), {}) == Source()


def test_the_content_type_of_a_record_comes_before_the_topic() -> None:
    assert source_of(plain("metrics", "application/x-protobuf"), {}).encoding == "otlp_proto"
    assert source_of(plain("otlp_metrics", "application/json; x=1"), {}).encoding == "json"
