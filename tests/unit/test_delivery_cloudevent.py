import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.delivery.cloudevent import (
    CloudEvent,
    Record,
    carried,
    numbered,
    of_http,
    to_http,
    to_record,
    wrapped,
)

BINARY = (
    ("ce_specversion", b"1.0"),
    ("ce_id", b"a-1"),
    ("ce_source", b"/shop"),
    ("ce_type", b"test.asked"),
)
SOURCE = "/apis/v1/namespaces/aiops/kafkasources/metrics-to-detect"


def record(
    value: bytes | None = b"{}",
    headers: tuple[tuple[str, bytes | None], ...] = (),
    key: bytes | None = None,
) -> Record:
    return Record("metrics", 3, 17, 1_700_000_000_123, key, value, headers)


def test_a_plain_record_becomes_a_knative_kafka_event_with_all_its_attributes() -> None:
    headers = (("X-Origin Zone", b"eu"), ("Content-Type", b"text/csv"), ("empty", None))
    event = wrapped(record(b"a,b", headers, b"checkout"), SOURCE)
    assert event.data == b"a,b"
    assert event.attributes == {
        "specversion": "1.0",
        "type": "dev.knative.kafka.event",
        "source": f"{SOURCE}#metrics",
        "id": "partition:3/offset:17",
        "subject": "partition:3#17",
        "time": "2023-11-14T22:13:20.123Z",
        "datacontenttype": "text/csv",
        "kafkaheaderxoriginzone": "eu",
        "kafkaheadercontenttype": "text/csv",
        "kafkaheaderempty": "",
        "key": "checkout",
        "partitionkey": "checkout",
    }


def test_a_plain_record_without_key_and_content_type_has_neither() -> None:
    attributes = wrapped(record(), SOURCE).attributes
    assert not {"key", "partitionkey", "datacontenttype"} & attributes.keys()
    assert "content-type" not in to_http(wrapped(record(), SOURCE))


def test_a_record_with_cloudevent_headers_passes_unchanged_and_its_key_is_not_added() -> None:
    headers = (*BINARY, ("ce_stage", b"act"), ("content-type", b"application/json"))
    event = carried(record(b'{"a": 1}', headers, b"key"))
    assert event == CloudEvent(
        {
            "specversion": "1.0",
            "id": "a-1",
            "source": "/shop",
            "type": "test.asked",
            "stage": "act",
            "datacontenttype": "application/json",
        },
        b'{"a": 1}',
    )


def test_an_event_of_headers_alone_has_no_data() -> None:
    event = carried(record(None, BINARY))
    assert event is not None
    assert event.data is None


@pytest.mark.parametrize("missing", ["ce_id", "ce_type", "ce_source", "ce_specversion"])
def test_a_record_that_lacks_a_required_attribute_is_no_cloudevent(missing: str) -> None:
    some = tuple(header for header in BINARY if header[0] != missing)
    assert carried(record(b"{}", some)) is None


def structured(body: bytes) -> CloudEvent | None:
    return carried(
        record(body, (("content-type", b"application/cloudevents+json; charset=utf-8"),))
    )


def test_a_structured_record_is_taken_apart() -> None:
    fields = {
        "specversion": "1.0",
        "id": "a-1",
        "source": "/shop",
        "type": "test.asked",
        "level": 4,
        "urgent": True,
        "nothing": None,
        "datacontenttype": "application/json",
        "data": {"ü": [1, 2.5]},
    }
    event = structured(json.dumps(fields).encode())
    assert event is not None
    assert event.data == '{"ü":[1,2.5]}'.encode()
    assert event.attributes["level"] == "4"
    assert event.attributes["urgent"] == "true"
    assert "nothing" not in event.attributes


@pytest.mark.parametrize(
    ("member", "expected"),
    [
        ({"data": "text", "datacontenttype": "text/plain"}, b"text"),
        ({"data": "text"}, b'"text"'),
        ({"data_base64": base64.b64encode(b"\x00\xff").decode()}, b"\x00\xff"),
        ({}, None),
    ],
)
def test_structured_data_is_what_its_content_type_says(
    member: dict[str, str], expected: bytes | None
) -> None:
    fields = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t", **member}
    event = structured(json.dumps(fields).encode())
    assert event is not None
    assert event.data == expected


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b'{"id": "1"}',
        b"[" * 100_000,
        b'{"specversion":"1.0","id":"1","source":"/s","type":"t","data_base64":"?"}',
    ],
)
def test_a_broken_structured_record_is_no_cloudevent(body: bytes) -> None:
    assert structured(body) is None


def test_every_delivered_event_says_where_its_record_is() -> None:
    attributes = numbered(CloudEvent({}, None), record()).attributes
    assert attributes == {"knativekafkapartition": "3", "knativekafkaoffset": "17"}


def test_http_headers_are_binary_mode_and_hand_the_trace_on() -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    event = CloudEvent({"id": "1", "traceparent": trace, "datacontenttype": "a/b"}, b"")
    assert to_http(event) == {
        "ce-id": "1",
        "ce-traceparent": trace,
        "traceparent": trace,
        "content-type": "a/b",
    }


def test_what_http_headers_cannot_hold_is_percent_encoded_and_the_rest_is_left_alone() -> None:
    headers = to_http(CloudEvent({"key": 'a "b" 5%\r\nü'}, None))
    assert headers["ce-key"] == 'a "b" 5%%0D%0A%C3%BC'


def test_a_response_in_either_mode_is_an_event_and_another_is_none() -> None:
    binary = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/s", "ce-type": "t"}
    assert of_http(binary, b"x") is not None
    fields = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t"}
    structured_mode = {"content-type": "application/cloudevents+json"}
    assert of_http(structured_mode, json.dumps(fields).encode()) is not None
    assert of_http({"content-type": "text/html"}, b"OK") is None


names = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=10)
texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)


@given(st.dictionaries(names, texts), st.none() | st.binary(), texts, st.none() | texts)
def test_an_event_written_as_a_record_is_read_back_the_same(
    extensions: dict[str, str], data: bytes | None, text: str, content_type: str | None
) -> None:
    required = {"specversion": "1.0", "id": text, "source": text, "type": text}
    attributes = extensions | required
    if content_type is not None and not content_type.startswith("application/cloudevents"):
        attributes["datacontenttype"] = content_type
    event = CloudEvent(attributes, data)
    key, value, headers = to_record(event)
    assert carried(record(value, tuple(headers))) == event
    assert key == (extensions["partitionkey"].encode() if "partitionkey" in extensions else None)
