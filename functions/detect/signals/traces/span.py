"""One span as every format gives it. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address
from typing import Literal

from aiops.alerts import plain

Kind = Literal["internal", "server", "client", "producer", "consumer"]

KINDS: tuple[Kind, ...] = ("internal", "internal", "server", "client", "producer", "consumer")
"""By number. Source: opentelemetry-proto, trace/v1/trace.proto, `SpanKind`; 0 is unspecified."""

ASKED: tuple[Kind, ...] = ("server", "consumer")
ASKING: tuple[Kind, ...] = ("client", "producer")

FAILED = 2
"""`STATUS_CODE_ERROR`. Source: opentelemetry-proto, trace/v1/trace.proto, `Status`."""

_SERVER_ERROR = 500
_GRPC_ERRORS = frozenset(("2", "4", "12", "13", "14", "15"))
"""Status codes of gRPC that are failures of the server.

Source: OpenTelemetry, semantic conventions for gRPC, "Status": UNKNOWN, DEADLINE_EXCEEDED,
UNIMPLEMENTED, INTERNAL, UNAVAILABLE, DATA_LOSS.
"""

MAX_STORE = 200
"""Characters of the name of a store."""

LATEST = (1 << 63) - 1
"""Unix nanoseconds; what lies after the year 2262 is no time."""

MAX_OPERATION = 100
"""Characters of the name of an operation."""

_VARYING = re.compile(r"\d+|[0-9a-fA-F-]{8,}|.*\d{3}.*")
_DIGIT = re.compile(r"\d")


@dataclass(frozen=True, slots=True)
class Span:
    """Something that was done, as whoever did it measured it.

    Attributes:
        labels: Of its resource, by the names that series of metrics use.
        operation: What was done, without what differs from time to time.
        end: Unix milliseconds.
        seconds: How long it took.
        failed: Whether it did.
        trace: Hexadecimal, empty where it has none; likewise the other ids.
        parent: Id of the span that caused it.
        store: The database that a client talked to; empty for none.
    """

    labels: Mapping[str, str]
    operation: str
    kind: Kind
    end: int
    seconds: float
    failed: bool
    trace: str
    id: str
    parent: str
    store: str = ""


def kind_of(number: int) -> Kind:
    """Return the kind that a number stands for; `internal` for one that nobody knows."""
    return KINDS[number] if 0 <= number < len(KINDS) else "internal"


def failed(kind: Kind, status: int, attributes: Mapping[str, str]) -> bool:
    """Return whether a span failed: by its status, else by what was answered."""
    if status:
        return status == FAILED
    if kind != "server":
        return False
    http = attributes.get("http_response_status_code") or attributes.get("http_status_code", "")
    answered = int(http) if http.isdecimal() and len(http) == 3 else 0
    return answered >= _SERVER_ERROR or attributes.get("rpc_grpc_status_code") in _GRPC_ERRORS


def store_of(attributes: Mapping[str, str]) -> str:
    """Return what a client talked to that sends no spans of its own, empty for anything else."""
    system = attributes.get("db_system_name") or attributes.get("db_system")
    if not system:
        return ""
    named = (attributes.get(name) for name in ("peer_service", "server_address", "net_peer_name"))
    told = next(filter(None, named), "")
    host = "" if _is_address(told) else plain(told.partition(".")[0])
    return (host or plain(system))[:MAX_STORE]


def _is_address(told: str) -> bool:
    try:
        ip_address(told.strip("[]"))
    except ValueError:
        return told.replace(":", "").isdecimal()
    return True


@lru_cache(maxsize=1 << 14)
def operation_of(name: str) -> str:
    """Return the name of an operation with the parts masked that differ from time to time."""
    words = (
        "/".join("<*>" if _varies(part) else part for part in word.split("/"))
        for word in name[: 4 * MAX_OPERATION].partition("?")[0].split()
    )
    printable = "".join(c if c.isprintable() else " " for c in " ".join(words))
    return printable[:MAX_OPERATION].strip() or "unknown"


def _varies(part: str) -> bool:
    return _VARYING.fullmatch(part) is not None and _DIGIT.search(part) is not None
