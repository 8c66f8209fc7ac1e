"""Nothing runs when nothing happens: requests of an hour, counted from the objects that deploy."""

from collections import Counter

from aiops import topics
from aiops.adapters.memory_broker import MemoryPublisher
from aiops.adapters.memory_incidents import MemoryIncidents
from aiops.adapters.memory_open_windows import MemoryOpenWindows
from aiops.clock import ManualClock
from aiops.ports import Event, Message
from functions.collect.handler import TICK, CollectHandler
from local.functions import ROOT
from local.manifests import load
from tests.function.test_collect import NOW, make

OBJECTS = load(ROOT / "knative" / "base")
MINUTE = 60_000
HOUR = 60


def asked_by(message: Message) -> list[str]:
    """Return the functions that the objects deliver a message to."""
    found = [
        source.spec.sink.ref.name
        for source in OBJECTS.sources
        if message.topic in source.spec.topics
    ]
    for trigger in OBJECTS.triggers:
        if OBJECTS.broker(trigger.spec.broker).topic == message.topic:
            told = {"type": message.event.type, **message.event.extensions}
            wanted = trigger.spec.filter.attributes.items()
            if all(told.get(name) == value for name, value in wanted):
                found.append(trigger.spec.subscriber.ref.name)
    return found


def an_hour(collect: CollectHandler, publisher: MemoryPublisher) -> Counter[str]:
    """Return how many requests each function gets while the clock ticks and nobody else speaks."""
    (clock,) = OBJECTS.pings
    requests: Counter[str] = Counter()
    for minute in range(HOUR):
        now = NOW + minute * MINUTE
        assert isinstance(collect.clock, ManualClock)
        collect.clock.ms = now
        collect(Event(f"tick-{minute}", "ping", TICK, now, b""))
        requests[clock.spec.sink.ref.name] += 1
        for topic in topics.ALL:
            for message in publisher.take(topic):
                requests.update(asked_by(message))
    return requests


def test_in_an_hour_of_nothing_only_the_clock_runs() -> None:
    publisher = MemoryPublisher(partition_count=12)
    assert an_hour(make(publisher=publisher), publisher) == {"aiops-collect": HOUR}


def test_a_service_that_fell_silent_is_looked_at_and_nobody_else_is_asked() -> None:
    """The same count sees requests where there are some."""
    minutes = 5
    publisher, windows = MemoryPublisher(partition_count=12), MemoryOpenWindows()
    windows.note(["cart"], NOW + (HOUR - minutes) * MINUTE)
    found = an_hour(make(publisher=publisher, windows=[windows]), publisher)
    assert found == {"aiops-collect": HOUR, "aiops-detect": minutes}


class OneIsOpen(MemoryIncidents):
    """An incident that never ends."""

    def quiet(self, before, limit):
        return ["open"]


def test_while_an_incident_is_open_detection_and_correlation_are_asked() -> None:
    publisher = MemoryPublisher(partition_count=12)
    found = an_hour(make(publisher=publisher, incidents=OneIsOpen()), publisher)
    assert found["aiops-detect"] == 12 * HOUR
    assert found["aiops-correlate"] >= HOUR
    assert set(found) == {"aiops-collect", "aiops-detect", "aiops-correlate"}
