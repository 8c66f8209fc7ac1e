"""Samples in, anomalies out, each once in effect, whatever dies in between."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from aiops import topics
from aiops.adapters.cloudevent import read_fact
from aiops.adapters.serve import child_trace
from aiops.changes import ChangeMarks
from aiops.clock import Clock
from aiops.errors import Rejected, Unavailable
from aiops.events import AnomaliesDetected, Samples, TrainingRequested, WorkDue
from aiops.ids import derive
from aiops.ports import Counts, Event, Message, Publisher
from aiops.series import SHARDS
from aiops.series_store import MAX_BACKLOG, OVERDUE_SECONDS, Field, SeriesStore
from aiops.training import ModelStore
from aiops.verdicts import VerdictStore
from functions.detect.batch import Batch, take
from functions.detect.caps import Caps
from functions.detect.config import DetectConfig
from functions.detect.control import Control
from functions.detect.fitted import Shelf
from functions.detect.intake import Intake
from functions.detect.outcome import Outcome
from functions.detect.reading import SampleReader
from functions.detect.reordering.holding import Holding
from functions.detect.scoring import Scorer
from functions.detect.signals.kubernetes.handler import PREFIX, KubernetesEventHandler
from functions.detect.signals.kubernetes.judging import EventJudge
from functions.detect.sources import PLAIN_RECORD, Signal, source_of

ROUNDS = 5
"""How often series changed by someone else meanwhile are scored again."""

MAX_EVENT_BYTES = 256 * 1024


@dataclass(slots=True)
class _Settled:
    """What came of a batch, until now."""

    outputs: dict[Field, bytes] = field(default_factory=dict)
    rejected: list[Field] = field(default_factory=list)
    asks: list[TrainingRequested] = field(default_factory=list)
    counts: Counts = field(default_factory=Counter)

    def note(self, outcome: Outcome, refused: set[int]) -> None:
        """Take over what came of the series that are settled, those to be scored again left out.

        Args:
            outcome: Of one round.
            refused: Which of its writes were.
        """
        again = {outcome.places[index] for index in refused}
        if outcome.writes:
            self.counts["accepted"] += sum(
                n for index, n in enumerate(outcome.accepted) if index not in refused
            )
        for index, write in enumerate(outcome.writes):
            if write.outputs and index not in refused:
                self.counts["anomalies"] += len(write.outputs)
                self.outputs |= {(write.shard, name): body for name, body in write.outputs}
        for place, reason, output in outcome.rejected:
            if place not in again:
                self.counts[reason] += 1
                self.rejected.append(output)
        self.asks += [request for place, request in outcome.asks if place not in again]


@dataclass(slots=True)
class DetectHandler:
    """Handles events of the topics `metrics`, `events` and `control`."""

    store: SeriesStore
    publisher: Publisher
    clock: Clock
    reader: SampleReader
    config: DetectConfig
    scorer: Scorer
    domain: str
    models: ModelStore
    verdicts: VerdictStore
    changes: ChangeMarks
    caps: Caps
    holding: Holding | None = None
    shelf: Shelf = field(init=False)
    control: Control = field(init=False)
    kubernetes: KubernetesEventHandler = field(init=False)
    intake: Intake = field(init=False)

    def __post_init__(self) -> None:
        """Make the parts that are its own."""
        self.shelf = Shelf(int(self.config.model_memory * (1 << 20)))
        self.control = Control(
            self.store, self.verdicts, self.changes, self.clock, self.scorer.kinds
        )
        judge = EventJudge(self.config.kubernetes_events, self.reader.names, self.domain)
        self.kubernetes = KubernetesEventHandler(
            judge, self.publisher, int(self.config.max_future * 1000)
        )
        self.intake = Intake(self.config)

    def __call__(self, event: Event) -> Counts:
        """Handle one event.

        Raises:
            Rejected: it is no event for this function, or no samples.
            Unavailable: state or outputs could not be stored or published.
        """
        if event.type.startswith(PREFIX) or self._carries(event, "events"):
            return self.kubernetes(event)
        if event.type in {Samples.type, PLAIN_RECORD}:
            return self._samples(event)
        if event.type == WorkDue.type:
            return self._tick(event)
        if event.type in Control.types:
            return self.control(event)
        raise Rejected(f"type: detect takes no {event.type[:200]!r}")

    def _carries(self, event: Event, signal: Signal) -> bool:
        """Return whether an event is a plain record of a signal."""
        plain = event.type == PLAIN_RECORD
        return plain and source_of(event, self.config.topics).signal == signal

    def _samples(self, event: Event) -> Counts:
        columns, found = self.intake.read(event, self.reader)
        batch, counts = take(
            columns,
            event.time,
            int(self.config.max_future * 1000),
            int(self.config.max_age * 1000),
        )
        counts.update(found)
        batch = self.caps.admit(batch, self.clock.now(), counts)
        if self.holding is not None:
            batch = self.holding.take(event, batch, counts)
        settled = self._settle(event, batch)
        counts.update(settled.counts)
        rejected = settled.rejected
        outputs = settled.outputs | (self.store.outputs(rejected) if rejected else {})
        self._publish(event, outputs)
        self._request(event, settled.asks)
        return counts

    def _settle(self, event: Event, batch: Batch) -> _Settled:
        """Score and commit until every series is."""
        settled = _Settled()
        for _ in range(ROUNDS):
            loaded = self.store.load(
                batch.keys,
                {shard for shard, _ in batch.keys},
                self._overdue_before(),
            )
            if loaded.backlog >= MAX_BACKLOG:
                self._publish(event, dict(loaded.overdue))
                raise Unavailable(f"{loaded.backlog} anomalies wait to be published")
            settled.outputs |= loaded.overdue
            outcome = self._score(batch, loaded.records)
            refused = set(self.store.commit(outcome.writes, self.clock.now()))
            settled.note(outcome, refused)
            if not refused:
                return settled
            batch = batch.only([outcome.places[index] for index in sorted(refused)])
        raise Unavailable("series: changed by others again and again")

    def _score(self, batch: Batch, records: Sequence[bytes | None]) -> Outcome:
        """Score with all that has to be known; it is there for most series already."""
        scoring = self.scorer.begin(batch, records)
        anew = scoring.made_anew
        given = dict(zip(anew, self.verdicts.read(anew), strict=True)) if anew else {}
        fleets = [self.shelf.fleet(one, self.models.fetch) for one in scoring.needed]
        changes = self.changes.latest(scoring.services) if scoring.services else {}
        return scoring.run(given, fleets, changes)

    def _tick(self, event: Event) -> Counts:
        """Publish what was left behind; everything before the tick in its partition is done."""
        due = read_fact(event, WorkDue)
        if due.stage != "detect":
            raise Rejected(f"stage: detect does no work of {due.stage!r}")
        loaded = self.store.load([], range(SHARDS), self._overdue_before())
        self._publish(event, dict(loaded.overdue))
        if event.subject and event.subject.isdecimal():
            self.store.mark_processed(event.subject, due.now)
        return Counter(drained=len(loaded.overdue))

    def _request(self, cause: Event, asks: Sequence[TrainingRequested]) -> None:
        """Ask for models; whoever dies before will ask again later."""
        if asks:
            self.publisher.publish([_request_of(cause, one) for one in asks])

    def _overdue_before(self) -> int:
        return self.clock.now() - int(OVERDUE_SECONDS * 1000 * self.clock.rate)

    def _publish(self, cause: Event, outputs: dict[Field, bytes]) -> None:
        """Publish finished anomalies, then forget them; a repeat carries the same ids.

        What others left behind may be later than the event that finds it, which may be a repeat
        from long ago. The event that carries it must not be earlier: nobody would believe it.
        """
        if not outputs:
            return
        ordered = sorted(outputs.items(), key=_by_time)
        extensions = {
            "causationid": cause.id,
            **child_trace(cause, "detect"),
        }
        self.publisher.publish(
            [
                Message(
                    topics.ANOMALIES,
                    self.domain,
                    Event(
                        id=derive("anomalies", *(f"{shard}:{name}" for (shard, name), _ in part)),
                        source="/aiops/detect",
                        type=AnomaliesDetected.type,
                        time=max(cause.time, _by_time(part[-1])[0]),
                        data=b'{"anomalies":[' + b",".join(body for _, body in part) + b"]}",
                        subject=self.domain,
                        extensions=extensions,
                    ),
                )
                for part in _parts(ordered)
            ]
        )
        self.store.remove(list(outputs))


def _request_of(cause: Event, asked: TrainingRequested) -> Message:
    """Return the message that asks for a model; a repeat carries the same id."""
    identity = (asked.series, asked.reason, asked.requested_at)
    return Message(
        topics.CONTROL,
        asked.series,
        Event(
            id=derive("training", *identity),
            source="/aiops/detect",
            type=TrainingRequested.type,
            time=cause.time,
            data=asked.model_dump_json().encode(),
            subject=asked.series,
            extensions={"causationid": cause.id, **child_trace(cause, "detect")},
        ),
    )


def _by_time(item: tuple[Field, bytes]) -> tuple[int, str]:
    (_, name), _ = item
    key, _, time = name.partition(":")
    return int(time), key


def _parts(
    ordered: Sequence[tuple[Field, bytes]],
) -> list[list[tuple[Field, bytes]]]:
    """Split outputs so that no event's data grows beyond what a broker takes."""
    parts: list[list[tuple[Field, bytes]]] = []
    size = MAX_EVENT_BYTES
    for item in ordered:
        if size + len(item[1]) > MAX_EVENT_BYTES - 64:
            parts.append([])
            size = 0
        parts[-1].append(item)
        size += len(item[1]) + 1
    return parts
