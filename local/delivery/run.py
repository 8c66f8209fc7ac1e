"""All sources, Triggers and ticks of a set of objects, running."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import urllib3

from aiops.clock import Clock
from aiops.errors import Misconfigured, Unavailable
from local import objects
from local.delivery.assignment import Handle
from local.delivery.cloudevent import Record, carried, numbered, wrapped
from local.delivery.consume import Subscription, TopicConsumer
from local.delivery.counters import Counters, Counts
from local.delivery.dispatch import Dispatcher, Wait
from local.delivery.ping import Pinger
from local.delivery.policy import passes
from local.delivery.sinks import HttpSink, LazyProducer, Services, Sink, TopicSink
from local.manifests import Manifests

log = logging.getLogger(__name__)

_JOIN_SECONDS = 150.0
_STOP_SECONDS = 10.0
_CONNECTIONS = 128


@dataclass(frozen=True, slots=True)
class Place:
    """Where delivery takes place.

    Attributes:
        manifests: What is delivered, from where to where.
        services: Addresses of the functions.
        bootstrap: The broker's addresses; those in the objects are for the cluster.
        clock: The pipeline's time, for ticks.
        fetch_wait_ms: How long a fetch waits at the broker for a record.
        session_ms: How long the broker may hear nothing of a consumer.
        through: Puts something between delivery and a function.
    """

    manifests: Manifests
    services: Services
    bootstrap: str
    clock: Clock
    fetch_wait_ms: int = 500
    session_ms: int = 6_000
    through: Callable[[Sink], Sink] = lambda sink: sink


class Delivery:
    """Delivers what the objects say, until it is stopped.

    `start` joins the consumer groups; nothing is delivered before `release`, so that groups can
    form while functions start.

    Args:
        place: Objects, functions, broker and clock.
        backoff_speed: Back-off passes this much faster than it is stated.
    """

    def __init__(self, place: Place, backoff_speed: float = 1.0) -> None:
        self._place = place
        self._stopping = threading.Event()
        self._gate = threading.Event()
        self._wait: Wait = lambda seconds: self._stopping.wait(seconds / backoff_speed)
        self._producer = LazyProducer(place.bootstrap)
        self._connections = urllib3.PoolManager(maxsize=_CONNECTIONS)
        self._counters: dict[str, Counters] = {}
        self._consumers = [
            *(self._source(source) for source in place.manifests.sources),
            *(self._trigger(trigger) for trigger in place.manifests.triggers),
        ]
        self._pingers = [self._ping(ping) for ping in place.manifests.pings]

    @property
    def counts(self) -> dict[str, Counts]:
        """What became of events so far, by `Kind name`."""
        return {name: each.snapshot() for name, each in self._counters.items()}

    def start(self) -> None:
        """Begin to join all consumer groups."""
        for consumer in self._consumers:
            consumer.start()

    def wait_ready(self) -> None:
        """Return once every consumer group has its partitions.

        Raises:
            Unavailable: one has none in time.
        """
        deadline = time.monotonic() + _JOIN_SECONDS
        late = [
            consumer.name
            for consumer in self._consumers
            if not consumer.assigned.wait(max(0.0, deadline - time.monotonic()))
        ]
        if late:
            names = ", ".join(late)
            raise Unavailable(f"delivery: no partitions in {_JOIN_SECONDS:g} s: {names}")

    def release(self) -> None:
        """Begin to deliver, and to tick."""
        self._gate.set()
        for pinger in self._pingers:
            pinger.start()

    def stop(self) -> None:
        """Stop: attempts in flight end, finished offsets are committed, groups are left."""
        self._stopping.set()
        for consumer in self._consumers:
            consumer.ask_to_stop()
        deadline = time.monotonic() + _STOP_SECONDS
        for consumer in self._consumers:
            consumer.stop(max(0.1, deadline - time.monotonic()))
        for pinger in self._pingers:
            pinger.stop(max(0.1, deadline - time.monotonic()))
        self._producer.close()
        self._connections.clear()  # functions wait for idle connections when they stop

    def _source(self, source: objects.KafkaSource) -> TopicConsumer:
        metadata, spec = source.metadata, source.spec
        name = f"KafkaSource {metadata.name}"
        dispatcher = self._dispatcher(name, metadata, spec.delivery, spec.sink, None)
        origin = f"/apis/v1/namespaces/{metadata.namespace}/kafkasources/{metadata.name}"

        overrides = spec.ce_overrides.extensions

        def handle(record: Record) -> bool:
            event = (carried(record) or wrapped(record, origin)).extended(**overrides)
            return dispatcher.dispatch(numbered(event, record))

        subscription = Subscription(
            name,
            spec.topics,
            spec.consumer_group,
            spec.ordering == "ordered",
            spec.initial_offset,
            self._place.fetch_wait_ms,
            self._place.session_ms,
        )
        return self._consumer(subscription, handle)

    def _trigger(self, trigger: objects.Trigger) -> TopicConsumer:
        metadata, spec = trigger.metadata, trigger.spec
        name = f"Trigger {metadata.name}"
        topic = self._place.manifests.broker(spec.broker).topic
        replies = TopicSink(f"Broker {spec.broker}", topic, self._producer)
        dispatcher = self._dispatcher(name, metadata, spec.delivery, spec.subscriber, replies)
        counters = self._counters[name]

        def handle(record: Record) -> bool:
            event = carried(record)
            if event is None:
                where = record.topic, record.partition, record.offset
                log.error("%s: %s/%d@%d is no CloudEvent: discarded", name, *where)
            if event is None or not passes(spec.filter.attributes, event):
                counters.add(discarded=1)
                return True
            return dispatcher.dispatch(numbered(event, record))

        subscription = Subscription(
            name,
            (topic,),
            trigger.consumer_group,
            trigger.ordered,
            "earliest",
            self._place.fetch_wait_ms,
            self._place.session_ms,
        )
        return self._consumer(subscription, handle)

    def _ping(self, ping: objects.PingSource) -> Pinger:
        name = f"PingSource {ping.metadata.name}"
        counters = self._counters[name] = Counters()
        sink = self._sink(name, ping.metadata, ping.spec.sink)
        return Pinger(ping, sink, self._place.clock, counters, self._stopping.wait)

    def _consumer(self, subscription: Subscription, handle: Handle) -> TopicConsumer:
        return TopicConsumer(subscription, self._place.bootstrap, handle, self._gate)

    def _dispatcher(
        self,
        name: str,
        metadata: objects.Metadata,
        spec: objects.DeliverySpec,
        to: objects.Destination,
        replies: Sink | None,
    ) -> Dispatcher:
        counters = self._counters[name] = Counters()
        letters = spec.dead_letter_sink
        dead_letters = None if letters is None else self._sink(name, metadata, letters)
        sink = self._sink(name, metadata, to)
        return Dispatcher(name, spec, sink, dead_letters, replies, counters, self._wait)

    def _sink(self, name: str, metadata: objects.Metadata, to: objects.Destination) -> Sink:
        if to.ref is None:
            address = to.uri or ""
            return HttpSink(address, lambda: address, metadata.namespace, self._connections)
        if to.ref.kind == "KafkaSink":
            topic = self._place.manifests.sink(to.ref.name).spec.topic
            return TopicSink(f"KafkaSink {to.ref.name}", topic, self._producer)
        if to.ref.kind != "Service" or to.ref.name not in self._place.services:
            raise Misconfigured(f"{name}: no {to.ref.kind} {to.ref.name} to deliver to")
        next_url = partial(self._place.services.next_url, to.ref.name)
        destination = f"http://{to.ref.name}.{metadata.namespace}.svc.cluster.local"
        sink = HttpSink(destination, next_url, metadata.namespace, self._connections)
        return self._place.through(sink)
