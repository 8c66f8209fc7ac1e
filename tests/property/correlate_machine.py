"""`correlate` as a state machine: anything may happen, in any order, in up to eight workers."""

from collections import defaultdict
from random import Random

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from aiops.adapters.memory_broker import MemoryPublisher
from aiops.adapters.memory_incidents import MemoryIncidents
from aiops.clock import ManualClock
from aiops.events import Call, ChangeObserved, CommandGiven, TopologyObserved
from aiops.ports import Event
from aiops.topology import Topology
from functions.correlate.intake import destination
from functions.correlate.snapshot import incident_of, services
from tests.property import correlate_world as world
from tests.property.correlate_model import Expected, Model
from tests.property.scheduler import Scheduler

WORKERS = 8
GRAPHS = (
    (("a", "b"), ("b", "c"), ("d", "e")),
    (("a", "b"), ("c", "d"), ("d", "e")),
    (("a", "c"), ("e", "f")),
    (("a", "b"), ("b", "c"), ("c", "d"), ("d", "e"), ("e", "f")),
)
MOST_FLIPS = 6
"""Below the number of topologies that are kept."""

COMMANDS = st.sampled_from(("acknowledge", "resolve", "reopen"))
FINDINGS = st.lists(
    st.tuples(
        st.sampled_from("abcdef"),
        st.sampled_from((0, 1, 2, 3, 5, 8, 12, 17, 24)),
        st.integers(0, len(world.METRICS) - 1),
        st.sampled_from((1.2, 1.6, 3.0, 12.0)),
        st.sampled_from((None, None, "n1", "n2")),
        st.sampled_from((("a", "b"), ("b", "c"), ("d", "e"))),
    ),
    min_size=1,
    max_size=4,
)


class Witness(MemoryIncidents):
    """A store that looks at every commit: versions rise, what was placed stays, the first wins."""

    def commit(self, commit):
        before = dict(self.records)
        seen = dict(self.seen)
        done = MemoryIncidents.commit(self, commit)
        if done is None:
            return None
        for record in commit.records:
            known = before.get(record.id)
            assert known is None or record.version > known.version, "a version did not rise"
            if record.merged_into is not None and known is not None and known.merged_into is None:
                survivor = before[record.merged_into]
                assert (survivor.opened_at, survivor.id) < (known.opened_at, known.id), (
                    "a younger incident survived"
                )
        assert seen.items() <= self.seen.items(), "an anomaly changed its place"
        return done


