"""Samples in, anomalies out, each once in effect, whatever dies in between."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from aiops import topics
from aiops.adapters.cloudevent import read_fact
from aiops.adapters.serve import child_trace
from aiops.clock import Clock
from aiops.errors import Rejected, Unavailable
from aiops.events import AnomaliesDetected, Samples, WorkDue
from aiops.ids import derive
from aiops.ports import Counts, Event, Message, Publisher
from aiops.series import SHARDS
from aiops.series_store import MAX_BACKLOG, OVERDUE_SECONDS, Field, SeriesStore
from functions.detect.batch import Batch, take
from functions.detect.config import DetectConfig
from functions.detect.reading import SampleReader
from functions.detect.scoring import Outcome, Scorer

PLAIN_RECORD = "dev.knative.kafka.event"
"""What KafkaSource makes of a record that is no CloudEvent."""

ROUNDS = 5
"""How often series changed by someone else meanwhile are scored again."""

MAX_EVENT_BYTES = 256 * 1024


@dataclass(slots=True)
class DetectHandler:
    """Handles events of the topic `metrics`."""

    store: SeriesStore
    publisher: Publisher
    clock: Clock
    reader: SampleReader
    config: DetectConfig
    scorer: Scorer
    domain: str

    def __call__(self, event: Event) -> Counts:
        """Handle one event.

        Raises:
            Rejected: it is no event for this function, or no samples.
            Unavailable: state or outputs could not be stored or published.
        """
        if event.type in {Samples.type, PLAIN_RECORD}:
            return self._samples(event)
        if event.type == WorkDue.type:
            return self._tick(event)
        raise Rejected(f"type: detect takes no {event.type[:200]!r}")

    def _samples(self, event: Event) -> Counts:
        if event.type == PLAIN_RECORD and not event.data.lstrip().startswith(b'{"series"'):
            raise Rejected("data: unknown format; expected samples in columns")
        columns = self.reader.read(event.data) or self.reader.of(read_fact(event, Samples))
        batch, counts = take(
            columns,
            event.time,
            int(self.config.max_future * 1000),
            int(self.config.max_age * 1000),
        )
        outputs, rejected, scored = self._settle(event, batch)
        counts.update(scored)
        outputs |= self.store.outputs(rejected) if rejected else {}
        self._publish(event, outputs)
        return counts

    def _settle(self, event: Event, batch: Batch) -> tuple[dict[Field, bytes], list[Field], Counts]:
        """Score and commit until every series is; return outputs, rejected samples and counts."""
        outputs: dict[Field, bytes] = {}
        rejected: list[Field] = []
        counts: Counts = Counter()
        for _ in range(ROUNDS):
            loaded = self.store.load(
                batch.keys,
                {shard for shard, _ in batch.keys},
                self._overdue_before(),
            )
            if loaded.backlog >= MAX_BACKLOG:
                self._publish(event, dict(loaded.overdue))
                raise Unavailable(f"{loaded.backlog} anomalies wait to be published")
            outputs |= loaded.overdue
            outcome = self.scorer.score(batch, loaded.records)
            refused = self.store.commit(outcome.writes, self.clock.now())
            again = [outcome.places[index] for index in refused]
            _note(outcome, set(refused), set(again), outputs, rejected, counts)
            if not again:
                return outputs, rejected, counts
            batch = batch.only(again)
        raise Unavailable("series: changed by others again and again")

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


def _note(  # noqa: PLR0913, PLR0917 - what has been found so far is added to
    outcome: Outcome,
    refused: set[int],
    again: set[int],
    outputs: dict[Field, bytes],
    rejected: list[Field],
    counts: Counts,
) -> None:
    """Take over what came of the series that are settled, those to be scored again left out."""
    if outcome.writes:
        counts["accepted"] += sum(
            n for index, n in enumerate(outcome.accepted) if index not in refused
        )
    for index, write in enumerate(outcome.writes):
        if write.outputs and index not in refused:
            counts["anomalies"] += len(write.outputs)
            outputs |= {(write.shard, name): body for name, body in write.outputs}
    for place, reason, output in outcome.rejected:
        if place not in again:
            counts[reason] += 1
            rejected.append(output)


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
