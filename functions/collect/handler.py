"""The clock: with every tick, wakes whoever has something due, and asks Prometheus."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass

from aiops import topics
from aiops.action_log import SLOTS, ActionLog
from aiops.adapters.prometheus import Answer, Metrics
from aiops.call_sightings import CallSightings
from aiops.clock import Clock
from aiops.errors import Rejected, Unavailable
from aiops.events import WorkDue
from aiops.ids import derive
from aiops.incident_store import IncidentStore
from aiops.incident_store import Query as IncidentQuery
from aiops.open_windows import SUBJECT, OpenWindows
from aiops.ports import Counts, Event, Message, Publisher
from aiops.published import Published
from aiops.queries import ServiceGraph
from aiops.series import SHARDS, SeriesMap
from aiops.series_store import OVERDUE_SECONDS, SeriesStore
from aiops.training import TrainingQueue
from functions.collect.asking import SOURCE, Asking, Log, questions
from functions.collect.config import CollectConfig
from functions.collect.gathering import MINUTE, Gathering

TICK = "dev.knative.sources.ping"
END_OF_TIME = 1 << 53
ASKING_SECONDS = 16.0
"""Until when in a tick the last query must have been answered; a tick may take 20 s."""


@dataclass(slots=True)
class CollectHandler:
    """Handles the ticks of a PingSource.

    Attributes:
        metrics: Where PromQL is asked; None where no Prometheus is configured.
        logs: Where LogQL is asked; None where no Loki is configured.
        published: Knows what was asked and published before.
        windows: Know of what `detect` keeps until its time has come.
        calls: Knows who was seen calling whom by spans.
        log: Takes a line about what a server says of its own answer.
        timer: Seconds of real time.
    """

    series: SeriesStore
    incidents: IncidentStore
    actions: ActionLog
    training: TrainingQueue
    publisher: Publisher
    clock: Clock
    names: SeriesMap
    domain: str
    config: CollectConfig
    metrics: Metrics | None
    logs: Metrics | None
    published: Published
    windows: Sequence[OpenWindows]
    calls: CallSightings
    log: Log
    timer: Callable[[], float] = time.monotonic

    def __call__(self, event: Event) -> Counts:
        """Handle one tick; a repeated one publishes the same events again, by the same ids.

        Raises:
            Rejected: it is no tick.
            Unavailable: a store, the broker or a query failed; what could be done was done.
        """
        if event.type != TICK:
            raise Rejected(f"type: collect takes no {event.type[:200]!r}")
        counts: Counts = Counter()
        wake_ups = list(self._wake_ups(event.time))
        self.publisher.publish(wake_ups)
        counts["wake_ups"] += len(wake_ups)
        self._collect(event.time, counts)
        return counts

    def _wake_ups(self, now: int) -> Iterator[Message]:
        before = self.clock.now() - int(OVERDUE_SECONDS * 1000 * self.clock.rate)
        seen = self.incidents.look(IncidentQuery(now=now, dirty_before=before))
        is_open = bool(self.incidents.quiet(END_OF_TIME, 1))
        left_behind = self.series.load([], range(SHARDS), before).overdue
        if is_open or left_behind:
            yield from self._through_every_partition(now)
        if any(index.due(now, 1) for index in self.windows):
            yield _work(WorkDue(stage="detect", now=now), topics.METRICS, SUBJECT, 0)
        if is_open or seen.overdue or seen.waiting:
            yield _work(WorkDue(stage="correlate", now=now))
        processed = self._processed() if is_open else None
        if processed is not None:
            due = WorkDue(stage="correlate", now=now, processed_until=processed)
            yield self._behind_the_anomalies(due)
        if self.actions.due(range(SLOTS), now, 1):
            yield _work(WorkDue(stage="act", now=now))
        if self.training.due(now):
            yield _work(WorkDue(stage="train", now=now))

    def _through_every_partition(self, now: int) -> Iterator[Message]:
        """Yield a mark for each partition of `metrics`: what came before it is processed by then.

        Without it nobody could tell a partition that is quiet from one that is behind.
        """
        for partition in range(self.publisher.partitions(topics.METRICS)):
            yield _work(WorkDue(stage="detect", now=now), topics.METRICS, str(partition), partition)

    def _behind_the_anomalies(self, due: WorkDue) -> Message:
        """Return a mark for the partition of `anomalies` that holds the domain's.

        Every anomaly up to `processed_until` was published before this is; who gets it, has got
        them all.
        """
        return _work(due, topics.ANOMALIES, self.domain)

    def _processed(self) -> int | None:
        """Return up to when every partition is processed; None while one is not known."""
        marks = self.series.processed()
        wanted = [str(p) for p in range(self.publisher.partitions(topics.METRICS))]
        return min((marks[p] for p in wanted), default=None) if set(wanted) <= set(marks) else None

    def _collect(self, now: int, counts: Counts) -> None:
        latest = self.timer() + ASKING_SECONDS - self.config.timeout
        asking = Asking(
            self.published,
            self.publisher,
            self.names,
            self.config,
            self.log,
            self.timer,
            latest,
        )
        with ThreadPoolExecutor(self.config.concurrency) as pool:
            asked = list(questions(self.config, self.metrics, self.logs))
            failed = asking.run(asked, now, pool, counts)
            failed += self._gather(now, latest, pool, counts)
        if failed:
            raise Unavailable("; ".join(failed))

    def _gather(self, now: int, latest: float, pool: Executor, counts: Counts) -> list[str]:
        """Publish who calls whom, if it is time to; return what kept a source from saying it."""
        gathering = Gathering(self.incidents, self.domain, self.config)
        if not gathering.due(now):
            return []

        def ask(graph: ServiceGraph) -> Answer | str:
            if self.timer() > latest:
                return "no time left"
            try:
                return self.metrics.query(graph.promql, now) if self.metrics else ""
            except Unavailable as error:
                return str(error)

        graphs = self.config.service_graphs if self.metrics is not None else ()
        told = list(zip(graphs, pool.map(ask, graphs), strict=True))
        answers = {one.name: answer.samples for one, answer in told if isinstance(answer, Answer)}
        lately = now - 2 * MINUTE * self.config.topology_minutes
        observed = gathering.observation(answers, self.calls.since(lately), now, counts)
        if observed is not None:
            self.publisher.publish([observed])
        return [f"{one.name}: {answer}" for one, answer in told if isinstance(answer, str)]


def _work(
    due: WorkDue, topic: str = topics.CONTROL, key: str = "", partition: int | None = None
) -> Message:
    place = key or due.stage
    return Message(
        topic,
        place,
        Event(
            id=derive("work", due.stage, due.now, topic, place),
            source=SOURCE,
            type=WorkDue.type,
            time=due.now,
            data=due.model_dump_json().encode(),
            subject=place,
            extensions={"stage": due.stage},
        ),
        partition,
    )
