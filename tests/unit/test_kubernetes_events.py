"""Events of Kubernetes are understood as their cluster tells them, and each is told once."""

import json
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import JsonValue

from aiops import topics
from aiops.adapters.memory_broker import MemoryPublisher
from aiops.clock import ManualClock
from aiops.errors import Rejected, Unavailable
from aiops.events import AnomaliesDetected, Anomaly, ChangeObserved, Evidence, Samples, WorkDue
from aiops.open_windows import SUBJECT
from aiops.ports import Counts, Event
from aiops.series import SeriesMap
from functions.act.wording import measured
from functions.detect.config import DetectConfig
from functions.detect.signals.kubernetes.config import EventAnomaly, KubernetesEvents
from functions.detect.signals.kubernetes.counting import EventCounts
from functions.detect.signals.kubernetes.event import MAX_EVENTS, read_events
from functions.detect.signals.kubernetes.handler import KubernetesEventHandler
from functions.detect.signals.kubernetes.judging import EventJudge
from functions.detect.signals.kubernetes.workload import Workload, workload_of
from local.in_process import counting, detecting
from tests.detecting import Detecting

GOLDEN = Path(__file__).parents[1] / "golden" / "kubernetes_events"
INDEX = json.loads((GOLDEN / "index.json").read_text())
ADDED = "dev.knative.apiserver.resource.add"
PLAIN = "dev.knative.kafka.event"
RECORD = "/apis/v1/namespaces/aiops/kafkasources/events-to-detect#events"


