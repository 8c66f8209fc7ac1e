"""A backlog on any topic resolves nothing early: the clock, `detect` and `correlate` over logs."""

from aiops import topics
from aiops.adapters.memory_broker import MemoryPublisher
from aiops.events import WorkDue
from aiops.ports import Event
from functions.collect.handler import TICK
from tests.function.test_collect import make as make_collect
from tests.function.test_correlate import Rig
from tests.property.correlate_world import START, anomaly, detected

MINUTE = 60_000


class Pipeline:
    """`collect` and `correlate` with a partition of `anomalies` and one of `control` in between."""

    def __init__(self):
        self.rig = Rig()
        self.published = MemoryPublisher(partition_count=1)
        self.collect = make_collect(incidents=self.rig.store, publisher=self.published)
        self.collect.domain = "test"
        self.anomalies, self.control = [], []
        self.now = START

    def minute(self, *, detect_is_behind=False):
        """Let a minute pass: the clock ticks, and `detect` handles its mark."""
        self.now += MINUTE
        self.rig.clock.ms = self.collect.clock.ms = self.now
        self.collect(_event(self.now))
        for message in self.published.take(topics.METRICS):
            if not detect_is_behind:
                self.collect.series.mark_processed(str(message.partition), message.event.time)
        self.anomalies += [message.event for message in self.published.take(topics.ANOMALIES)]
        self.control += [message.event for message in self.published.take(topics.CONTROL)]

    def found(self, second, service="a"):
        """`detect` publishes an anomaly."""
        one = anomaly(service, second)
        self.anomalies.append(detected([one], len(self.anomalies) + second, one.time))

    def deliver(self, *, anomalies=True):
        for event in self.control:
            self.rig.deliver(event)
        self.control = []
        while anomalies and self.anomalies:
            self.rig.deliver(self.anomalies.pop(0))


def _event(now):
    return Event(f"tick-{now}", "ping", TICK, now, b"")


def test_a_quiet_incident_is_resolved_within_two_ticks_of_being_over():
    pipeline = Pipeline()
    pipeline.found(0)
    pipeline.deliver()
    for _ in range(2):
        pipeline.minute()
        pipeline.deliver()
        assert pipeline.rig.only.status == "open"
    for _ in range(2):
        pipeline.minute()
        pipeline.deliver()
    assert pipeline.rig.only.status == "resolved"


def test_a_backlog_of_anomalies_resolves_nothing_early_and_reopens_nothing():
    pipeline = Pipeline()
    pipeline.found(0)
    pipeline.deliver()
    for minute in range(1, 31):
        pipeline.minute()
        pipeline.found(60 * minute)
        pipeline.deliver(anomalies=False)
        assert pipeline.rig.only.status == "open"
    pipeline.deliver()
    assert (pipeline.rig.only.status, pipeline.rig.only.generation) == ("open", 1)
    assert pipeline.rig.only.anomalies == 31
    for _ in range(4):
        pipeline.minute()
        pipeline.deliver()
    assert pipeline.rig.only.status == "resolved"
    assert pipeline.rig.only.resolved_at == START + 1_800_000 + 120_000


def test_people_are_told_in_time_although_anomalies_are_behind():
    pipeline = Pipeline()
    pipeline.found(0)
    pipeline.found(1, "b")
    pipeline.deliver()
    pipeline.minute()
    pipeline.deliver(anomalies=False)
    assert pipeline.rig.only.notified_at == START + MINUTE


def test_while_detect_is_behind_nothing_is_resolved():
    pipeline = Pipeline()
    pipeline.found(0)
    pipeline.deliver()
    for _ in range(10):
        pipeline.minute(detect_is_behind=True)
        pipeline.deliver()
    assert pipeline.rig.only.status == "open"


def test_a_mark_for_the_end_of_anomalies_goes_where_the_anomalies_of_the_domain_go():
    pipeline = Pipeline()
    pipeline.found(0)
    pipeline.deliver()
    pipeline.minute()
    pipeline.minute()
    pipeline.collect(_event(pipeline.now))
    (mark,) = pipeline.published.take(topics.ANOMALIES)
    due = WorkDue.model_validate_json(mark.event.data)
    assert (mark.key, mark.partition, due.stage) == ("test", None, "correlate")
    assert due.processed_until == START + 2 * MINUTE


def test_missed_ticks_are_caught_up_by_the_next_ones():
    pipeline = Pipeline()
    pipeline.found(0)
    pipeline.deliver()
    pipeline.now += 600 * MINUTE
    pipeline.minute()
    pipeline.minute()
    pipeline.deliver()
    assert pipeline.rig.only.resolved_at == START + 120_000
