"""How events are delivered: in order, again, long enough, and kept where it was in vain."""

from collections.abc import Iterator

from aiops import topics
from local.checks.installation import Installation
from local.checks.wiring import SINK
from local.objects import ABSENT_DELIVERY, KafkaSource
from local.validation.problem import Problem

SHORTEST = 60.0
"""Seconds a request may take: a cold start, and the 20 s after which a function gives up."""

LONGEST_BLOCK = 600.0
"""Seconds that retries of one event may hold up its partition."""


def retried(installation: Installation) -> Iterator[Problem]:
    """Delivery is stated, and retries with it: `delivery` without `retry` means none.

    Source: data plane of eventing-kafka-broker; the default of 10 holds where `delivery` is absent.
    """
    for each in installation.deliveries():
        where = f"{each.kind} {each.metadata.name}"
        if each.spec.delivery is ABSENT_DELIVERY or "delivery" not in each.spec.model_fields_set:
            yield Problem(where, "spec.delivery", "not stated, so nothing is kept")
        elif each.spec.delivery.retry < 1:
            yield Problem(where, "spec.delivery.retry", "not stated, which means none")


def kept(installation: Installation) -> Iterator[Problem]:
    """What cannot be delivered goes to the topic of dead letters."""
    sinks = {sink.metadata.name: sink.spec.topic for sink in installation.manifests.sinks}
    for each in installation.deliveries():
        where = f"{each.kind} {each.metadata.name}"
        field = "spec.delivery.deadLetterSink"
        letter = each.spec.delivery.dead_letter_sink
        if letter is None or letter.ref is None:
            yield Problem(where, field, "not stated: after the retries the event would be lost")
        elif (letter.ref.api_version, letter.ref.kind) != SINK:
            yield Problem(where, field, "expected a KafkaSink")
        elif sinks.get(letter.ref.name) != topics.DEAD_LETTERS:
            what = f"KafkaSink {letter.ref.name} does not lead to {topics.DEAD_LETTERS}"
            yield Problem(where, field, what)


def timed(installation: Installation) -> Iterator[Problem]:
    """An attempt may take a cold start and more, and all of them together are bearable."""
    for each in installation.deliveries():
        where = f"{each.kind} {each.metadata.name}"
        delivery = each.spec.delivery
        if delivery.timeout < SHORTEST:
            what = f"{delivery.timeout:g} s: a cold start may take longer; at least {SHORTEST:g} s"
            yield Problem(where, "spec.delivery.timeout", what)
        waits = range(1, delivery.retry + 1)
        exponential = delivery.backoff_policy == "exponential"
        paused = sum(delivery.backoff_delay * (2**n if exponential else n) for n in waits)
        if paused > LONGEST_BLOCK:
            what = f"pauses of {paused:g} s in all hold up a partition; at most {LONGEST_BLOCK:g} s"
            yield Problem(where, "spec.delivery.backoffDelay", what)


def ordered(installation: Installation) -> Iterator[Problem]:
    """Everything comes in order and from the beginning: state depends on it."""
    for each in installation.deliveries():
        where = f"{each.kind} {each.metadata.name}"
        if isinstance(each, KafkaSource):
            if each.spec.ordering != "ordered":
                yield Problem(where, "spec.ordering", "expected ordered")
            if each.spec.initial_offset != "earliest":
                what = "expected earliest: what came before the first start would be skipped"
                yield Problem(where, "spec.initialOffset", what)
        elif not each.ordered:
            what = "expected kafka.eventing.knative.dev/delivery.order: ordered"
            yield Problem(where, "metadata.annotations", what)
