"""What detection told correlation, recorded once and played to one correlator after the other."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from aiops import topics
from aiops.adapters.memory_broker import MemoryPublisher
from aiops.adapters.memory_incidents import MemoryIncidents
from aiops.clock import ManualClock
from aiops.events import AnomaliesDetected, Anomaly, Incident
from aiops.ports import Counts, Event
from aiops.topology import Topology
from functions.correlate.assembly import assemble
from functions.correlate.config import CorrelateConfig
from local.evaluation import Evaluation, evaluate
from local.in_process import DOMAIN, InProcess
from local.recording import Recording
from local.replay import replay_through


@dataclass(slots=True)
class Tape:
    """Everything correlation was sent.

    Attributes:
        recording: With the faults that are known.
        events: With the time of the clock, unix milliseconds.
        began: Event time at which the recording began.
        ended: And ended.
    """

    recording: Recording
    events: list[tuple[int, Event]] = field(default_factory=list)
    began: int = 0
    ended: int = 0

    @property
    def topology(self) -> Topology:
        """Who calls whom."""
        return Topology.of((call.client, call.server) for call in self.recording.calls)

    def arrivals(self) -> Iterator[tuple[int, Sequence[Anomaly]]]:
        """Yield anomalies as they arrived."""
        for now, event in self.events:
            if event.type == AnomaliesDetected.type:
                yield now, AnomaliesDetected.model_validate_json(event.data).anomalies

    def judged(self, incidents: Sequence[Incident]) -> Evaluation:
        """Return how well these incidents explain the faults."""
        return evaluate(incidents, self.recording.faults, self.began, self.ended)


def taped(recording: Recording) -> Tape:
    """Send a recording through detection, with the shipped configuration."""
    tape = Tape(recording)
    pipeline = InProcess.of({}, recording.calls)

    def tell(event: Event) -> Counts:
        tape.events.append((pipeline.clock.ms, event))
        return Counts()

    pipeline.correlate = tell
    outcome = replay_through(pipeline, [recording])
    tape.began, tape.ended = outcome.began, outcome.ended
    return tape


def play(tape: Tape, ranker: str) -> tuple[Incident, ...]:
    """Return the incidents correlation makes of a tape with a ranker, else as shipped."""
    clock, publisher = ManualClock(), MemoryPublisher()
    config = CorrelateConfig(ranker=ranker)
    handler = assemble(DOMAIN, MemoryIncidents(), publisher, clock, config, tape.topology)
    latest: dict[str, Incident] = {}
    for now, event in tape.events:
        clock.ms = now
        handler(event)
        for message in publisher.take(topics.INCIDENTS):
            snapshot = Incident.model_validate_json(message.event.data)
            known = latest.get(snapshot.id)
            if known is None or snapshot.version > known.version:
                latest[snapshot.id] = snapshot
    return tuple(latest.values())
