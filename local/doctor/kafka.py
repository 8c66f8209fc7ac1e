"""Kafka: whether topics are as the objects have them, how far groups are behind, dead letters."""

from collections.abc import Iterator, Mapping

from aiops.adapters.kafka_offsets import KafkaOffsets
from aiops.errors import Unavailable
from functions.exporter.kafka import Offsets, Waiting, waiting
from local.doctor.finding import Finding, good
from local.manifests import Manifests

NAMED = 3
"""Groups that are named; who wants all of them lists them."""

BEHIND = 1_000
"""Records; below, a group may just be in the middle of something."""


def checks(bootstrap: str, manifests: Manifests) -> Iterator[Finding]:
    """Yield what Kafka is like; nothing more once it does not answer."""
    offsets = KafkaOffsets(bootstrap)
    try:
        yield from asked(offsets, manifests)
    except Unavailable as error:
        advice = "look at its pods, KAFKA_BOOTSTRAP_SERVERS, and the network policies"
        yield Finding("kafka", "bad", f"does not answer: {error}", advice)
    finally:
        offsets.close()


def asked(offsets: Offsets, manifests: Manifests) -> Iterator[Finding]:
    """Yield what brokers know.

    Raises:
        Unavailable: they do not answer.
    """
    wanted = {one.metadata.name: one.spec.partitions for one in manifests.topics}
    bounds = offsets.bounds(list(wanted))
    found = {name: sum(topic == name for topic, _ in bounds) for name in wanted}
    yield from topics(wanted, found)
    groups = {one.spec.consumer_group for one in manifests.sources}
    groups |= {one.consumer_group for one in manifests.triggers}
    yield from consumers(sorted(groups), {*offsets.groups()})
    yield from queues(waiting(offsets))


def topics(wanted: Mapping[str, int], found: Mapping[str, int]) -> Iterator[Finding]:
    """Yield whether every topic is there, with its partitions."""
    wrong = {name: found.get(name, 0) for name in wanted if found.get(name, 0) != wanted[name]}
    for name, partitions in sorted(wrong.items()):
        if not partitions:
            told, advice = f"{name}: is not there", "make it, or look at its KafkaTopic"
            yield Finding("topics", "bad", told, advice)
        else:
            told = f"{name}: {partitions} partitions, its object has {wanted[name]}"
            advice = "make both say the same; as many requests run at once as there are partitions"
            yield Finding("topics", "warning", told, advice)
    if not wrong:
        yield good("topics", f"{len(wanted)}, each with its partitions")


def consumers(wanted: list[str], known: set[str]) -> Iterator[Finding]:
    """Yield whether every source and Trigger has read anything yet."""
    missing = [group for group in wanted if group not in known]
    if not missing:
        yield good("consumer-groups", f"all {len(wanted)} have read")
        return
    more = ", ..." if len(missing) > NAMED else ""
    names = ", ".join(missing[:NAMED])
    told = f"{len(missing)} of {len(wanted)} have read nothing yet: {names}{more}"
    advice = "that is well where nothing was sent; else look whether the source is ready"
    yield Finding("consumer-groups", "warning", told, advice)


def queues(found: Waiting) -> Iterator[Finding]:
    """Yield how far groups are behind, and how many events were given up."""
    behind = {place: count for place, count in found.lag.items() if count > BEHIND}
    for (group, topic), count in sorted(behind.items()):
        advice = "see whether its function is at its largest scale, and what its log says"
        yield Finding("lag", "warning", f"{group} is {count} records behind on {topic}", advice)
    if not behind:
        yield good("lag", f"{sum(found.lag.values())} records wait")
    if found.dead_letters:
        told = f"{found.dead_letters} events were given up"
        yield Finding("dead-letters", "warning", told, "aiops dlq ls says which and why")
    else:
        yield good("dead-letters", "none")
