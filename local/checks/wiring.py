"""Who gets what: sources, sinks, Brokers and Triggers name each other and the functions."""

from collections import Counter
from collections.abc import Iterator

from aiops import events, topics
from local.checks.installation import Installation, target
from local.delivery.cron import Schedule
from local.objects import Destination, KafkaSource, Trigger
from local.validation.problem import Problem

SERVICE = ("serving.knative.dev/v1", "Service")
SINK = ("eventing.knative.dev/v1alpha1", "KafkaSink")
WORK_DUE = events.WorkDue.type

CARRIED = {
    events.Samples.type: topics.METRICS,
    events.AnomaliesDetected.type: topics.ANOMALIES,
    events.Incident.type: topics.INCIDENTS,
    events.ActionFinished.type: topics.ACTIONS,
    events.RunChanged.type: topics.ACTIONS,
}
"""Facts on topics of their own; every other one goes to the topic of the Broker."""


def destinations(installation: Installation) -> Iterator[tuple[str, str, Destination]]:
    """Yield title, field and destination of everything that sends events somewhere."""
    found = installation.manifests
    for each in installation.deliveries():
        field = "spec.sink" if isinstance(each, KafkaSource) else "spec.subscriber"
        yield f"{each.kind} {each.metadata.name}", field, target(each)
    for ping in found.pings:
        yield f"PingSource {ping.metadata.name}", "spec.sink", ping.spec.sink
    for watcher in found.watchers:
        yield f"ApiServerSource {watcher.metadata.name}", "spec.sink", watcher.spec.sink


def sinks(installation: Installation) -> Iterator[Problem]:
    """Events go to a function or a KafkaSink that exists, in this namespace."""
    services = {func.name for func in installation.functions.values()}
    kept = {sink.metadata.name for sink in installation.manifests.sinks}
    for where, field, destination in destinations(installation):
        ref = destination.ref
        if ref is None:
            yield Problem(where, field, "an address; expected a function or a KafkaSink")
        elif (ref.api_version, ref.kind) == SERVICE:
            if ref.name not in services:
                yield Problem(where, f"{field}.ref.name", f"no func.yaml is named {ref.name}")
        elif (ref.api_version, ref.kind) != SINK:
            what = f"{ref.api_version} {ref.kind} takes no events here"
            yield Problem(where, f"{field}.ref", what)
        elif ref.name not in kept:
            yield Problem(where, f"{field}.ref.name", f"there is no KafkaSink {ref.name}")


def groups(installation: Installation) -> Iterator[Problem]:
    """A consumer group says who reads what, and belongs to one source or Trigger."""
    seen: Counter[str] = Counter()
    for each in installation.deliveries():
        where = f"{each.kind} {each.metadata.name}"
        if isinstance(each, KafkaSource):
            group = each.spec.consumer_group
            name = installation.function_of(each.spec.sink)
            wanted = f"aiops-{name}-{'-and-'.join(each.spec.topics)}"
            if group != wanted:
                yield Problem(where, "spec.consumerGroup", f"{group}: expected {wanted}")
        else:
            group = each.consumer_group
        seen[group] += 1
        if seen[group] > 1:
            yield Problem(where, "spec.consumerGroup", f"{group}: another one has it too")


def once(installation: Installation) -> Iterator[Problem]:
    """No function gets a topic twice, by two sources or by a source and a Trigger."""
    seen: set[tuple[str, str]] = set()
    brokers = {broker.topic for broker in installation.manifests.brokers}
    for source in installation.manifests.sources:
        where = f"KafkaSource {source.metadata.name}"
        for topic in source.spec.topics:
            pair = (topic, installation.function_of(source.spec.sink))
            if pair in seen:
                yield Problem(where, "spec.topics", f"{pair[1]} gets {topic} already")
            if topic in brokers:
                what = f"{topic} is that of a Broker, whose Triggers deliver it"
                yield Problem(where, "spec.topics", what)
            seen.add(pair)
    asked: set[object] = set()
    for trigger in installation.manifests.triggers:
        key = (installation.function_of(trigger.spec.subscriber), _attributes(trigger))
        if key in asked:
            where = f"Trigger {trigger.metadata.name}"
            yield Problem(where, "spec.filter", f"{key[0]} gets these events already")
        asked.add(key)


def brokers(installation: Installation) -> Iterator[Problem]:
    """A Trigger is on a Broker that is there, and a Broker on the topic that functions write."""
    there = {broker.metadata.name for broker in installation.manifests.brokers}
    for trigger in installation.manifests.triggers:
        if trigger.spec.broker not in there:
            where = f"Trigger {trigger.metadata.name}"
            yield Problem(where, "spec.broker", f"there is no Broker {trigger.spec.broker}")
    for broker in installation.manifests.brokers:
        where = f"Broker {broker.metadata.name}"
        if broker.topic != topics.CONTROL:
            yield Problem(where, "metadata.annotations", f"{broker.topic}: nothing is sent there")
        config = installation.manifests.config().get(broker.spec.config.name)
        if config is None or "bootstrap.servers" not in config:
            name = broker.spec.config.name
            yield Problem(where, "spec.config.name", f"no ConfigMap {name} says where Kafka is")


def types(installation: Installation) -> Iterator[Problem]:
    """A Trigger asks for a type that code makes, and each such type has a Trigger, or a topic."""
    made = facts()
    asked = set()
    for trigger in installation.manifests.triggers:
        wanted = trigger.spec.filter.attributes.get("type", "")
        asked.add(wanted)
        if wanted not in made:
            where = f"Trigger {trigger.metadata.name}"
            yield Problem(where, "spec.filter.attributes.type", f"no code makes {wanted!r}")
    for one in sorted(made - asked - set(CARRIED)):
        yield Problem("Broker control", "Triggers", f"nothing asks for {one}")


def stages(installation: Installation) -> Iterator[Problem]:
    """Work that is due goes to the function it is due at."""
    for trigger in installation.manifests.triggers:
        attributes = trigger.spec.filter.attributes
        name = installation.function_of(trigger.spec.subscriber)
        if attributes.get("type") == WORK_DUE and attributes.get("stage") != name:
            where = f"Trigger {trigger.metadata.name}"
            yield Problem(where, "spec.filter.attributes.stage", f"expected {name}")


def clock(installation: Installation) -> Iterator[Problem]:
    """There is one clock, and it ticks each minute."""
    pings = [one for one in installation.manifests.pings if _ticks(installation, one.spec.sink)]
    if len(pings) != 1:
        yield Problem("PingSource", "", f"{len(pings)} of them tick for collect, expected one")
    for ping in installation.manifests.pings:
        where = f"PingSource {ping.metadata.name}"
        try:
            next_tick = Schedule.parse(ping.spec.schedule).next_after(0)
        except ValueError as error:
            yield Problem(where, "spec.schedule", str(error))
            continue
        if ping in pings and next_tick != 60_000:
            yield Problem(where, "spec.schedule", "expected one tick each minute")


def facts() -> set[str]:
    """Return every type of event the code makes."""
    made = (one for one in events.Fact.__subclasses__() if one.__module__ == events.__name__)
    return {one.type for one in made}


def _ticks(installation: Installation, sink: Destination) -> bool:
    return installation.function_of(sink) == "collect"


def _attributes(trigger: Trigger) -> frozenset[tuple[str, str]]:
    return frozenset(trigger.spec.filter.attributes.items())
