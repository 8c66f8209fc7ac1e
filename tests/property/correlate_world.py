"""A small world for `correlate`: a few services, and what ought to become of their anomalies."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from random import Random

from aiops import plugins, topics
from aiops.adapters.memory_broker import MemoryPublisher
from aiops.adapters.memory_incidents import MemoryIncidents
from aiops.clock import ManualClock
from aiops.events import (
    Alert,
    AnomaliesDetected,
    Anomaly,
    ChangeObserved,
    Evidence,
    Fact,
    Incident,
    SilenceGiven,
    SilenceLifted,
    WorkDue,
)
from aiops.ids import derive
from aiops.ports import Event
from aiops.silences import Silence
from aiops.topology import Topology
from functions.correlate.arrivals import Arrivals
from functions.correlate.atlas import Atlas
from functions.correlate.config import CorrelateConfig
from functions.correlate.domain import Domain
from functions.correlate.handler import Correlate
from functions.correlate.intake import destination
from functions.correlate.judging import Judge
from functions.correlate.linking import Linker
from functions.correlate.outbox import Outbox
from functions.correlate.ranking import Case
from functions.correlate.recent import Changes
from functions.correlate.silencing import silences_of
from functions.correlate.sites import cells_of
from functions.correlate.snapshot import incident_of
from tests.property.correlate_model import long_enough

START = 1_700_000_000_000
CONFIG = CorrelateConfig(
    window=60,
    bucket=30,
    resolve_after=120,
    recur_within=180,
    alert_hold=600,
    flap_returns=2,
    flap_calm=400,
)
TOPOLOGY = Topology.of([("a", "b"), ("b", "c"), ("d", "e")])
METRICS = (
    ("cpu", "saturation"),
    ("latency", "latency"),
    ("failures", "errors"),
    ("requests", "traffic"),
    ("seen_by_client", "edge_client"),
    ("seen_by_server", "edge_server"),
)


@cache
def linker() -> Linker:
    package = "functions.correlate.correlators"
    found = [plugins.load(package, name, "Correlator")(CONFIG) for name in CONFIG.correlators]
    return Linker(found, CONFIG.threshold)


@cache
def ranker():
    return plugins.load("functions.correlate.rankers", CONFIG.ranker, "Ranker")()


@cache
def grader():
    return plugins.load("functions.correlate.severities", CONFIG.severity, "Severity")(CONFIG)


def make(store, publisher, clock=None, config=CONFIG) -> Correlate:
    domain = Domain("test", store, clock or ManualClock(START), config)
    atlas = Atlas(store, TOPOLOGY)
    judge = Judge(store, ranker(), grader(), atlas, config)
    return Correlate(
        domain, Arrivals(domain, linker(), atlas, judge), Outbox(domain, publisher, judge)
    )


def anomaly(service: str, second: int, measure: int = 1, ratio: float = 2.0, **other) -> Anomaly:
    """Return an anomaly of a service so many seconds after the start."""
    name, role = METRICS[measure]
    score = 1 - 1 / ratio
    values = {
        "id": derive("anomaly", service, name, second),
        "domain": "test",
        "series": derive("series", service, name, str(other.get("edge"))),
        "metric": name,
        "labels": {"service": service},
        "service": service,
        "role": role,
        "time": START + second * 1000,
        "value": 2.0,
        "expected": 1.0,
        "lower": 0.0,
        "upper": 1.5,
        "detector": "static",
        "evidence": ratio,
        "alarm_line": 1.0,
        "score": score,
        "severity": 1 + sum(score >= cut for cut in (0.3, 0.5, 0.7, 0.9)),
        "reason": f"{name} of {service} is {ratio:.1f} times its limit",
    }
    return Anomaly(**(values | other))


def detected(anomalies: Sequence[Anomaly], number: int = 0, time: int = START + 3_600_000) -> Event:
    fact = AnomaliesDetected(anomalies=tuple(anomalies))
    return Event(
        f"detected-{number}", "test", AnomaliesDetected.type, time, fact.model_dump_json().encode()
    )


def tick(second: int, processed: int | None = None) -> Event:
    """Return the clock's event: so many seconds after the start, with everything processed."""
    until = second if processed is None else processed
    due = WorkDue(
        stage="correlate", now=START + second * 1000, processed_until=START + until * 1000
    )
    return Event(f"tick-{second}", "test", WorkDue.type, due.now, due.model_dump_json().encode())


def changed(service: str, second: int, summary: str = "") -> Event:
    change = ChangeObserved(
        service=service, kind="deploy", summary=summary, observed_at=START + second * 1000
    )
    return Event(
        f"change-{service}-{second}-{summary}",
        "test",
        ChangeObserved.type,
        change.observed_at,
        change.model_dump_json().encode(),
    )