class CorrelateMachine(RuleBasedStateMachine):
    """Collects what is to be delivered, delivers it by a random schedule, and compares."""

    store_type: type[MemoryIncidents] = Witness
    make = staticmethod(world.make)

    def __init__(self):
        super().__init__()
        self.store, self.publisher = self.store_type(), MemoryPublisher()
        self.clock = ManualClock(world.START)
        self.scheduler = Scheduler(0)
        ports = self.scheduler.watch(self.store), self.scheduler.watch(self.publisher)
        self.handlers = [type(self).make(*ports, self.clock) for _ in range(WORKERS)]
        self.model = Model(world.CONFIG, world.linker(), [])
        self.second = 0
        self.number = 0
        self.pending: list[tuple[Event, tuple]] = []
        self.done: list[Event] = []
        self.flip_pending: tuple[int, Topology] | None = None
        self.latest = 0

    @initialize(graph=st.sampled_from(GRAPHS))
    def begin(self, graph):
        """The first topology holds for all time."""
        self.latest = self._time()
        self.make(self.store, self.publisher, self.clock)(self._observed(graph, self.latest))
        self.model.topologies = [(0, Topology.of(graph))]

    def _put(self, event, anomalies=()):
        self.pending.append((event, tuple(anomalies)))

    @rule(findings=FINDINGS)
    def arrive(self, findings):
        """Anomalies of now and of the minutes before, as a batch."""
        found = {}
        for service, back, measure, ratio, node, edge in findings:
            one = world.anomaly(
                service,
                max(0, self.second - 10 * back),
                measure,
                ratio,
                labels={"service": service} | ({"node": node} if node else {}),
                edge=edge if measure > 3 else None,
            )
            found[one.id] = self.model.anomalies.get(one.id, one)
        self.number += 1
        batch = tuple(found.values())
        self.model.anomalies |= found
        self._put(world.detected(batch, self.number, self._time(3_600)), batch)

    @rule(service=st.sampled_from("abcdef"), other=st.sampled_from("abcdef"))
    def part(self, service, other):
        """Two services at the same time, delivered apart."""
        for name in (service, other):
            self._arrives(world.anomaly(name, self.second, 1, ratio=1.6))

    @rule(service=st.sampled_from("abcdef"), other=st.sampled_from("abcdef"))
    def bridge(self, service, other):
        """A call between two services, which may call each other by no topology."""
        edge = service, other
        self._arrives(world.anomaly(service, self.second, 4, labels={"pod": other}, edge=edge))

    @rule(
        service=st.sampled_from("abc"),
        other=st.sampled_from("def"),
        commands=st.lists(COMMANDS, min_size=2, max_size=2),
    )
    def unite(self, service, other, commands):
        """Two incidents, each with a command of its own, are about to become one."""
        self.part(service, other)
        self.deliver(2, self.number)
        for place, command in enumerate(commands):
            self.order(place, command, 0)
        self.bridge(service, other)

    def _arrives(self, one):
        if one.id not in self.model.anomalies:
            self.number += 1
            self.model.anomalies[one.id] = one
            self._put(world.detected([one], self.number, self._time(3_600)), (one,))

    @precondition(lambda self: self.done)
    @rule(place=st.integers(0, 1 << 16))
    def repeat(self, place):
        """An event that was handled long ago comes again."""
        self._put(self.done[place % len(self.done)])

    @rule(seconds=st.sampled_from((10, 30, 60, 130, 190, 400)))
    def wait(self, seconds):
        self.second += seconds

    @rule(lag=st.sampled_from((0, 0, 60, 300)))
    def tick(self, lag):
        """The clock wakes the function; `detect` is behind by so much."""
        processed = max(0, self.second - lag)
        self._put(world.tick(self.second, processed=processed))
        self.model.processed_until = max(self.model.processed_until, world.START + processed * 1000)

    @precondition(lambda self: not self.flip_pending and len(self.model.topologies) < MOST_FLIPS)
    @rule(graph=st.sampled_from(GRAPHS), newer=st.sampled_from((1, 1, 0, -1)))
    def flip(self, graph, newer=1):
        """Other calls are observed: now, or by so many milliseconds after the latest."""
        at = self.latest + newer if newer < 1 else max(self._time(), self.latest + newer)
        self._put(self._observed(graph, at))
        self.flip_pending = at, Topology.of(graph)

    @precondition(lambda self: self.store.seen)
    @rule(
        place=st.integers(0, 5),
        command=COMMANDS,
        back=st.sampled_from((0, 5, 100)),
        by=st.sampled_from(("ann", "bob")),
    )
    def order(self, place, command, back, by="someone"):
        """A person gives a command for an incident by the id it had first."""
        latest = sorted(self.store.seen, key=lambda one: (self.model.anomalies[one].time, one))
        anomaly = latest[-1 - place % len(latest)]
        given = CommandGiven(
            incident=self.store.seen[anomaly],
            command=command,
            given_by=by,
            given_at=max(world.START, self._time(-back)),
        )
        self.number += 1
        self._put(
            Event(f"c{self.number}", "test", given.type, self._time(), _json(given)),
        )
        self.model.commands.append((anomaly, given))

    @rule(
        service=st.sampled_from("abcdef"),
        back=st.sampled_from((0, 50, 500)),
        release=st.sampled_from(("", "v1", "v2")),
    )
    def deploy(self, service, back, release):
        event = world.changed(service, max(0, self.second - back), release)
        self._put(event)
        change = ChangeObserved.model_validate_json(event.data)
        if change not in self.model.changes:
            self.model.changes.append(change)

    @precondition(lambda self: self.pending)
    @rule(workers=st.integers(1, WORKERS), seed=st.integers(0, 1 << 30))
    def deliver(self, workers, seed):
        """All that waits is delivered, by so many workers that interleave at every store call."""
        if not self.pending:
            return
        random = Random(seed)
        random.shuffle(self.pending)
        queues = [[] for _ in range(workers)]
        for event, _ in self.pending:
            place = random.randrange(workers)
            queues[place].append(lambda e=event, h=self.handlers[place]: self._handle(h, e))
        watermark = self.store.watermark
        self.scheduler.reseed(seed, workers)
        self.scheduler.run(*queues)
        self._settle()
        self._learn_flip(watermark)
        self.done += [event for event, _ in self.pending]
        self.pending.clear()
        self.check()

    def teardown(self):
        self.deliver(WORKERS, self.number)

    def check(self):
        """Compare what is kept and what was published with the model."""
        place = {a: destination(i, self.store.redirect) for a, i in self.store.seen.items()}
        kept = defaultdict(set)
        for anomaly, incident in place.items():
            kept[incident].add(anomaly)
        self.model.now = self._time()
        assert frozenset(map(frozenset, kept.values())) == self.model.partition()
        for incident, members in kept.items():
            self._check_incident(self.store.records[incident], frozenset(members))
        world.check_published(self.store, self.publisher)

    def _check_incident(self, record, members):
        topology = self.model.topology_at(record.last)
        span = record.opened_at, record.last
        ranked, severity = world.assessed(record.evidence, span, topology, self.model.changes)
        ought = self.model.expected(members, severity)
        told = record.notified_at is not None
        assert ought == Expected(
            members,
            record.opened_at,
            record.status,
            ought.ends if record.resolved_at in ought.ends else frozenset({record.resolved_at}),
            services(record),
            {
                piece.peak.series: (piece.first, piece.last, piece.count, piece.peak.id)
                for piece in record.evidence
            },
            to_be_told=ought.to_be_told and told,
        )
        assert record.anomalies == len(members)
        told = incident_of(record)
        actors = told.acknowledged_by, told.resolved_by
        assert actors == self.model.actors(members, record.resolved_at)
        assert (record.root_cause, record.severity) == (ranked, severity)

    def _handle(self, handler, event):
        self.clock.ms += 700
        handler(event)

    def _settle(self):
        """Let the clock wake a new instance: people are told, then ends are noted."""
        self.clock.ms += 10_000
        handler = world.make(self.store, self.publisher, self.clock)
        processed = max(0, self.model.processed_until - world.START) // 1000
        for _ in range(2):
            handler(world.tick(self.second, processed=processed))

    def _learn_flip(self, watermark):
        """Take over from when a topology holds, if that is a time it may hold from.

        What is kept besides is what was: nothing that is delivered again changes it.
        """
        known = self.model.topologies
        newest, current = known[-1]
        at, topology = self.flip_pending or (0, current)
        self.flip_pending = None
        if at > self.latest and topology.version != current.version:
            times = {a.time for _, some in self.pending for a in some if a.time >= watermark}
            delayed = max(at + world.CONFIG.topology_delay * 1000, newest + 1)
            since = max(self.store.topologies)
            possible = {max(delayed, time + 1) for time in {watermark, *times}}
            assert since in possible, "a topology is missing, or holds for what was seen before"
            known.append((since, topology))
        self.latest = max(self.latest, at)
        kept = [(since, one.version) for since, one in sorted(self.store.topologies.items())]
        assert kept == [(since, one.version) for since, one in known]

    def _observed(self, graph, at):
        calls = tuple(Call(client=client, server=server) for client, server in graph)
        fact = TopologyObserved(domain="test", calls=calls, observed_at=at)
        return Event(f"t{at}", "test", fact.type, fact.observed_at, _json(fact))

    def _time(self, later=0):
        return world.START + (self.second + later) * 1000


def _json(fact):
    return fact.model_dump_json().encode()
