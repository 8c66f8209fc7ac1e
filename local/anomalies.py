"""Anomalies and incidents that were published, looked up on the broker."""

from collections.abc import Iterator

from pydantic import ValidationError

from aiops import topics
from aiops.events import AnomaliesDetected, Anomaly, Incident
from local.dead_letters.reading import reading, records


def published(bootstrap: str) -> Iterator[Anomaly]:
    """Yield the anomalies the broker still has, then the strongest ones of its incidents.

    Incidents are kept longer than anomalies. What cannot be read is passed over.

    Raises:
        Unavailable: the broker does not answer.
    """
    for content in _contents(bootstrap, topics.ANOMALIES):
        try:
            yield from AnomaliesDetected.model_validate_json(content).anomalies
        except ValidationError:
            continue
    for content in _contents(bootstrap, topics.INCIDENTS):
        try:
            incident = Incident.model_validate_json(content)
        except ValidationError:
            continue
        yield from (evidence.peak for evidence in incident.evidence)


def incident(bootstrap: str, name: str) -> Incident | None:
    """Return the latest snapshot of an incident that the broker still has, None for none.

    Raises:
        Unavailable: the broker does not answer.
    """
    found: Incident | None = None
    for content in _contents(bootstrap, topics.INCIDENTS):
        try:
            one = Incident.model_validate_json(content)
        except ValidationError:
            continue
        if one.id == name and (found is None or one.version >= found.version):
            found = one
    return found


def _contents(bootstrap: str, topic: str) -> Iterator[bytes]:
    with reading(bootstrap, topic) as (consumer, partitions):
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        for record in records(consumer, consumer.end_offsets(partitions)):
            yield record.value or b""