def some_anomalies(random: Random, most: int) -> list[Anomaly]:
    """Return distinct anomalies over a quarter of an hour, with quiet times between some."""
    found = {}
    for _ in range(random.randint(2, most)):
        service = random.choice("aabbccddeeff")
        second = random.choice((0, 1, 2, 5, 6)) * 150 + random.randrange(5) * 20
        labels = {"service": service}
        if random.random() < 0.3:
            labels["node"] = random.choice(("n1", "n2"))
        measure = random.randrange(len(METRICS))
        edge = random.choice((("a", "b"), ("b", "c"), ("d", "e"))) if measure > 3 else None
        ratio, value = random.choice((1.2, 1.6, 3.0, 12.0)), random.choice((2.0, 0.5))
        one = anomaly(service, second, measure, ratio, labels=labels, edge=edge, value=value)
        found[one.id] = one
    return list(found.values())


def alert(service: str, second: int, ended: int | None = None, **other) -> Anomaly:
    """Return an external alert that began to fire so many seconds after the start."""
    ends = None if ended is None else START + ended * 1000
    values = {
        "id": derive("alert", service, second),
        "series": derive("series", service, "alert"),
        "metric": "TooSlow",
        "labels": {"service": service, "alertname": "TooSlow"},
        "detector": "alertmanager",
        "value": 1.0,
        "expected": 0.0,
        "upper": 0.0,
        "alert": Alert(ended_at=ends),
    }
    return anomaly(service, second, **(values | other))


def some_notifications(random: Random) -> list[Anomaly]:
    """Return what is told of up to two alerts, once or more often, in no order."""
    found = []
    for _ in range(random.randint(0, 2)):
        service, second = random.choice("abcdef"), random.choice((0, 40, 300, 750))
        for _ in range(random.randint(1, 3)):
            ended = random.choice((None, second + 20, second + 20, second + 400))
            severity = 3 if service < "d" else 4
            words = f"slow for {random.choice((1, 5, 9))} min"
            found.append(alert(service, second, ended, reason=words, severity=severity))
    return found


def some_changes(random: Random) -> list[Event]:
    """Return up to four deploys, some of them of one release."""
    return [
        changed(
            random.choice("abcdef"),
            random.choice((0, 130, 300, 740)),
            random.choice(("", "v1", "v1", "v2")),
        )
        for _ in range(random.choice((0, 0, 1, 2, 3, 4)))
    ]


def some_silences(random: Random) -> list[Event]:
    """Return silences given, given anew and lifted, in no order."""
    told: list[Event] = []
    for _ in range(random.choice((0, 0, 1, 3, 5))):
        name = random.choice(("s", "t"))
        at = START + random.choice((0, 90, 200, 700, 900)) * 1000
        fact: Fact = SilenceLifted(silence=name, domain="test", lifted_by="ann", lifted_at=at)
        if random.random() < 0.7:
            starts = START + random.choice((0, 100, 400)) * 1000
            fact = SilenceGiven(
                silence=name,
                domain="test",
                service=random.choice("abcdef*"),
                starts=starts,
                ends=starts + random.choice((60, 300, 900)) * 1000,
                given_by="ann",
                given_at=at,
            )
        told.append(Event(f"s{len(told)}", "test", fact.type, at, fact.model_dump_json().encode()))
    return told


def silences_told(events: Sequence[Event]) -> tuple[Silence, ...]:
    """Return what is known of silences once all was told."""
    known: dict[str, Silence] = {}
    for event in events:
        given = event.type == SilenceGiven.type
        one = (
            Silence(given=SilenceGiven.model_validate_json(event.data))
            if given
            else Silence(lifted=SilenceLifted.model_validate_json(event.data))
        )
        known[one.id] = one.joined(known.get(one.id, Silence()))
    return tuple(known.values())


def partition(
    anomalies: Sequence[Anomaly], changes: Sequence[ChangeObserved]
) -> frozenset[frozenset[str]]:
    """Return which anomalies are one incident: everything reachable over links between cells."""
    left = {one.id: one for one in anomalies}
    cells = {one.id: cells_of(one, CONFIG) for one in anomalies}
    known = Changes(changes, CONFIG.change_reach * 1000, CONFIG.bucket * 1000)
    parts = set()
    while left:
        part = [left.pop(next(iter(left)))]
        for member in part:
            near = [
                other
                for other in left.values()
                if any(
                    here == there or linker().link(here, there, TOPOLOGY, known)
                    for here in cells[member.id]
                    for there in cells[other.id]
                )
            ]
            part.extend(left.pop(other.id) for other in near)
        parts.add(frozenset(one.id for one in part))
    return frozenset(parts)


@dataclass(frozen=True, slots=True)
class Fate:
    """What ought to be known of an incident in the end."""

    anomalies: int
    opened_at: int
    status: str
    resolved_at: int | None
    severity: int
    root_cause: tuple
    told: bool