def at(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


NOW = at("2026-03-02T10:06:00Z")


def golden(name: str) -> dict:
    return json.loads((GOLDEN / name).read_text())


def event(content: object, kind: str = ADDED, time: int = NOW) -> Event:
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    source = RECORD if kind == PLAIN else "https://10.96.0.1:443"
    return Event("e1", source, kind, time, data)


class World:
    """A handler, and what it published."""

    def __init__(self, config: KubernetesEvents | None = None) -> None:
        self.publisher = MemoryPublisher()
        judge = EventJudge(config or KubernetesEvents(), SeriesMap(), "test")
        self.handler = KubernetesEventHandler(judge, self.publisher, 300_000)

    def tell(self, content: object, kind: str = ADDED, time: int = NOW) -> Counts:
        return self.handler(event(content, kind, time))

    def anomalies(self) -> list[Anomaly]:
        taken = self.publisher.take(topics.ANOMALIES)
        facts = [AnomaliesDetected.model_validate_json(one.event.data) for one in taken]
        return [anomaly for fact in facts for anomaly in fact.anomalies]

    def changes(self) -> list[ChangeObserved]:
        taken = self.publisher.take(topics.CONTROL)
        return [ChangeObserved.model_validate_json(one.event.data) for one in taken]


@pytest.mark.parametrize("name", INDEX)
@pytest.mark.parametrize("kind", [ADDED, "dev.knative.apiserver.resource.update", PLAIN])
def test_an_event_is_what_its_cluster_means(name: str, kind: str) -> None:
    world, expected = World(), INDEX[name]
    world.tell(golden(name), kind)
    anomalies, changes = world.anomalies(), world.changes()
    assert len(anomalies) == ("metric" in expected)
    assert len(changes) == ("change" in expected)
    for anomaly in anomalies:
        assert anomaly.metric == expected["metric"]
        assert anomaly.service == expected["service"]
        assert anomaly.severity == expected["severity"]
        assert anomaly.value == expected["count"]
        assert anomaly.time == at(expected["time"])
        assert anomaly.labels == expected["labels"]
        assert anomaly.value > anomaly.upper
        assert anomaly.evidence > anomaly.alarm_line
    for change in changes:
        assert change.kind == expected["change"]
        assert change.service == expected["service"]
        assert change.summary == expected["summary"]
        assert change.observed_at == at(expected["time"])


def test_every_document_is_accounted_for_with_where_its_shape_is_written_down() -> None:
    assert {file.name for file in GOLDEN.glob("*.json")} == {*INDEX, "index.json"}
    assert all(len(one["source"]) > 20 for one in INDEX.values())


def test_a_person_reads_what_happened_to_which_object() -> None:
    world = World()
    world.tell(golden("backoff_restart.json"))
    (anomaly,) = world.anomalies()
    assert anomaly.reason.startswith(
        "Pod shop/cart-6d5f8b9c7d-x2k4z fails and is restarted again and again, 14 times by now: "
        "Back-off restarting failed container server"
    )


def test_people_are_told_its_words_and_no_band_of_values() -> None:
    world = World()
    world.tell(golden("backoff_restart.json"))
    (anomaly,) = world.anomalies()
    piece = Evidence(first=anomaly.time, last=anomaly.time, count=1, peak=anomaly)
    said = measured(piece)
    assert said.startswith("Pod shop/cart-6d5f8b9c7d-x2k4z fails and is restarted")
    assert said.endswith("(since 10:04:10)")
    assert "usually" not in said


def test_an_event_told_again_is_the_same_anomaly_and_one_that_happened_again_another() -> None:
    world, told = World(), golden("backoff_restart.json")
    world.tell(told)
    world.tell(told, "dev.knative.apiserver.resource.update", NOW + 60_000)
    again = {**told, "count": 15, "lastTimestamp": "2026-03-02T10:05:00Z"}
    world.tell(again, "dev.knative.apiserver.resource.update")
    first, repeat, other = world.anomalies()
    assert first == repeat
    assert other.id != first.id
    assert other.series == first.series


def test_a_redelivered_event_publishes_under_the_same_ids() -> None:
    world = World()
    for name in ("backoff_restart.json", "rollout.json"):
        for _ in range(2):
            world.tell(golden(name))
    for topic in (topics.ANOMALIES, topics.CONTROL):
        first, second = world.publisher.take(topic)
        assert first.event == second.event


def test_what_is_listed_anew_and_old_is_counted_and_nothing_else() -> None:
    world, told = World(), golden("backoff_restart.json")
    span = int(KubernetesEvents().max_age * 1000)
    last = at(told["lastTimestamp"])
    assert world.tell(told, time=last + span + 1) == {"relisted": 1}
    assert world.tell(golden("rollout.json"), time=last + span + 1) == {"relisted": 1}
    assert not world.publisher.topics
    assert world.tell(told, time=last + span) == {"anomalies": 1}


def test_an_event_from_the_future_moves_nothing() -> None:
    world, told = World(), golden("backoff_restart.json")
    assert world.tell(told, time=at(told["lastTimestamp"]) - 300_001) == {"future": 1}


def test_without_any_time_an_event_happened_when_it_was_sent() -> None:
    world, told = World(), golden("oom_in_message.json")
    told |= {"firstTimestamp": None, "lastTimestamp": "0001-01-01T00:00:00Z"}
    del told["metadata"]["creationTimestamp"]
    world.tell(told)
    assert [one.time for one in world.anomalies()] == [NOW]


def test_deletions_and_other_objects_are_counted_and_references_refused_with_advice() -> None:
    world, told = World(), golden("backoff_restart.json")
    assert world.tell(told, "dev.knative.apiserver.resource.delete") == {"deleted": 1}
    with pytest.raises(Rejected, match="mode: Resource"):
        world.tell({"kind": "Event"}, "dev.knative.apiserver.ref.add")
    assert world.tell({"type": "DELETED", "object": told}, PLAIN) == {"deleted": 1}
    assert not world.publisher.topics


def test_a_pod_watched_by_the_same_source_is_no_event() -> None:
    world = World()
    pod = Event("1", "x", ADDED, NOW, b"{}", extensions={"kind": "Pod"})
    assert world.handler(pod) == {"other_kind": 1}


def test_several_events_come_in_lists_and_lines_and_one_wrong_one_spares_the_rest() -> None:
    told = [golden("backoff_restart.json"), {"reason": "?"}, golden("rollout.json")]
    lines = b"\n".join(json.dumps(one).encode() for one in told)
    for content in ({"kind": "EventList", "items": told}, told, lines):
        world = World()
        counts = world.tell(content, PLAIN)
        assert counts == {"anomalies": 1, "changes": 1, "malformed": 1}
        assert len(world.anomalies()) == len(world.changes()) == 1


def test_more_events_than_a_record_may_hold_are_counted() -> None:
    told = golden("ordinary.json")
    counts = World().tell([told] * (MAX_EVENTS + 3), PLAIN)
    assert counts == {"ordinary": MAX_EVENTS, "too_many": 3}


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"null", b"[]", b"17", b'"x"', b"\xff", b'{"a":1}\n{', b'{"involvedObject": {}}'],
)
def test_what_is_no_event_is_refused(content: bytes) -> None:
    with pytest.raises(Rejected):
        World().tell(content, PLAIN)


