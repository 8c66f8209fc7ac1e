"""Requests in, models out: each request is kept until it is served, by one at a time.

A fit may hang, take all memory, or be cut off with everything around it. So a request is stored
before anything is done, leased while it is worked on, and forgotten only when its end is stored.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from aiops.adapters.cloudevent import MAX_AHEAD_MS, read_fact
from aiops.clock import Clock
from aiops.errors import Rejected, Unavailable
from aiops.events import TrainingRequested, WorkDue
from aiops.history import History, HistoryStore
from aiops.ports import Counts, Event, Publisher
from aiops.series import SeriesMap, shard_of
from aiops.training import Claim, ModelStatus, ModelStore, TrainingQueue
from functions.train.announcing import anomaly_of_day, model_fitted
from functions.train.backfill import Backfill
from functions.train.config import TrainConfig
from functions.train.fit import DAY_MS
from functions.train.procedure import Outcome, Task
from functions.train.workshop import MIB, Done, Fitter, Limits

CLAIM_SECONDS = 60.0
"""Until when in a request another fit is begun; it ends well before the Trigger gives up."""

BEAT_SECONDS = 10.0
"""How often a fit that goes on is told of."""

RETRY_MS = 60_000
ENOUGH = 0.9
"""Share of the wanted length of history from which on Prometheus is not asked."""

Log = Callable[[Mapping[str, object]], None]


@dataclass(slots=True)
class TrainHandler:
    """Handles requests for models, and the clock's wake-ups.

    Attributes:
        backfill: Where history from before ours comes from; None where there is no Prometheus.
        log: Takes a line about every fit.
        timer: Seconds of real time.
    """

    history: HistoryStore
    models: ModelStore
    queue: TrainingQueue
    publisher: Publisher
    clock: Clock
    names: SeriesMap
    config: TrainConfig
    fitter: Fitter
    domain: str
    backfill: Backfill | None
    log: Log
    timer: Callable[[], float] = time.monotonic
    _at_work: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, event: Event) -> Counts:
        """Handle one event.

        Raises:
            Rejected: it is no event for this function, or its data is wrong.
            Unavailable: a store or the broker is away; what was not served stays due.
        """
        if event.type == TrainingRequested.type:
            request = read_fact(event, TrainingRequested)
            self.queue.add(request, min(request.requested_at, self.clock.now()))
        elif event.type == WorkDue.type:
            due = read_fact(event, WorkDue)
            if due.stage != "train":
                raise Rejected(f"stage: train does no work of {due.stage!r}")
        else:
            raise Rejected(f"type: train takes no {event.type[:200]!r}")
        return self._work()

    def _work(self) -> Counts:
        """Serve what is due while there is time, unless another request of this process does."""
        if not self._at_work.acquire(blocking=False):
            return Counter(busy=1)
        try:
            counts: Counts = Counter()
            latest = self.timer() + CLAIM_SECONDS
            while self.timer() < latest:
                lease_ms = int(self.config.lease_seconds * 1000 * self.clock.rate)
                claims = self.queue.claim(self.clock.now(), lease_ms, 1)
                if not claims:
                    break
                counts[self._serve(claims[0])] += 1
            return counts
        finally:
            self._at_work.release()

    def _serve(self, claim: Claim) -> str:
        """Serve a request and return in a word how that ended.

        Raises:
            Unavailable: a store or the broker is away; the request is due again in a minute.
        """
        reason = self._not_worth_it(claim.request)
        if reason:
            self.queue.finish(claim)
            return reason
        try:
            now = self._version(claim.request)
            done = self._fit(claim, now)
            self._keep(claim.request, done, now)
        except Unavailable:
            self.queue.defer(claim, self.clock.now() + RETRY_MS)
            raise
        self.queue.finish(claim)
        return done.outcome.state

    def _version(self, request: TrainingRequested) -> int:
        """Return when a model is made: now, or when it was asked for by a clock that is ahead."""
        now = self.clock.now()
        return max(now, min(request.requested_at, now + MAX_AHEAD_MS))

    def _not_worth_it(self, request: TrainingRequested) -> str:
        """Return in a word why a request is not served, empty where it is."""
        status = self.models.status(request.series)
        if status is None or request.reason == "wish":
            return ""
        if status.requested_at >= request.requested_at:
            return "already_served"
        failed = status.state == "failed" and self.clock.now() < status.until
        return "failed_lately" if failed else ""

    def _fit(self, claim: Claim, now: int) -> Done:
        request = claim.request
        if claim.attempts >= self.config.attempts:
            told = f"begun {claim.attempts} times and never ended: it takes its surroundings along"
            return Done(Outcome("failed", request.detector, told, now + DAY_MS), 0.0, 0)
        task = Task(
            series=request.series,
            detector=request.detector,
            params=self.config.params_for(request.detector, dict(request.params)),
            now=now,
            history=self._history(request, now),
        )
        limits = Limits(self.config.seconds_for(request.detector), self.config.memory * MIB)
        return self.fitter.fit(task, limits, self._beat(request))

    def _history(self, request: TrainingRequested, now: int) -> History:
        """Return the points to fit to, with those from before ours where they are missed."""
        since = max(request.since, now - int(self.config.history_days * DAY_MS))
        place = (shard_of(request.series), request.series)
        (found,) = self.history.read([place], since, now + 1)
        first = int(found.time[0]) if len(found.time) else now
        in_rows = "together" in request.params  # which nobody but `detect` puts together
        if self.backfill is None or in_rows or now - first >= ENOUGH * (now - since):
            return found
        try:
            older = self.backfill.read(request.head, since, first)
        except Unavailable as error:
            self.log({"series": request.series, "backfill": str(error)})
            return found
        added = self.history.backfill(*place, older)
        self.log({"series": request.series, "backfilled": added})
        (found,) = self.history.read([place], since, now + 1)
        return found

    def _keep(self, request: TrainingRequested, done: Done, now: int) -> None:
        """Store a model, tell of it, and note how the fit ended, in this order."""
        outcome, shard = done.outcome, shard_of(request.series)
        messages = []
        if outcome.artefact:
            self.models.put(shard, request.series, now, outcome.until, outcome.artefact)
            messages.append(model_fitted(request.series, now, outcome.until))
        series = self.names.read(request.head)
        if outcome.finding is not None and not isinstance(series, str):
            messages.append(anomaly_of_day(outcome.finding, series, self.domain))
        self.publisher.publish(messages)
        self.models.note(
            ModelStatus(
                request.series,
                shard,
                request.head.metric,
                dict(request.head.labels),
                outcome.state,
                outcome.detector,
                outcome.reason,
                now,
                outcome.until,
                dict(outcome.quality),
                request.requested_at,
            )
        )
        self.log(
            {
                "series": request.series,
                "metric": request.head.metric,
                "why": request.reason,
                "detector": outcome.detector,
                "outcome": outcome.state,
                "reason": outcome.reason,
                "seconds": round(done.seconds, 2),
                "peak_mib": round(done.peak / MIB),
            }
        )

    def _beat(self, request: TrainingRequested) -> Callable[[str], None]:
        """Return what tells of a fit that goes on, now and then."""
        last = self.timer()

        def beat(doing: str) -> None:
            nonlocal last
            if self.timer() - last >= BEAT_SECONDS:
                last = self.timer()
                self.log({"series": request.series, "doing": doing})

        return beat