def distinct(told: Sequence[Anomaly]) -> list[Anomaly]:
    """Return one of each anomaly; of what was told of an alert, nothing of its end."""
    first = sorted(told, key=lambda one: one.reason, reverse=True)
    found = {one.id: one for one in first}.values()
    return [
        one if one.alert is None else one.model_copy(update={"alert": Alert()}) for one in found
    ]


def told_over(told: Sequence[Anomaly]) -> int:
    """Return when the last alert is over: it was told to have ended, or it expires."""
    ends = defaultdict(list)
    for one in told:
        if one.alert is not None:
            ends[one.id, one.time].append(one.alert.ended_at or 0)
    return max((max(e) or at + CONFIG.alert_hold * 1000 for (_, at), e in ends.items()), default=0)


def fate(part: Sequence[Anomaly], processed_until: int, changes: Sequence[ChangeObserved]) -> Fate:
    """Return what one reader who saw everything at once makes of an incident's anomalies.

    Of alerts all that was told is among them; the wording that sorts first counts.
    """
    over, part = told_over(part), distinct(part)
    by_series = defaultdict(list)
    for one in part:
        by_series[one.series].append(one)
    evidence = tuple(
        Evidence(
            first=min(one.time for one in members),
            last=max(one.time for one in members),
            count=len(members),
            peak=max(members, key=lambda one: (one.score, one.id)),
        )
        for _, members in sorted(by_series.items())
    )
    first, last = min(one.time for one in part), max(one.time for one in part)
    over = max(last, over) + long_enough([one.time for one in part], CONFIG)
    root_cause, severity = assessed(evidence, (first, last), TOPOLOGY, changes)
    resolved = over < processed_until
    return Fate(
        anomalies=len(part),
        opened_at=first,
        status="resolved" if resolved else "open",
        resolved_at=over if resolved else None,
        severity=severity,
        root_cause=root_cause,
        told=not resolved
        and (severity >= 4 or len(by_series) >= 2 or max(map(len, by_series.values())) >= 3),
    )


def assessed(
    evidence, span, topology: Topology, changes: Sequence[ChangeObserved]
) -> tuple[tuple, int]:
    """Return suspects and severity of an incident from its first to its last anomaly."""
    first, last = span[0] - CONFIG.change_window * 1000, span[1]
    near = [change for change in changes if first <= change.observed_at <= last]
    near.sort(key=lambda change: (change.observed_at, change.model_dump_json()))
    case = Case(evidence, topology, near)
    found = ranker().rank(case)
    suspect = found[0].service
    graded = grader().grade(case, (suspect, *topology.blast_radius(suspect)))
    return found, graded.severity


def check(
    store: MemoryIncidents,
    publisher: MemoryPublisher,
    anomalies: Sequence[Anomaly],
    changes: Sequence[ChangeObserved],
    processed_until: int,
    silences: Sequence[Silence] = (),
) -> None:
    """Compare what is kept and what was published with what ought to be."""
    place = {one: destination(incident, store.redirect) for one, incident in store.seen.items()}
    parts = defaultdict(set)
    for one, incident in place.items():
        parts[incident].add(one)
    assert frozenset(map(frozenset, parts.values())) == partition(anomalies, changes)
    told = defaultdict(list)
    for one in anomalies:
        told[one.id].append(one)
    for incident, members in parts.items():
        snapshot = incident_of(store.records[incident])
        ought = fate([a for one in members for a in told[one]], processed_until, changes)
        assert ought == Fate(
            anomalies=snapshot.anomalies,
            opened_at=snapshot.opened_at,
            status=snapshot.status,
            resolved_at=snapshot.resolved_at,
            severity=snapshot.severity,
            root_cause=snapshot.root_cause,
            told=ought.told and snapshot.notified_at is not None,
        )
        record = store.records[incident]
        covering = silences_of(record, silences, changes, CONFIG.maintenance)
        assert snapshot.silences == covering
    check_published(store, publisher)


def check_published(store: MemoryIncidents, publisher: MemoryPublisher) -> None:
    """Compare the last snapshot published of each incident with its state."""
    last: dict[str, Incident] = {}
    contents: dict[str, bytes] = {}
    for message in publisher.topics[topics.INCIDENTS]:
        assert contents.setdefault(message.event.id, message.event.data) == message.event.data
        snapshot = Incident.model_validate_json(message.event.data)
        if snapshot.id not in last or last[snapshot.id].version < snapshot.version:
            last[snapshot.id] = snapshot
    assert last == {name: incident_of(record) for name, record in store.records.items()}
    assert not store.dirty
    for name, record in store.records.items():
        assert record.merged_into == store.redirect.get(name)