def test_words_of_others_are_bounded_and_printable() -> None:
    world, told = World(), golden("backoff_restart.json")
    told["message"] = "a\x00b\u202ec " * 100_000
    told["involvedObject"]["fieldPath"] = "spec.containers{x\ny}"
    world.tell(told)
    (anomaly,) = world.anomalies()
    assert len(anomaly.reason) <= 500
    assert anomaly.reason.isprintable()
    assert all(text.isprintable() for text in anomaly.labels.values())


def test_rules_are_data_and_a_threshold_is_waited_for() -> None:
    rule = EventAnomaly(name="late", reason="BackOff", says="x", from_count=15, severity=2)
    world = World(KubernetesEvents(anomalies=(rule,), changes=()))
    told = golden("backoff_restart.json")
    assert world.tell(told) == {"ordinary": 1}
    assert world.tell({**told, "count": 15}) == {"anomalies": 1}
    (anomaly,) = world.anomalies()
    assert (anomaly.metric, anomaly.severity, anomaly.upper) == ("kubernetes_late", 2, 14.0)
    assert world.tell(golden("rollout.json")) == {"ordinary": 1}


def test_nothing_is_done_before_the_broker_has_it() -> None:
    class Away:
        def publish(self, messages):
            raise Unavailable("away")

    world = World()
    handler = KubernetesEventHandler(world.handler.judge, Away(), 0)
    with pytest.raises(Unavailable):
        handler(event(golden("backoff_restart.json")))


def test_detect_takes_events_of_kubernetes_as_they_come() -> None:
    detecting = Detecting(DetectConfig())
    told = golden("backoff_restart.json")
    assert detecting.handler(event(told)) == {"anomalies": 1}
    assert detecting.handler(event(told, PLAIN)) == {"anomalies": 1}
    assert [one.service for one in detecting.found()] == ["cart", "cart"]


WORKLOADS = {
    ("Pod", "cart-6d5f8b9c7d-x2k4z"): Workload("Deployment", "cart"),
    ("Pod", "front-end-v2-7c9b5f8d4-9vqzd"): Workload("Deployment", "front-end-v2"),
    ("Pod", "kafka-0"): Workload("StatefulSet", "kafka"),
    ("Pod", "node-exporter-4xk7q"): Workload("", "node-exporter"),
    ("Pod", "backup-28391040-8k2vx"): Workload("CronJob", "backup"),
    ("Pod", "migrate-tnl8j"): Workload("", "migrate"),
    ("Pod", "debug"): Workload("Pod", "debug"),
    ("Pod", "redis-cache"): Workload("Pod", "redis-cache"),
    ("Pod", "aiops-detect-00002-deployment-6d5f8b9c7d-x2k4z"): Workload("Service", "aiops-detect"),
    ("Pod", f"{'a' * 47}-6d5f8b9c7dx2k4z"): Workload("", "a" * 47),
    ("Pod", f"{'a' * 50}-6d5f8b9x2k4z"): Workload("", "a" * 50),
    ("ReplicaSet", "cart-6d5f8b9c7d"): Workload("Deployment", "cart"),
    ("Job", "backup-28391040"): Workload("CronJob", "backup"),
    ("Job", "migrate-2"): Workload("Job", "migrate-2"),
    ("Deployment", "cart"): Workload("Deployment", "cart"),
    ("Deployment", "detect-00017-deployment"): Workload("Service", "detect"),
    ("Revision", "detect-00017"): Workload("Service", "detect"),
    ("DaemonSet", "fluentd"): Workload("DaemonSet", "fluentd"),
    ("Node", "node-7"): Workload("Node", "node-7"),
}


@pytest.mark.parametrize("place", WORKLOADS)
def test_the_workload_is_told_by_the_name(place: tuple[str, str]) -> None:
    assert workload_of(*place) == WORKLOADS[place]


