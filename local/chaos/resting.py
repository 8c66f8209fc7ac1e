"""Waits until the pipeline has come to rest in one respect, while the damage goes on."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from aiops import topics
from aiops.errors import AiopsError
from functions.act.steps import BACKOFF_LIMIT_MS
from local.chaos.compare import unfinished, unpublished
from local.chaos.outcome import Outcome, read_redis, read_topics
from local.chaos.stage import Stage
from local.chaos.waiting import Offsets, Waiting

_LOOK_SECONDS = 0.3

_DEFERRED_SECONDS = 1.25 * BACKOFF_LIMIT_MS / 1000
"""For how long a step that failed again and again may stand still, and come right all the same."""


class Unsettled(Exception):
    """Something did not come to rest in time; the message says what."""


class Resting:
    """Whoever is asked may hang, so a thread of its own asks.

    Args:
        stage: What is asked.
        patience: Seconds that may pass in which one thing does not get any nearer.
        let_pass: Lets a moment pass.
    """

    def __init__(self, stage: Stage, patience: float, let_pass: Callable[[], None]) -> None:
        self._stage = stage
        self._patience = patience
        self._let_pass = let_pass
        self._waiting = Waiting(stage.pipeline.manifests, stage.redis.url, stage.kafka.bootstrap)
        self._asker = ThreadPoolExecutor(1, "asker")
        self._partitions = {
            topic.metadata.name: topic.spec.partitions for topic in stage.pipeline.manifests.topics
        }

    def until(self, what: str, left: Callable[[], int | None], deferred: float = 0.0) -> None:
        """Return once nothing is left of something; None: nobody knows now how much there is.

        Raises:
            Unsettled: it has not become less for too long, besides the seconds it may be deferred.
        """
        least: int | None = None
        patience = self._patience + deferred
        deadline = time.monotonic() + patience
        while (amount := self._asked(left)) != 0:
            if amount is not None and (least is None or amount < least):
                least, deadline = amount, time.monotonic() + patience
            if time.monotonic() > deadline:
                raise Unsettled(f"{what}: no less than {least} for {patience:g} s")
            pause = time.monotonic() + _LOOK_SECONDS
            while time.monotonic() < pause:
                self._let_pass()

    def charted(self) -> None:
        """Return once `correlate` knows a topology."""
        self.until("the topology", lambda: int(not self._waiting.topologies()))

    def correlated(self) -> None:
        """Return once all samples sent so far, and all that follows, have become incidents."""
        self.drained(topics.METRICS)
        self.until("anomalies on their way", self._waiting.anomalies)
        self.drained(topics.ANOMALIES)
        self.published()

    def told(self) -> None:
        """Return once people were told of all that is worth it."""
        self.until("incidents to be told about", self._waiting.untold)
        self.published()

    def resolved(self) -> None:
        """Return once no incident is open."""
        self.until("open incidents", self._waiting.open)
        self.published()

    def published(self) -> None:
        """Return once no snapshot waits to be published."""
        self.until("snapshots to be published", self._waiting.snapshots)

    def acted(self) -> None:
        """Return once all steps have ended; calls may be left that are looked at once more."""

        def unended() -> int | None:
            outcome = Outcome()
            if _untried(lambda: read_redis(outcome, self._stage.redis.url)):
                return None
            return sum(len(unfinished(record)) for record in outcome.pending.values())

        self.drained(topics.INCIDENTS)
        self.until("what act has to do", unended, _DEFERRED_SECONDS)

    def drained(self, topic: str) -> None:
        """Return once every group has finished what is on a topic now.

        The broker of the wheel says that a topic ends before its last batch: it is asked again.
        """
        for _ in range(3 if self._stage.setting.embedded else 1):
            self._finished(topic)

    def stored(self) -> Outcome:
        """Return what Redis holds."""
        outcome = Outcome()
        self.until("Redis", lambda: _untried(lambda: read_redis(outcome, self._stage.redis.url)))
        return outcome

    def unpublished(self) -> list[str]:
        """Return the incidents whose stored version is not the one published last."""
        outcome = Outcome()
        self.until("Redis and Kafka", lambda: _untried(lambda: self.read(outcome)))
        return unpublished(outcome)

    def read(self, outcome: Outcome) -> None:
        """Add what is stored and what is on the topics.

        Raises:
            Unavailable: a server does not answer.
        """
        read_redis(outcome, self._stage.redis.url)
        read_topics(outcome, self._stage.kafka.bootstrap, self._partitions)

    def left(self) -> dict[str, int]:
        """Return how much of what should be none is left, by what it is."""
        found = {
            "anomalies not published": self._waiting.anomalies(),
            "incidents not published": self._waiting.snapshots(),
            "incidents not told": self._waiting.untold(),
            "incidents open": self._waiting.open(),
        }
        return {what: amount or 0 for what, amount in found.items()}

    def close(self) -> None:
        """Give the connections up."""
        self._asker.shutdown(wait=False, cancel_futures=True)
        self._waiting.close()

    def _finished(self, topic: str) -> None:
        ends: Offsets = {}

        def unknown() -> int:
            ends.update(self._waiting.ends(topic) or {})
            return int(not ends)

        self.until(f"the ends of {topic}", unknown)
        self.until(f"records on {topic}", lambda: self._waiting.behind(topic, ends))

    def _asked(self, left: Callable[[], int | None]) -> int | None:
        answer = self._asker.submit(left)
        while not answer.done():
            self._let_pass()
        return answer.result()


def _untried(work: Callable[[], object]) -> int:
    """Do something; return how much of it is left to do, 1 if it could not be done."""
    try:
        work()
    except AiopsError:
        return 1
    return 0
