"""CloudEvents as delivery carries them: from Kafka records, over HTTP, and back to records.

Source: CloudEvents 1.0 Kafka and HTTP protocol bindings; the event a plain record becomes is that
of knative-extensions/eventing-kafka-broker, InvalidCloudEventInterceptor.
"""

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from aiops.adapters.cloudevent import iso

PLAIN_TYPE = "dev.knative.kafka.event"
_REQUIRED = ("specversion", "id", "source", "type")
_STRUCTURED = "application/cloudevents+json"
_PRINTABLE = "".join(chr(code) for code in range(0x20, 0x7F))
RecordHeaders = Sequence[tuple[str, bytes | None]]


@dataclass(frozen=True, slots=True)
class Record:
    """A record as a consumer got it; `timestamp` in unix milliseconds."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: RecordHeaders = ()


@dataclass(frozen=True, slots=True)
class CloudEvent:
    """Context attributes and extensions by name, all as text, and the data as it is on the wire."""

    attributes: Mapping[str, str]
    data: bytes | None

    def extended(self, **extensions: str) -> "CloudEvent":
        """Return the event with extensions added or replaced."""
        return CloudEvent({**self.attributes, **extensions}, self.data)


def carried(record: Record) -> CloudEvent | None:
    """Return the CloudEvent a record is, in binary or structured mode, None where it is none."""
    headers = {name.lower(): _text(value) for name, value in record.headers}
    content_type = headers.pop("content-type", None)
    return _decode(headers, content_type, record.value, "ce_")


def wrapped(record: Record, source: str) -> CloudEvent:
    """Return the event that a record which is no CloudEvent is delivered as.

    Args:
        record: The record.
        source: The `source` attribute up to the topic, such as
            `/apis/v1/namespaces/aiops/kafkasources/metrics-to-detect`.
    """
    attributes = {
        "specversion": "1.0",
        "type": PLAIN_TYPE,
        "source": f"{source}#{record.topic}",
        "id": f"partition:{record.partition}/offset:{record.offset}",
        "subject": f"partition:{record.partition}#{record.offset}",
        "time": iso(record.timestamp),
    }
    for name, value in record.headers:
        if name.lower() == "content-type":
            attributes["datacontenttype"] = _text(value)
        plain = "".join(each for each in name.lower() if each.isascii() and each.isalnum())
        attributes[f"kafkaheader{plain}"] = _text(value)
    if record.key is not None:
        attributes["key"] = attributes["partitionkey"] = _text(record.key)
    return CloudEvent(attributes, record.value)


def numbered(event: CloudEvent, record: Record) -> CloudEvent:
    """Return the event with the place of its record, which every delivered event carries."""
    return event.extended(
        knativekafkapartition=str(record.partition), knativekafkaoffset=str(record.offset)
    )


def to_http(event: CloudEvent) -> dict[str, str]:
    """Return the headers of a request in binary mode; the body is the data.

    Characters HTTP has no room for are percent-encoded; `%` and `"` stay as they are, as the Kafka
    data plane leaves them.
    """
    headers = {
        f"ce-{name}": quote(value, safe=_PRINTABLE)
        for name, value in event.attributes.items()
        if name != "datacontenttype"
    }
    if "datacontenttype" in event.attributes:
        headers["content-type"] = quote(event.attributes["datacontenttype"], safe=_PRINTABLE)
    for name in ("traceparent", "tracestate"):
        if name in event.attributes:
            headers[name] = headers[f"ce-{name}"]
    return headers


def of_http(headers: Mapping[str, str], body: bytes) -> CloudEvent | None:
    """Return the CloudEvent a response is, None where it is none; header names in lower case."""
    others = {name: value for name, value in headers.items() if name != "content-type"}
    return _decode(others, headers.get("content-type"), body, "ce-")


def to_record(event: CloudEvent) -> tuple[bytes | None, bytes | None, list[tuple[str, bytes]]]:
    """Return key, value and headers of a record in binary mode; the key is `partitionkey`."""
    headers = [
        (f"ce_{name}", value.encode())
        for name, value in event.attributes.items()
        if name != "datacontenttype"
    ]
    if "datacontenttype" in event.attributes:
        headers.append(("content-type", event.attributes["datacontenttype"].encode()))
    key = event.attributes.get("partitionkey")
    return (None if key is None else key.encode()), event.data, headers


def _decode(
    headers: Mapping[str, str], content_type: str | None, body: bytes | None, prefix: str
) -> CloudEvent | None:
    if (content_type or "").startswith(_STRUCTURED):
        return _structured(body)
    attributes = {
        name.removeprefix(prefix): value
        for name, value in headers.items()
        if name.startswith(prefix)
    }
    if not all(attributes.get(name) for name in _REQUIRED):
        return None
    if content_type is not None:
        attributes["datacontenttype"] = content_type
    return CloudEvent(attributes, body)


def _structured(body: bytes | None) -> CloudEvent | None:
    try:
        fields = json.loads(body or b"")
        data = _data(fields)
    except (ValueError, AttributeError, RecursionError):
        return None
    attributes = {
        name: _attribute(value)
        for name, value in fields.items()
        if name not in {"data", "data_base64"} and value is not None
    }
    return CloudEvent(attributes, data) if all(attributes.get(n) for n in _REQUIRED) else None


def _data(fields: Mapping[str, Any]) -> bytes | None:
    """Return the data of a structured event as bytes.

    Raises:
        ValueError: `data_base64` is not base64.
    """
    encoded = fields.get("data_base64")
    if encoded is not None:
        try:
            return base64.b64decode(str(encoded), validate=True)
        except binascii.Error as error:
            raise ValueError("data_base64") from error
    data = fields.get("data")
    if data is None:
        return None
    if isinstance(data, str) and "json" not in str(fields.get("datacontenttype", "json")):
        return data.encode()
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()


def _attribute(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _text(value: bytes | None) -> str:
    return (value or b"").decode(errors="replace")