def test_an_owner_that_is_known_counts_more_than_a_name() -> None:
    assert workload_of("Pod", "x-0", ("ReplicaSet", "cart-6d5f8b9c7d")).name == "cart"
    assert workload_of("Pod", "x-0", ("DaemonSet", "x")) == Workload("DaemonSet", "x")


def test_a_static_pod_is_called_after_its_node() -> None:
    found = workload_of("Pod", "kube-apiserver-control-1", node="control-1")
    assert found.name == "kube-apiserver"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)
FIELDS = sorted({name for file in INDEX for name in golden(file)} | {"regarding", "note", "series"})
PATHS = [
    ("metadata",), ("metadata", "uid"), ("involvedObject",), ("involvedObject", "name"),
    ("involvedObject", "labels"), ("involvedObject", "ownerReferences"), ("source",),
    *((name,) for name in FIELDS),
]  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(sorted(INDEX)),
    st.lists(st.tuples(st.sampled_from(PATHS), JSON), max_size=4),
    st.integers(0, 4_000_000_000_000),
)
def test_an_event_with_anything_in_it_is_taken_counted_or_refused(
    name: str, given_values: list[tuple[tuple[str, ...], JsonValue]], time: int
) -> None:
    content = golden(name)
    for path, value in given_values:
        inner = content
        for part in path[:-1]:
            inner = inner.get(part) if isinstance(inner.get(part), dict) else {}
        inner[path[-1]] = value
    world = World()
    try:
        counts = world.tell(content, PLAIN, time)
    except Rejected:
        assert not world.publisher.topics
        return
    assert counts.total() == 1
    for anomaly in world.anomalies():
        assert time - 600_000 <= anomaly.time <= time + 300_000
        assert anomaly.service
        assert len(anomaly.reason) <= 500
    for change in world.changes():
        assert change.service


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
def test_bytes_are_events_or_refused(data: bytes) -> None:
    try:
        found, counts = read_events(data)
    except Rejected:
        return
    assert found or counts


def test_events_are_counted_by_workload_kind_reason_and_type() -> None:
    counts = EventCounts(EventJudge(KubernetesEvents(), SeriesMap(), "test"))
    content = golden("backoff_restart.json")
    tally = counts.tally(event(content, PLAIN))
    ((service, part),) = tally.services.items()
    ((uid, (time, (metric, labels), total)),) = part.totals.items()
    assert (service, metric) == (INDEX["backoff_restart.json"]["service"], "kubernetes_events")
    assert dict(labels) == {
        "kind": "Pod",
        "namespace": content["involvedObject"]["namespace"],
        "reason": "BackOff",
        "type": "Warning",
    }
    assert (uid, total) == (content["metadata"]["uid"], content["count"])
    assert time <= NOW


def test_what_a_list_tells_again_is_not_counted() -> None:
    counts = EventCounts(EventJudge(KubernetesEvents(), SeriesMap(), "test"))
    later = NOW + 86_400_000
    assert not counts.tally(event(golden("backoff_restart.json"), time=later)).services


def test_through_the_function_an_event_is_told_at_once_and_counted_by_the_minute() -> None:
    publisher, clock = MemoryPublisher(), ManualClock(NOW)
    handler = counting(detecting({}, clock, publisher))
    for _ in range(2):
        handler(event(golden("backoff_restart.json")))
        assert publisher.take(topics.ANOMALIES)
    assert not publisher.take(topics.METRICS)
    clock.ms += 600_000
    due = WorkDue(stage="detect", now=clock.ms)
    tick = Event("t", "test", due.type, due.now, due.model_dump_json().encode(), SUBJECT)
    handler(tick)
    (told,) = publisher.take(topics.METRICS)
    fact = Samples.model_validate_json(told.event.data)
    assert [head.metric for head in fact.series] == ["kubernetes_events"]
    assert fact.samples[0][2] == 1.0


def test_what_is_no_event_is_refused_and_counts_nothing() -> None:
    handler = counting(detecting({}, ManualClock(NOW), MemoryPublisher()))
    with pytest.raises(Rejected, match="data"):
        handler(event({"no": "event"}))
    other = event({"kind": "Pod"})
    other.extensions["kind"] = "Pod"
    assert handler(other) == {"other_kind": 1}
