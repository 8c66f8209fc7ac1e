"""Events of Kubernetes as they are passed on: one, several, or what a watch says of them. Pure."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from pydantic_core import from_json

from aiops.alertmanager import unix_ms
from aiops.errors import Rejected
from aiops.ports import Counts
from functions.detect.signals.kubernetes.written import Reporter, Series, WrittenEvent

MAX_REASON = 128
"""Source: kubernetes/kubernetes, pkg/apis/core/validation/events.go, `ReasonLengthLimit`."""

MAX_EVENTS = 1_000
"""Events taken from one record; the rest is counted."""


@dataclass(frozen=True, slots=True)
class KubernetesEvent:
    """What happened to an object, and how often by now.

    Attributes:
        uid: Of the Event; it stays when the Event is told again with a higher count.
        count: How often it happened so far, 1 and up.
        namespace: Of the object; empty for those that belong to none, such as nodes.
        node: Where the object runs, where that is known.
        container: Of the pod, where it is about one.
        labels: Of the object, where they were passed on.
        owner: Kind and name of the object's owner, likewise.
        time: When it last happened, unix milliseconds; None where nothing says.
    """

    uid: str
    count: int
    kind: str
    name: str
    namespace: str
    reason: str
    message: str
    type: str
    node: str
    container: str
    labels: Mapping[str, str]
    owner: tuple[str, str] | None
    time: int | None


def read_events(data: bytes) -> tuple[list[KubernetesEvent], Counts]:
    """Return the Events of a record, and how many others there were, by reason.

    One Event, several in a list or a line each, and what a watch says of them
    (`{"type", "object"}`, `{"verb", "event"}`).

    Raises:
        Rejected: there is no Event in it at all; the message names the field.
    """
    found: list[KubernetesEvent] = []
    counts: Counts = Counter()
    wrong = "data: expected an Event of Kubernetes"
    for place, document in enumerate(_documents(data)):
        if place >= MAX_EVENTS:
            counts["too_many"] += 1
            continue
        read = _read(document)
        if isinstance(read, KubernetesEvent):
            found.append(read)
        elif read == _DELETED:
            counts[read] += 1
        else:
            counts["malformed"] += 1
            wrong = read
    if counts["malformed"] and not found and not counts[_DELETED]:
        raise Rejected(wrong)
    return found, +counts


_DELETED = "deleted"


def _documents(data: bytes) -> Iterator[Any]:
    """Yield the documents of a record.

    Raises:
        Rejected: it is no JSON.
    """
    try:
        content = from_json(data)
    except ValueError:
        lines = [line for line in data.splitlines() if line.strip()]
        if len(lines) < 2:
            raise Rejected("data: no JSON") from None
        for line in lines:
            yield _line(line)
        return
    if isinstance(content, dict) and isinstance(content.get("items"), list):
        content = content["items"]
    if isinstance(content, list):
        yield from content or [None]
    else:
        yield content


def _line(line: bytes) -> Any:
    try:
        return from_json(line)
    except ValueError:
        return None


def _read(document: Any) -> KubernetesEvent | str:
    """Return an Event, or why there is none."""
    if not isinstance(document, dict):
        return "data: expected an Event of Kubernetes"
    for verb, inner in (("type", "object"), ("verb", "event")):
        if isinstance(document.get(inner), dict):
            if document.get(verb) == "DELETED":
                return _DELETED
            document = document[inner]
    try:
        written = WrittenEvent.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        return f"{where[:200] or 'data'}: {first['type']}"
    metadata = written.metadata
    if not (metadata.uid or metadata.name):
        return "metadata.uid: missing"
    return _event(written)


def _event(written: WrittenEvent) -> KubernetesEvent:
    metadata, about = written.metadata, written.about
    source = written.source or written.sourced or Reporter()
    component = source.component or written.component or written.controller
    host = source.host or (written.instance if component == "kubelet" else "")
    series = written.series or Series()
    owners = [(one.kind, one.name) for one in about.owners or () if one.kind and one.name]
    container = about.field_path.removeprefix("spec.containers{")
    return KubernetesEvent(
        uid=metadata.uid or f"{metadata.namespace}/{metadata.name}",
        count=max(1, written.count or 0, written.counted or 0, series.count),
        kind=about.kind,
        name=about.name,
        namespace=about.namespace if about.kind != "Node" else "",
        reason=written.reason[:MAX_REASON],
        message=(written.message or written.note or "")[: 1 << 12],
        type=written.type,
        node=about.name if about.kind == "Node" else host,
        container=container[:-1] if container.endswith("}") and "{" not in container else "",
        labels=about.labels or {},
        owner=owners[0] if owners else None,
        time=_time(written, series),
    )


def _time(written: WrittenEvent, series: Series) -> int | None:
    """Return when it last happened; an Event that was told once has no other time than its own."""
    told = (
        series.last,
        written.last,
        written.lasted,
        written.at,
        written.first,
        written.metadata.created,
    )
    return next((at for at in map(unix_ms, told) if at is not None), None)
