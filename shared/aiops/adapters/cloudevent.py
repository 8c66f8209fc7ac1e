"""CloudEvents in and out: the only importer of the CloudEvents SDK."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from cloudevents.exceptions import GenericException
from cloudevents.http import CloudEvent, from_http
from cloudevents.kafka import to_binary
from pydantic import ValidationError

from aiops.errors import Rejected
from aiops.events import YEAR_10000, Fact
from aiops.ports import Event, Message

_ATTRIBUTES = frozenset(
    ("id", "source", "specversion", "type", "subject", "time", "datacontenttype", "dataschema")
)
MAX_AHEAD_MS = 300_000
"""How far an event's own time may lie after its arrival."""

_REQUIRED = ("specversion", "id", "source", "type")
AnyFact = TypeVar("AnyFact", bound=Fact)


def decode(headers: Mapping[str, str], body: bytes, now: int) -> Event:
    """Read a CloudEvent from an HTTP request, binary or structured; the data stays bytes.

    Raises:
        Rejected: it is no CloudEvent, or an attribute is wrong; the message names it.
    """
    lower = {name.lower(): value for name, value in headers.items()}
    if lower.get("content-type", "").startswith("application/cloudevents-batch"):
        raise Rejected("content-type: batched CloudEvents are not taken, send one event a request")
    if lower.get("content-encoding", "identity") != "identity":
        raise Rejected("content-encoding: a compressed body is not taken")
    stated = _stated(lower, body)
    for name in _REQUIRED:
        if not stated.get(name):
            raise Rejected(f"no CloudEvent: no attribute {name}")
    try:
        event = from_http(lower, body, data_unmarshaller=_keep)
    except (GenericException, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise Rejected(f"no CloudEvent: {_without_content(error)}") from None
    attributes = event.get_attributes()
    _check_text(attributes)
    return Event(
        id=str(attributes["id"]),
        source=str(attributes["source"]),
        type=str(attributes["type"]),
        time=_believed(_unix_ms(stated.get("time"), now), now),
        data=event.get_data() or b"",
        subject=attributes.get("subject"),
        extensions=_extensions(attributes, lower),
        content_type=str(attributes.get("datacontenttype") or ""),
    )


def read_fact(event: Event, fact: type[AnyFact]) -> AnyFact:
    """Validate an event's data.

    Raises:
        Rejected: the message names the first field that is wrong, never its content.
    """
    try:
        return fact.model_validate_json(event.data)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "data"
        raise Rejected(f"{event.type}: {where[:200]}: {first['msg'][:200]}") from None


def encode(message: Message) -> tuple[bytes, bytes, list[tuple[str, bytes]]]:
    """Return key, value and headers of a message as a Kafka record in binary mode."""
    event = message.event
    attributes: dict[str, str] = {
        "id": event.id,
        "source": event.source,
        "type": event.type,
        "time": iso(event.time),
        "datacontenttype": "application/json",
        **event.extensions,
        "partitionkey": message.key,
    }
    if event.subject is not None:
        attributes["subject"] = event.subject
    record = to_binary(
        CloudEvent(attributes, event.data), data_marshaller=_keep, key_mapper=lambda _: message.key
    )
    headers = {**record.headers, "ce_partitionkey": message.key.encode()}
    return message.key.encode(), event.data, list(headers.items())


def iso(ms: int) -> str:
    """Return unix milliseconds as RFC 3339 in UTC, such as `2026-01-31T12:00:00.250Z`."""
    seconds, rest = divmod(ms, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:03d}Z"


def _keep(data: object) -> bytes:
    """Return data as bytes: binary mode has them already, structured mode has parsed them."""
    if isinstance(data, bytes | str):
        return data.encode() if isinstance(data, str) else data
    return json.dumps(data).encode()


def _stated(headers: Mapping[str, str], body: bytes) -> Mapping[str, Any]:
    """Return the attributes as the sender stated them.

    The SDK makes up an id and a time where there is none; a made-up id would be another one with
    each delivery.
    """
    if not headers.get("content-type", "").startswith("application/cloudevents"):
        return {name[3:]: value for name, value in headers.items() if name.startswith("ce-")}
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise Rejected("no CloudEvent: the body is no JSON object")
    return content


def _check_text(attributes: Mapping[str, Any]) -> None:
    """Refuse attributes that cannot be passed on: JSON can escape halves of a character."""
    if not isinstance(attributes.get("subject"), str | None):
        raise Rejected("subject: not a text")
    for name, value in attributes.items():
        try:
            f"{name}{value}".encode()
        except UnicodeEncodeError:
            raise Rejected(f"{name[:200]!a}: half a character") from None


def _extensions(attributes: Mapping[str, Any], headers: Mapping[str, str]) -> dict[str, str]:
    """Return the extension attributes; the trace context may travel as an HTTP header instead."""
    found = {
        name: str(value)
        for name, value in attributes.items()
        if name not in _ATTRIBUTES and value is not None
    }
    if "traceparent" in headers:
        found.setdefault("traceparent", headers["traceparent"])
    return found


def _believed(time: int, now: int) -> int:
    """Return an event's own time; the arrival's where it lies far ahead of it.

    Samples are held against the time of their event. A sender whose clock is wrong would
    otherwise move its series, and the incidents of all, into a future that shuts out the present.
    """
    return now if time > now + MAX_AHEAD_MS else time


def _unix_ms(text: str | None, now: int) -> int:
    if text is None:
        return now
    try:
        moment = datetime.fromisoformat(text)
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        ms = round(aware.timestamp() * 1000)
    except (ValueError, OverflowError, TypeError):
        raise Rejected("time: not an RFC 3339 timestamp") from None
    if not 0 <= ms < YEAR_10000:
        raise Rejected("time: before 1970 or after 9999")
    return ms


def _without_content(error: BaseException) -> str:
    """Return what the SDK says is wrong, but nothing that it quotes from the body.

    What it quotes from attributes may be half a character, which no answer could carry.
    """
    said = str(error).encode(errors="backslashreplace").decode()
    text = (said.splitlines() or [""])[0]
    quotes = "json" in text.lower() or "deserialized" in text
    return type(error).__name__ if quotes else text[:200]
