"""What a receiver of CDEvents accepts: incidents by the schemas of the specification 0.5.

The models say what the JSON schemas of `incident.detected` and `incident.resolved` say: which
members there are, which have to be there, and that there are no others.
Source: https://github.com/cdevents/spec/tree/v0.5.1/schemas
"""

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal
from urllib.parse import unquote

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, ValidationError

from local.receiving import Fault, Message, cloudevent

_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_REFERENCE = re.compile(r"[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]+")


def _date_time(text: str) -> str:
    if not _DATE_TIME.fullmatch(text):
        raise ValueError("no RFC 3339 date and time")
    datetime.fromisoformat(text)
    return text


def _reference(text: str) -> str:
    if not _REFERENCE.fullmatch(text):
        raise ValueError("no URI reference")
    return text


Text = Annotated[str, Field(min_length=1)]
DateTime = Annotated[str, AfterValidator(_date_time)]
UriReference = Annotated[str, AfterValidator(_reference)]


class _Object(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)


class Context(_Object):
    """What is common to all CDEvents."""

    specversion: Text
    id: Text
    source: UriReference
    type: Literal["dev.cdevents.incident.detected.0.3.0", "dev.cdevents.incident.resolved.0.3.0"]
    timestamp: DateTime
    schemaUri: UriReference | None = None  # noqa: N815 - the specification's name
    chainId: Text | None = None  # noqa: N815 - the specification's name


class Reference(_Object):
    """An environment or a service."""

    id: Text
    source: UriReference | None = None


class Content(_Object):
    """What an incident is about."""

    environment: Reference
    description: str | None = None
    service: Reference | None = None
    artifactId: Text | None = None  # noqa: N815 - the specification's name


class Subject(_Object):
    """The incident."""

    id: Text
    type: Literal["incident"]
    content: Content
    source: UriReference | None = None


class IncidentEvent(_Object):
    """A CDEvent about an incident."""

    context: Context
    subject: Subject
    customData: dict[str, JsonValue] | str | None = None  # noqa: N815 - the specification's name
    customDataContentType: str | None = None  # noqa: N815 - the specification's name


def cdevent(headers: Mapping[str, str], body: bytes) -> Message:
    """Check a CDEvent in a CloudEvent in binary mode: its schema, and that both say the same.

    Raises:
        Fault: with status 400 and the members that are wrong.
    """
    kind = cloudevent(headers)
    if not headers["content-type"].startswith("application/json"):
        raise Fault(400, b"not JSON")
    try:
        event = IncidentEvent.model_validate(json.loads(body))
    except ValidationError as error:
        wrong = sorted({".".join(map(str, one["loc"])) for one in error.errors()})
        raise Fault(400, f"schema: {', '.join(wrong)}".encode()) from None
    except ValueError:
        raise Fault(400, b"schema: not JSON") from None
    context = event.context
    said = {
        "id": (headers["ce-id"], context.id),
        "source": (headers["ce-source"], context.source),
        "type": (kind, context.type),
        "time": (headers.get("ce-time"), context.timestamp),
        "subject": (unquote(headers.get("ce-subject", "")), event.subject.id),
    }
    differ = [name for name, (outside, inside) in said.items() if outside != inside]
    if differ:
        raise Fault(400, f"not what the context says: {', '.join(differ)}".encode())
    custom = event.customData if isinstance(event.customData, dict) else {}
    lines = (event.subject.content.description or "", *map(str, custom.values()))
    return Message("cdevents", context.id, str(custom.get("step", "")), context.type, lines)
