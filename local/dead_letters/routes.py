"""Which topic an event came from: read from the same objects that deliver it.

A letter says which Service it was for, and its event says what type it is. The objects say which
topics feed that Service, through which filter. A record that was no CloudEvent names its topic;
of those that were, the ones this project knows are each on one topic only.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from aiops import topics
from local.dead_letters.letter import Letter
from local.delivery.cloudevent import PLAIN_TYPE
from local.delivery.policy import passes
from local.manifests import Manifests
from local.objects import Destination

CARRIED = {
    "dev.aiops.samples.": topics.METRICS,
    "dev.aiops.work.due.": topics.METRICS,
    "dev.knative.apiserver.": topics.EVENTS,
}
"""The topic that events come from whose types begin so, unless a Trigger asks for them."""


@dataclass(frozen=True, slots=True)
class Route:
    """One way from a topic to a Service.

    Attributes:
        name: Of the object, such as `KafkaSource metrics-to-detect`.
        topic: Where it takes events from.
        service: Name of the Service they go to.
        attributes: What events must have to be let through.
    """

    name: str
    topic: str
    service: str
    attributes: dict[str, str] = field(default_factory=dict)


def routes_of(manifests: Manifests) -> tuple[Route, ...]:
    """Return every way that sources and Triggers make."""
    found: list[Route] = []
    for source in manifests.sources:
        name = f"KafkaSource {source.metadata.name}"
        service = _service(source.spec.sink)
        found += (Route(name, topic, service) for topic in source.spec.topics)
    for trigger in manifests.triggers:
        found.append(
            Route(
                f"Trigger {trigger.metadata.name}",
                manifests.broker(trigger.spec.broker).topic,
                _service(trigger.spec.subscriber),
                trigger.spec.filter.attributes,
            )
        )
    return tuple(found)


def route_of(letter: Letter, routes: Sequence[Route]) -> Route | None:
    """Return the way a letter came, None where none or more than one topic is possible.

    Of several ways the one that asks for most is the way: an event that a Trigger asks for by its
    type is not taken for one of a KafkaSource, which takes all.
    """
    if letter.event is None:
        return None
    event = letter.event
    possible = [
        route
        for route in routes
        if route.service == letter.service and passes(route.attributes, event)
    ]
    if letter.type == PLAIN_TYPE:
        _, _, topic = letter.attribute("source").rpartition("#")
        possible = [route for route in possible if route.topic == topic and not route.attributes]
    most = max((len(route.attributes) for route in possible), default=0)
    best = [route for route in possible if len(route.attributes) == most]
    if not most:
        known = {topic for prefix, topic in CARRIED.items() if letter.type.startswith(prefix)}
        best = [route for route in best if route.topic in known] or best
    return best[0] if len({route.topic for route in best}) == 1 else None


def _service(to: Destination) -> str:
    return "" if to.ref is None else to.ref.name
